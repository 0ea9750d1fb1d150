"""Which processes of the stack live, hang or are gone, and the progress they report. No real processes: their
deaths are acted, with what the supervisor's run line makes of them."""

from __future__ import annotations

from collections.abc import Mapping

from openmtz.safety import ProgressSample

NODES: Mapping[str, float] = {
    "safety_monitor": 0.0, "scan_head": 0.1, "simulation": 0.25, "recorder": 0.5, "arm": 1.0,
    "surface_capture": 1.0, "mtz_planner": 2.0, "treatment": 0.5,
}  # fmt: skip
"""Node -> period of progress it promises [s], as the nodes do; 0: none."""


class Publishers:
    """Who publishes on the topics that decide, beside the one node that should."""

    def __init__(self) -> None:
        self._more: set[str] = set()

    def add(self, topic: str) -> None:
        """Let a second node publish on a topic."""
        self._more.add(topic)

    def remove(self, topic: str) -> None:
        """Take that node away again."""
        self._more.discard(topic)

    def shared(self) -> str:
        """Return the topics with more than one publisher, as the monitor's node would find them."""
        return ", ".join(sorted(self._more))

    def found(self) -> dict[str, str]:
        """Return what the monitor is told of who speaks: code of the condition -> detail."""
        return {"topic-shared": self.shared()} if self._more else {}


class Processes:
    """`kill` ends a process for good, `freeze` lets it hang (SIGSTOP, a stalled loop) until `thaw`."""

    def __init__(self) -> None:
        self._dead: set[str] = set()
        self._frozen: set[str] = set()
        self._counters = dict.fromkeys(NODES, 0)
        self._due = dict.fromkeys(NODES, 0.0)
        self.samples: dict[str, ProgressSample] = {}
        self.publishers = Publishers()
        self.run_line_watched = True

    def runs(self, name: str) -> bool:
        """Whether a node does its work now."""
        return name not in self._dead and name not in self._frozen

    def kill(self, name: str) -> None:
        """End a process: `kill -9`.

        Raises:
            KeyError: no such node.
        """
        self._dead.add(self._known(name))

    def freeze(self, name: str) -> None:
        """Let a process hang: it lives, but does nothing."""
        self._frozen.add(self._known(name))

    def thaw(self, name: str) -> None:
        """Let a process that hung go on."""
        self._frozen.discard(self._known(name))

    @staticmethod
    def _known(name: str) -> str:
        if name not in NODES:
            raise KeyError(f"no node {name!r}; there are: {', '.join(NODES)}")
        return name

    @property
    def run_line_ok(self) -> bool:
        """Whether every process of the stack is there; the kernel tells of a death at once."""
        return not (self._dead and self.run_line_watched)

    def work(self, now: float) -> None:
        """Let every process that runs report its progress when it is due."""
        for name, period in NODES.items():
            if period and self.runs(name) and now >= self._due[name]:
                self._due[name] = now + 0.4 * period
                self._counters[name] += 1
                self.samples[name] = ProgressSample(self._counters[name], now, period)
