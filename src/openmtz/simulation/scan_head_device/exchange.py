"""What goes into one step of the device and what comes out: lines, shots, messages, the log.

A rule that says no raises: `Refusal` is answered and changes nothing, `DeviceFault` is latched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from openmtz.devices import DeviceFrame, FaultCode, Nak, NakCode

NAK_PERIOD_US = 100_000
GAP_PERIOD_US = 2_000


@dataclass(frozen=True)
class Lines:
    """The wires to the head. `known` is False until the wires have said anything: no firing before."""

    emergency_stop_closed: bool = False
    footswitch_pressed: bool = False
    key_on: bool = False
    known: bool = True

    @property
    def stop_closed(self) -> bool:
        """Whether the emergency stop is known to be closed."""
        return self.known and self.emergency_stop_closed


class Shot(NamedTuple):
    """One pulse really emitted: counts the mirrors really stood at, energy really emitted [uJ]."""

    spot: int
    x_counts: float
    y_counts: float
    energy_uj: int
    start_us: int
    duration_us: int


class StepResult(NamedTuple):
    """What one step gave: messages to the host, shots for the world, entries for the device's own log."""

    tx: list[DeviceFrame]
    shots: list[Shot]
    log: list[dict[str, Any]]


class Refusal(Exception):
    """The device will not do it, and nothing changed: a Nak with this code and text."""

    def __init__(self, code: NakCode, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class DeviceFault(Exception):
    """Something is wrong that must stop everything: a latched fault with this code and detail."""

    def __init__(self, code: FaultCode, detail: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Journal:
    """What the device says and writes in one step, stamped with the step's tick `now_us`."""

    def __init__(self) -> None:
        self.now_us = 0
        self._tx: list[DeviceFrame] = []
        self._shots: list[Shot] = []
        self._log: list[dict[str, Any]] = []
        self._last_nak: dict[str, int] = {}

    def say(self, *messages: DeviceFrame) -> None:
        """Queue messages to the host."""
        self._tx.extend(messages)

    def shot(self, shot: Shot) -> None:
        """Tell the world of a shot."""
        self._shots.append(shot)

    def note(self, event: str, **values: Any) -> None:
        """Write an entry of the device's own log; `values` may bring a `tick_us` of their own."""
        self._log.append({"event": event, "tick_us": self.now_us, **values})

    def refuse(self, code: NakCode, text: str) -> None:
        """Answer No; the same No about a permit at most ten times a second."""
        key = f"{int(code)}{text}" if code is not NakCode.GAP else "gap"
        pause = {NakCode.PERMIT_REJECTED: NAK_PERIOD_US, NakCode.GAP: GAP_PERIOD_US}.get(code, 0)
        if self.now_us - self._last_nak.get(key, -NAK_PERIOD_US) >= pause:
            if len(self._last_nak) > 64:
                self._last_nak.clear()
            self._last_nak[key] = self.now_us
            self._tx.append(Nak(int(code), text))

    def take(self) -> StepResult:
        """Return what has gathered, and begin anew."""
        result = StepResult(self._tx, self._shots, self._log)
        self._tx, self._shots, self._log = [], [], []
        return result
