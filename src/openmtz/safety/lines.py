"""Interlock lines: bad at once, good only after settling; the footswitch needs a fresh press."""

from __future__ import annotations

from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import Interlocks
from openmtz.safety.interlock_lines import FOOTSWITCH, INTERLOCK_LINES

_CLOSED = tuple(line for line in INTERLOCK_LINES if line is not FOOTSWITCH)


SETTLING = "is good again and settling"
"""Of a line that will count as good in a moment: nobody needs to do anything about it."""


class LineWatch:
    """Keeps since when each line is good, and whether the footswitch was pressed afresh."""

    def __init__(self, config: SafetyConfig) -> None:
        self._config = config
        self._good_since: dict[str, float] = {}
        self._seen_released = False
        self._pressed = False
        self._fresh = False

    @property
    def pressed(self) -> bool:
        """The footswitch is down."""
        return self._pressed

    @property
    def fresh_press(self) -> bool:
        """The footswitch is down, and went down since `forget_press`."""
        return self._pressed and self._fresh

    def forget_press(self) -> None:
        """From now on only a new press counts."""
        self._fresh = False
        self._seen_released = not self._pressed

    def update(self, lines: Interlocks | None, now: float) -> dict[str, str]:
        """Return the active conditions with a detail each; nothing is said of lines never read."""
        if lines is None:
            return {}
        active: dict[str, str] = {}
        for line in _CLOSED:
            if not lines.states[line.name]:
                self._good_since.pop(line.name, None)
                active[line.condition] = f"line {line.name} is false"
                continue
            age = now - self._good_since.setdefault(line.name, now)
            if age < self._config.line_settle_s:
                wait = f"ask again in {self._config.line_settle_s:g} s"
                active[line.condition] = f"line {line.name} {SETTLING}, {wait}"
            elif line.expires and age > getattr(self._config, line.expires):
                active[line.condition] = f"line {line.name} expired with {line.expires}; set it anew"
        self._update_footswitch(lines.states[FOOTSWITCH.name])
        if not self._pressed:
            active[FOOTSWITCH.condition] = "released"
        return active

    def _update_footswitch(self, pressed: bool) -> None:
        if not pressed:
            self._seen_released, self._fresh = True, False
        elif self._seen_released:
            self._fresh, self._seen_released = True, False
        self._pressed = pressed
