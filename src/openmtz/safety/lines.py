"""Interlock lines: bad at once, good only after settling; the footswitch needs a fresh press."""

from __future__ import annotations

import math

from openmtz.safety.config import SafetyConfig
from openmtz.safety.inputs import Interlocks

_LINES = {
    "emergency-stop": "emergency_stop_closed",
    "key-off": "key_on",
    "door-open": "door_closed",
    "smoke-evacuator-off": "smoke_evacuator_on",
    "eyewear-not-attested": "eyewear_attested",
}


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
        for code, name in _LINES.items():
            if not getattr(lines, name):
                self._good_since.pop(code, None)
                active[code] = f"line {name} is false"
                continue
            since = self._good_since.setdefault(code, now)
            if now - since < self._config.line_settle_s:
                active[code] = f"line {name} is settling"
        attested = self._good_since.get("eyewear-not-attested", math.inf)
        if now - attested > self._config.session_s:
            active["eyewear-not-attested"] = "the attestation expired with the session; attest anew"
        self._update_footswitch(bool(lines.footswitch_pressed))
        if not self._pressed:
            active["footswitch-released"] = "released"
        return active

    def _update_footswitch(self, pressed: bool) -> None:
        if not pressed:
            self._seen_released, self._fresh = True, False
        elif self._seen_released:
            self._fresh, self._seen_released = True, False
        self._pressed = pressed
