"""A treatment of a second of processor time: captured once, each run begins with its surface and plan.
From the approval on everything is as in `simulate`: procedure, monitor, device, arm, ground truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginManager, load_plugins
from openmtz.plan import TreatmentPlan
from openmtz.procedure import Procedure
from openmtz.robot import CAMERA_FRAME
from openmtz.safety import SafetyConfig, SafetyMonitor
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.run import NOT_JUDGED, SimulationResult, simulate
from openmtz.simulation.lockstep.scenario import Scenario
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.truth.harms import Circumstances, Harm, Stop, harm
from openmtz.stack import CaptureOrder, MoveDone, MoveOrder

PATIENT = {"kind": "phantom", "phantom": "forearm", "lesions": "none"}
FACTS = {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"}
STRIP = ((0.494, -0.016), (0.506, -0.016), (0.506, 0.016), (0.494, 0.016))
"""Corners of the region [m]: along the forearm, longer than the field of one station."""
HOLD_TIMEOUT_S, FRAMES_S = 2.0, 3.0
"""In place of 300 and 30 s: what is held or waited for in vain shall end soon."""

Guard = Callable[[LockstepCell, LockstepStack], None]
"""Switches a guard off, before time begins."""


def scenario(**more: Any) -> Scenario:
    """Return the campaign's treatment: 600 spots on a smooth forearm, two stations."""
    region = {"polygon_m": [(x, y, 0.05) for x, y in STRIP]}
    base: dict[str, Any] = {
        "name": "campaign", "indication": "ladd", "patient": PATIENT, "facts": FACTS,
        "request": {"region": region, "overrides": {"density_scale": 0.4}},
        "views": 3, "frames_per_view": 2, "scan_radius_m": 0.03, "limit_s": 60.0,
    }  # fmt: skip
    return Scenario.model_validate({**base, **more})


@dataclass(frozen=True, eq=False)
class Captured:
    """What every run begins with."""

    surface: SkinSurface
    plan: TreatmentPlan
    plugins: PluginManager

    @property
    def midst(self) -> str:
        """The event of two fifths of the first group being fired: much is to come, of it and after it."""
        first = self.plan.groups()[0]
        assert first.end > 150 and len(self.plan) - first.end > 150, (
            "the campaign's faults need longer groups"
        )
        return f"spots:{first.end * 2 // 5}"


def capture() -> Captured:
    """Scan the patient and plan, once, in lockstep; nobody approves."""
    plugins = load_plugins()
    result = simulate(scenario(operator_approves=False, limit_s=8.0), manager=plugins)
    assert result.surface is not None and result.plan is not None, result.reason
    return Captured(result.surface, result.plan, plugins)


@dataclass(frozen=True, eq=False)
class Run:
    """What came of one: `harms` by name, judged with the stops that the faults are."""

    result: SimulationResult
    harms: dict[str, Harm]

    @property
    def names(self) -> set[str]:
        """Names of the harms."""
        return set(self.harms)

    def said(self, text: str) -> bool:
        """Whether log, outcome or reason name this."""
        return text in f"{self.result.reason} {self.result.log.lines()}"

    def shots(self) -> int:
        """How many pulses were emitted."""
        return len(self.result.truth["spot_index"])


def fault(
    name: str, after: str | float, plus_s: float = 0.0, for_s: float | None = None, **p: Any
) -> dict[str, Any]:
    """Return a fault for a scenario: `after` an event, or at an instant [s]."""
    when = {"at_s": after} if isinstance(after, float) else {"after": after, "plus_s": plus_s}
    return {"when": when, "fault": name, "parameters": p, "for_s": for_s}


def play(
    known: Captured,
    faults: Iterable[dict[str, Any]] = (),
    guards: Sequence[Guard] = (),
    *,
    stop_s: float | None = None,
    seed: int = 0,
    scan: bool = False,
    **more: Any,
) -> Run:
    """Treat with these faults and without these guards.

    `stop_s`: the first fault is a stop that must have ended emission after so long; it lasts as the fault
    does, or until the footswitch is pressed afresh. `scan`: with a capture and a plan of its own, on a
    region the planner chooses. `more`: fields of the scenario.
    """
    faults = list(faults)

    def prepare(cell: LockstepCell, stack: LockstepStack) -> None:
        config = SafetyConfig(hold_timeout_s=HOLD_TIMEOUT_S)
        stack.monitoring.monitor = SafetyMonitor(config, "campaign", cell.time_s)
        stack.treating.dispatcher.procedure = Procedure(replace(stack.procedure.config, frames_s=FRAMES_S))
        if not scan:
            _rehearse(stack, known)
        for switch_off in guards:
            switch_off(cell, stack)

    # With the operator's word for skin that gets no spots: what a hand hides would else be no plan.
    overrides = {"density_scale": 0.3, "allow_partial": True}
    own = {"voxel_m": 0.002, "request": {"overrides": overrides}} if scan else {}
    story = scenario(**{**own, "faults": faults, **more})
    return judge(simulate(story, seed, manager=known.plugins, prepare=prepare), stop_s, faults)


def judge(result: SimulationResult, stop_s: float | None, faults: Sequence[dict[str, Any]]) -> Run:
    """Return the harms with the first fault as a stop."""
    stops: tuple[Stop, ...] = ()
    if stop_s is not None:
        began = next(e["t"] for e in result.log.of("fault") if e["name"] == faults[0]["fault"])
        until = float("inf")
        for entry in result.log.entries:
            pressed = entry["kind"] == "operator" and entry["name"] == "footswitch_pressed=True"
            ended = entry["kind"] == "fault" and entry["name"] == faults[0]["fault"] and not entry["active"]
            if entry["t"] > began and (ended or pressed):
                until = entry["t"]
                break
        stops = (Stop(began, until, stop_s),)
    if result.plan is None or result.records is None:
        return Run(result, {})
    circumstances = Circumstances(stops=stops, fired=result.fired, limits=NOT_JUDGED)
    return Run(result, {h.name: h for h in harm(result.records, result.plan, circumstances)})


def _rehearse(stack: LockstepStack, known: Captured) -> None:
    """Let the capture be over at once, with the surface known; the plan on it is the known one."""
    clients, move = stack.clients, stack.clients.move
    views, told = [0], []

    def pass_view(order: MoveOrder, done: MoveDone) -> None:
        if order.tool != CAMERA_FRAME:
            move(order, done)
            return
        views[0] += 1
        done("", False)
        told[0](views[0] * stack.scan.frames_per_view)

    def begin(_order: CaptureOrder, fused: Callable[[int], None], done: Callable[[str, str], None]) -> None:
        told[:] = [fused, done]
        fused(0)

    def finish(asked: Callable[[str], None]) -> None:
        asked("")
        stack.topics.publish_surface(known.surface)
        told[1](known.surface.surface_id, "")

    for name, act in (("move", pass_view), ("start_capture", begin), ("finish_capture", finish)):
        assert hasattr(clients, name), f"{name} is gone: the rehearsal would be bypassed"
        setattr(clients, name, act)
    stack.planning.planner = lambda *_: Rehearsed(known.plan)  # type: ignore[assignment, return-value]


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """As much of a `PlanningResult` as the stack reads."""

    plan: TreatmentPlan
    findings: tuple[Any, ...] = ()
