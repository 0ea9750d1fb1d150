"""Since when the arm has been at rest, and what it has touched on its way."""

from __future__ import annotations

from openmtz.simulation.arm import World


class RestWatch:
    """Look after every step of the world. `since_s`: when the arm came to rest, None while it moves."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Begin with an arm at rest that touches nothing: the world is new."""
        self.since_s: float | None = 0.0
        self._known: set[tuple[str, str]] = set()

    def look(self, world: World, now_s: float) -> list[tuple[str, str]]:
        """Return the pairs that touch each other for the first time; a collision is told once."""
        if world.resting:
            if self.since_s is None:
                self.since_s = now_s
            return []
        self.since_s = None
        new = [pair for pair in world.contacts() if pair not in self._known]
        self._known.update(new)
        return new
