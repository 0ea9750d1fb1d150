"""The faults of a rig: which are on, and how one is switched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openmtz.simulation.faults.acts import ACTS
from openmtz.simulation.faults.extras import ALL_FAULTS
from openmtz.simulation.faults.faults_on import FaultsOn
from openmtz.simulation.faults.rig import NotCarriedOut, Rig


class FaultPanel:
    """Switches faults by name on a rig, and remembers which are on."""

    def __init__(self, rig: Rig, place: str) -> None:
        """`place`: what the rig is part of, for a person: `the world of the graph`."""
        self.rig = rig
        self._place = place
        self._faults_on = FaultsOn(rig)
        self._lacks = rig.lacks()
        self._on: dict[tuple[str, str], dict[str, Any]] = {}

    def names(self) -> list[str]:
        """Return the names of the faults that this rig carries out, sorted."""
        return sorted(name for name in ALL_FAULTS if not self.why_not(name))

    def why_not(self, name: str) -> str:
        """Return why a fault cannot be carried out on this rig, or nothing."""
        return next((self._lacks[port] for port in ACTS[name].uses if port in self._lacks), "")

    def active(self) -> list[str]:
        """Return the names of the faults that are on."""
        return sorted({name for name, _ in self._on})

    def switch(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        """Switch a fault on or off; what has happened for good (a death, a reboot) ignores its end.

        Raises:
            NotCarriedOut: not on this rig; says why. ValueError: no such fault, or parameters that cannot be.
        """
        fault = ALL_FAULTS.get(name)
        if fault is None:
            raise ValueError(f"no fault {name!r}; there are: {', '.join(self.names())}")
        reason = self.why_not(name)
        if reason:
            raise NotCarriedOut(
                f"{name} ({fault.part}: {fault.what}) is not carried out by {self._place}: {reason}"
            )
        given = fault.check(parameters)
        try:
            ACTS[name].switch(self._faults_on, active, given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        # A fault that exists once per line is ended line by line.
        key = (name, str(given.get("line", "")))
        if active:
            self._on[key] = dict(parameters)
        else:
            self._on.pop(key, None)

    def ask(self, name: str, active: bool, parameters_json: str) -> str:
        """Switch a fault as asked for in JSON: an object of parameters, or an empty text. Returns why not."""
        try:
            parameters = json.loads(parameters_json) if parameters_json.strip() else {}
        except (ValueError, RecursionError) as error:
            return f"parameters_json is not JSON: {error}"
        if not isinstance(parameters, dict):
            return "parameters_json must be a JSON object"
        try:
            self.switch(name, active, parameters)
        except ValueError as error:
            return str(error)
        return ""

    def clear(self) -> str:
        """Switch off every fault that is on; returns what could not be, or nothing."""
        failed = []
        for (name, _), parameters in list(self._on.items()):
            try:
                self.switch(name, False, parameters)
            except ValueError as error:
                failed.append(str(error))
        self._on.clear()
        return "; ".join(failed)
