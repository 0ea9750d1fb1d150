"""Processes of the stack die, hang, or publish what they should not."""

from __future__ import annotations

from openmtz.simulation.faults.acts.act import Act, Parameters, Switch
from openmtz.simulation.faults.catalogue import FAULTS
from openmtz.simulation.faults.faults_on import FaultsOn

_KILLED, _HANGS = "_killed", "_hangs"


def _dies(node: str) -> Switch:
    def switch(on: FaultsOn, active: bool, _given: Parameters) -> None:
        if active:  # a death has no end
            on.rig.processes.kill(node)

    return switch


def _hangs(node: str) -> Switch:
    def switch(on: FaultsOn, active: bool, _given: Parameters) -> None:
        (on.rig.processes.freeze if active else on.rig.processes.thaw)(node)

    return switch


def share_topic(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Let a second node publish interlock lines."""
    (on.rig.publishers.add if active else on.rig.publishers.remove)("interlocks")


def replace_plan(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Let another plan appear; the one before does not come back."""
    if active:
        on.rig.plans.replace()


def replace_surface(on: FaultsOn, active: bool, _given: Parameters) -> None:
    """Let another surface appear; the one before does not come back."""
    if active:
        on.rig.surfaces.replace()


def lift_plans(on: FaultsOn, active: bool, given: Parameters) -> None:
    """Let plans lie `offset_m` above the skin."""
    on.rig.planner.offset_m = float(given["offset_m"]) if active else 0.0


PROCESSES = {
    **{n: Act(("processes",), _dies(n.removesuffix(_KILLED))) for n in FAULTS if n.endswith(_KILLED)},
    **{n: Act(("processes",), _hangs(n.removesuffix(_HANGS))) for n in FAULTS if n.endswith(_HANGS)},
    "second_publisher": Act(("publishers",), share_topic),
    "plan_replaced": Act(("plans",), replace_plan),
    "plan_off_skin": Act(("planner",), lift_plans),
    "surface_replaced": Act(("surfaces",), replace_surface),
}
