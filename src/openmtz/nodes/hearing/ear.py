"""The ear of a node: its subscriptions to topics that decide, each message judged by who published it.

Who is believed is decided by `openmtz.safety.KnownSpeakers`; here the graph is looked at for it, at most ten
times a second and never for a message of a publisher that is known.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import rclpy.node

from openmtz.nodes.hearing.graph_look import GraphLook
from openmtz.nodes.hearing.subscription import GidSubscription
from openmtz.nodes.topics import Topic
from openmtz.safety import Hearing, KnownSpeakers

LOOK_S = 0.1
"""The graph is looked at so often [s]."""
WAITING_MAX = 200
"""Messages kept, for each topic, until their publisher is known: at the start, for a tenth of a second."""


class _Waiting(NamedTuple):
    """A message whose publisher is not known yet."""

    callback: Callable[[Any], None]
    message: Any
    gid: bytes


class Ear:
    """Hears for a node.

    Args:
        clock: monotonic [s].
        watched: topics with one publisher each, beside those subscribed to.
        names: of the stack's nodes. services: with one server each.
    """

    def __init__(
        self,
        node: rclpy.node.Node,
        clock: Callable[[], float],
        watched: Iterable[Topic] = (),
        names: Iterable[str] = (),
        services: Iterable[str] = (),
    ) -> None:
        self._node, self._clock = node, clock
        self._graph, self._names = GraphLook(node), tuple(names)
        self.speakers = KnownSpeakers([topic.name for topic in watched], self._names, services)
        self._due = -math.inf
        self._asked: dict[str, float] = {}
        self._waiting: dict[tuple[str, str], deque[_Waiting]] = {}
        self._suspect: set[str] = set()
        self._open: list[GidSubscription] = []
        self._told = ""

    def subscribe(
        self,
        topic: Topic,
        callback: Callable[[Any], None],
        names: Iterable[str] = (),
        name_of: Callable[[Any], str] = lambda _: "",
    ) -> None:
        """Subscribe; `callback(message)` for what is believed.

        Args:
            names: of those heard, each for itself, on a topic that nodes share. name_of: who a message says
                that it is.
        """
        self.speakers.expect(topic.name, names)
        depth = min(topic.qos.depth, WAITING_MAX)

        def heard(message: Any, gid: bytes) -> None:
            now, voice = self._clock(), (topic.name, name_of(message))
            verdict = self.speakers.judge(topic.name, gid, now, voice[1])
            if verdict is Hearing.UNKNOWN or voice in self._waiting:
                kept = self._waiting.setdefault(voice, deque(maxlen=depth))
                kept.append(_Waiting(callback, message, gid))
                if now >= self._asked.get(topic.name, -math.inf) + LOOK_S:
                    self._asked[topic.name] = now
                    self._look_at([topic.name], now)
                    self._release(voice, now)
            elif verdict is Hearing.BELIEVED:
                callback(message)
            elif verdict is Hearing.STRANGE:
                self._suspect.add(topic.name)

        self._open.append(GidSubscription(self._node, topic.type, topic.name, topic.qos, heard))

    def _release(self, voice: tuple[str, str], now: float) -> None:
        """Judge again what waits, in order; what is still of nobody known goes on waiting."""
        kept = self._waiting.pop(voice)
        for count, one in enumerate(kept):
            verdict = self.speakers.judge(voice[0], one.gid, now, voice[1])
            if verdict is Hearing.UNKNOWN:
                self._waiting[voice] = deque(list(kept)[count:], maxlen=kept.maxlen)
                return
            if verdict is Hearing.BELIEVED:
                one.callback(one.message)

    def close(self) -> None:
        """Hear no more."""
        for subscription in self._open:
            subscription.close()
        self._open.clear()

    @property
    def shared(self) -> str:
        """Names of topics with more than one publisher, as of the last look."""
        return self.speakers.shared

    def look(self, now: float) -> dict[str, str]:
        """Look at the graph at `now` [s] if it is time; return what speaks against firing."""
        if now >= self._due:
            self._due = now + LOOK_S
            changed = self._graph.changed(self.speakers.topics)
            # A stranger may have taken the place of one that left: as many as before, but others.
            self._look_at({*changed, *self._suspect, *(topic for topic, _ in self._waiting)}, now)
            self._suspect.clear()
            self.speakers.count(
                self._graph.servers(self.speakers.services), self._graph.names() if self._names else ()
            )
            for voice in list(self._waiting):
                self._release(voice, now)
        found = self.speakers.found(now)
        self._tell(found)
        return found

    def _look_at(self, names: Iterable[str], now: float) -> None:
        self.speakers.look({name: self._graph.endpoints(name) for name in names}, now)

    def _tell(self, found: Mapping[str, str]) -> None:
        text = "; ".join(f"{code}: {detail}" for code, detail in found.items())
        if text and text != self._told:
            self._node.get_logger().error(f"not only the stack speaks here: {text}")
        self._told = text
