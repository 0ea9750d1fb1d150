"""Several faults of the simulated scan head may turn the same screw: none ends another. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Parameters = Mapping[str, Any]
Send = Callable[[str, bool, Parameters], None]
"""Switches a fault in the device: its name there, on or off, parameters. A ValueError says why not."""


class Screw(NamedTuple):
    """The device's own name of a fault of the catalogue, and the parameters that are fixed with it."""

    name: str
    fixed: Parameters = MappingProxyType({})


DEVICE_FAULT: dict[str, Screw] = {
    "stuck_shutter": Screw("stuck_shutter"),
    "stuck_galvo": Screw("stuck_galvo"),
    "stuck_galvo_hidden": Screw("stuck_galvo", {"hidden": True}),
    "galvo_offset": Screw("galvo_offset"),
    "drifting_power": Screw("drifting_power"),
    "wrong_power": Screw("drifting_power"),
    "lying_meter": Screw("lying_meter"),
    "head_reboot": Screw("reboot"),
    "lost_bytes": Screw("lost_bytes"),
    "corrupt_bytes": Screw("corrupt_bytes"),
    "late_bytes": Screw("late_bytes"),
    "silent_device": Screw("silent"),
}
"""Fault of the catalogue -> what it is in the device."""
_SAME = (frozenset(("lying_meter", "drifting_power")),)
"""Faults of the device that set the same value of it (`inject`); those of one name do anyway."""
_ONCE = frozenset(("reboot",))
"""Faults that happen and are over: nothing of them is left to end or to restore."""


class DeviceScrews:
    """The faults of the device that are on, by the name under which they were switched.

    A name of the catalogue is translated; any other is taken for the device's own.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._on: dict[str, tuple[str, dict[str, Any]]] = {}

    def switch(self, fault: str, active: bool, parameters: Parameters) -> None:
        """Switch a fault; when one ends, those that turn the same screw and are still on get it back.

        Raises:
            ValueError: the device does not take it; then nothing has changed here.
        """
        screw = DEVICE_FAULT.get(fault, Screw(fault))
        given = {**screw.fixed, **parameters}
        if not active and fault not in self._on and self._sharing(screw.name):
            return  # it was not on, and ending it would end another
        self._send(screw.name, active, given)
        self._on.pop(fault, None)
        if not active:
            for name, values in self._sharing(screw.name):
                self._send(name, True, values)
        elif screw.name not in _ONCE:
            self._on[fault] = (screw.name, given)

    def _sharing(self, device_name: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the faults on that set the same value in the device, in the order they came."""
        group = next((names for names in _SAME if device_name in names), frozenset((device_name,)))
        return [(name, values) for name, values in self._on.values() if name in group]
