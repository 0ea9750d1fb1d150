"""Who may speak: each voice of the graph belongs to the publisher that was there when it was learned.

A *voice* is a topic with one publisher, or a name on a topic that several nodes share (`progress`: each node
speaks for itself). Its publisher is told from others by its gid, 16 bytes that the middleware gives to every
endpoint and delivers with every message. Until messages are authenticated this keeps apart whoever does not
forge gids themselves. Pure: the owner brings gids, what the graph looks like, and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

REMEMBERED_S = 1.0
"""A strange message counts against firing for so long [s]: a step of the monitor must not miss it, and one
that is repeated must not flicker. Engineering default."""

Voice = tuple[str, str]


class Endpoint(NamedTuple):
    """A publisher as the graph shows it: its gid, and the name of its node, empty where not yet known."""

    gid: bytes
    node: str


class Hearing(Enum):
    """What a message is worth."""

    BELIEVED = "believed"
    STRANGE = "strange"
    """Of another publisher than the one known: refused."""
    UNKNOWN = "unknown"
    """Nobody is known for this voice yet: to be judged again after a look at the graph."""
    UNHEARD = "unheard"
    """A voice that nobody asked about."""


class KnownSpeakers:
    """Who speaks with which voice.

    A publisher is learned for a voice when it is the only candidate: the only one on the topic or, where
    nodes share one, the only one of a node of that name. It stays until it has left the graph. Who comes in
    its place is learned in the same way, and noted as a change.

    Args:
        topics: with one publisher each; more, and those that nodes share, come by `expect`.
        names: of nodes that may be in the graph once. services: with one server each.
    """

    def __init__(
        self,
        topics: Iterable[str] = (),
        names: Iterable[str] = (),
        services: Iterable[str] = (),
    ) -> None:
        self._named: dict[str, tuple[str, ...]] = {}
        self._known: dict[Voice, bytes | None] = {}
        for topic in topics:
            self.expect(topic)
        self._names, self._services = frozenset(names), tuple(services)
        self._before: dict[Voice, bytes] = {}
        self._shared: dict[str, str] = {}
        self._twice: dict[str, str] = {}
        self._noted: dict[str, dict[Voice, tuple[float, str]]] = {
            "speaker-foreign": {},
            "speaker-changed": {},
        }
        self._nodes: dict[str, dict[bytes, str]] = {}

    def expect(self, topic: str, names: Iterable[str] = ()) -> None:
        """Add a topic with one publisher, or one that nodes of these names share; what is known stays."""
        who = tuple(names)
        if who:
            self._named[topic] = who
        for name in who or ("",):
            self._known.setdefault((topic, name), None)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to be looked at."""
        return tuple(dict.fromkeys(topic for topic, _ in self._known))

    @property
    def services(self) -> tuple[str, ...]:
        """The services whose servers are to be counted."""
        return self._services

    @property
    def shared(self) -> str:
        """Names of topics with more publishers than one, as of the last look."""
        return ", ".join(self._shared)

    def judge(self, topic: str, gid: bytes, now: float, name: str = "") -> Hearing:
        """Judge a message by its publisher's `gid` at `now` [s]; `name`: who it says that it is."""
        voice = (topic, name)
        try:
            known = self._known[voice]
        except KeyError:
            return Hearing.UNHEARD
        if known is None:
            return Hearing.UNKNOWN
        if known == gid:
            return Hearing.BELIEVED
        self._note("speaker-foreign", voice, gid, now)
        return Hearing.STRANGE

    def look(self, endpoints: Mapping[str, Sequence[Endpoint]], now: float) -> None:
        """Take who publishes at `now` [s] on the topics given; those not given stay as they were."""
        for topic, found in endpoints.items():
            self._nodes[topic] = {one.gid: one.node for one in found}
            if topic in self._named:
                for name in self._named[topic]:
                    self._settle((topic, name), [e.gid for e in found if e.node == name], now)
                continue
            self._settle((topic, ""), [e.gid for e in found], now)
            self._shared.pop(topic, None)
            if len({e.gid for e in found}) > 1:
                self._shared[topic] = ", ".join(sorted(e.node or "a node without a name" for e in found))

    def count(self, servers: Mapping[str, int], names: Iterable[str]) -> None:
        """Take how many servers each service has, and the names of all nodes of the graph."""
        services = [f"{name} ({servers.get(name, 0)})" for name in self._services if servers.get(name, 0) > 1]
        seen: set[str] = set()
        twice: dict[str, None] = {}
        for name in names:
            if name in seen and name in self._names:
                twice[name] = None
            seen.add(name)
        self._twice = {}
        if services:
            self._twice["service-shared"] = ", ".join(services)
        if twice:
            self._twice["name-shared"] = ", ".join(twice)

    def found(self, now: float) -> dict[str, str]:
        """Return what speaks against firing at `now` [s]: code of the condition -> detail."""
        out = dict(self._twice)
        if self._shared:
            out["topic-shared"] = "; ".join(f"{topic}: {who}" for topic, who in self._shared.items())
        for code, notes in self._noted.items():
            for voice in [v for v, (at, _) in notes.items() if now - at > REMEMBERED_S]:
                del notes[voice]
            if notes:
                out[code] = "; ".join(text for _, text in notes.values())
        return out

    def _settle(self, voice: Voice, candidates: list[bytes], now: float) -> None:
        known = self._known[voice]
        if known is not None and known not in candidates:
            self._known[voice] = known = None
        if known is None and len(candidates) == 1:
            (gid,) = candidates
            self._known[voice] = gid
            if self._before.get(voice, gid) != gid:
                self._note("speaker-changed", voice, gid, now)
            self._before[voice] = gid

    def _note(self, code: str, voice: Voice, gid: bytes, now: float) -> None:
        topic, name = voice
        node = self._nodes.get(topic, {}).get(gid, "")
        who = f"node {node}" if node else "a publisher that the graph does not name"
        self._noted[code][voice] = (now, f"{topic}{f' of {name}' if name else ''}: {who}, {gid.hex()}")
