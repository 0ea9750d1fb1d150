"""An act: what one fault does, and which ports of a rig it needs for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from openmtz.simulation.faults.faults_on import FaultsOn

Parameters = Mapping[str, Any]
Switch = Callable[[FaultsOn, bool, Parameters], None]
"""Begins the fault or ends it, with parameters that the catalogue has checked. A ValueError says why not."""


class Act(NamedTuple):
    """`uses`: names of the rig's ports that `switch` touches; a rig that lacks one cannot carry it out."""

    uses: tuple[str, ...]
    switch: Switch
