"""Plays one scenario in lockstep: from a cold start to the end of the treatment, then what it truly did."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginManager, load_plugins
from openmtz.optics import CO2_120UM_LOW_ENERGY, FieldCalibration
from openmtz.plan import Finding, TreatmentPlan
from openmtz.planning import parse_request
from openmtz.procedure import ScriptedOperator
from openmtz.records import FiredSpots, TruthShots, Verification, verify
from openmtz.safety import Reset
from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.log import EventLog
from openmtz.simulation.lockstep.rig import lockstep_panel
from openmtz.simulation.lockstep.scenario import FaultEvent, Moment, OperatorEvent, Scenario
from openmtz.simulation.lockstep.stack import TICK_S, LockstepStack
from openmtz.simulation.patient import Patient, build_patient
from openmtz.simulation.truth import Circumstances, Harm, ShotRecords, Shots, Stop, TissueTruth, harm
from openmtz.stack import TreatingConfig, TreatmentPlanner, TreatRequest

STANDBY_LIMIT_S = 10.0
AFTERMATH_S = 0.5
"""Time goes on so long after the end: the last reports of shots come in, and what should not happen may."""
NOT_JUDGED = {"bulk-damage": math.inf}
"""Absolute Omega hangs on the residual heat, not calibrated for any profile (domain facts, section 3): a
number that is wrong by powers of ten accuses nobody."""
Prepare = Callable[[LockstepCell, LockstepStack], None]
Progress = Callable[[LockstepStack], None]


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What came of a scenario.

    `outcome`: done, stopped or failed, and the `reason`. `verification`: delivered against planned by
    ground truth, None without a plan. `harms`: what the truth shows that no plan asked for. `truth`:
    columns of every shot. `sim_s` virtual, `cpu_s` spent [s].
    """

    scenario: Scenario
    seed: int
    outcome: str
    reason: str
    log: EventLog
    patient: Patient
    surface: SkinSurface | None
    plan: TreatmentPlan | None
    findings: tuple[Finding, ...]
    fired: FiredSpots | None
    verification: Verification | None
    records: ShotRecords | None
    harms: tuple[Harm, ...]
    truth: dict[str, NDArray[Any]]
    contacts: tuple[tuple[float, str, str], ...]
    sim_s: float
    cpu_s: float
    stage_cpu_s: dict[str, float] = field(default_factory=dict)
    track: tuple[tuple[float, NDArray[np.float64]], ...] = ()
    """(virtual time [s], joints `(6,)` [rad]), where it was asked for."""

    @property
    def as_expected(self) -> bool:
        """Whether outcome and harms are what the scenario expects; without expectation: done, no harm."""
        expect = self.scenario.expect
        harms = {h.name for h in self.harms}
        if expect is None:
            return self.outcome == "done" and not harms and bool(self.verification and self.verification.ok)
        must = set(expect.harms)
        return self.outcome == expect.outcome and must <= harms <= must | set(expect.may)


def simulate(
    scenario: Scenario,
    seed: int = 0,
    *,
    manager: PluginManager | None = None,
    prepare: Prepare | None = None,
    progress: Progress | None = None,
    stops: tuple[Stop, ...] = (),
    track_s: float = 0.0,
    calibration: FieldCalibration | None = None,
) -> SimulationResult:
    """Play `scenario`; same scenario and seed, same log.

    Args:
        manager: plugins, default all installed. prepare: called once before time begins (tests change
            cell or stack there). progress: called every tenth of a virtual second.
        stops: instants after which nothing may be emitted, for the harm `emission-after-stop`.
        track_s: keep the joints so often [s], for a film; 0: never.
        calibration: of the scan head's field, for planner, head and monitor; where its counts truly point is
            `cell.galvo_map`, to be set in `prepare`. None: the nominal map.

    Raises:
        PatientRequestError: the patient cannot be made. RequestError: facts or request are of no use.
        StartBlocked: the arm stands in the patient. PhysicsFailure: the physics blew up.
    """
    began = time.process_time()
    patient = build_patient(scenario.patient_json(), seed)
    cell = LockstepCell(patient, seed, CO2_120UM_LOW_ENERGY)
    plugins = manager or load_plugins()
    stack = LockstepStack(
        cell,
        TreatmentPlanner(plugins, calibration),
        _request(scenario, seed, plugins),
        TreatingConfig(
            views=scenario.views,
            frames_per_view=scenario.frames_per_view,
            scan_radius_m=scenario.scan_radius_m,
            voxel_m=scenario.voxel_m,
        ),
        operator=ScriptedOperator(approves=scenario.operator_approves),
        calibration=calibration,
    )
    if prepare is not None:
        prepare(cell, stack)
    player = _Player(scenario, cell, stack, track_s)
    stage_cpu = player.play(progress)
    cell.judge_shots()
    return _conclude(scenario, seed, player, stops, stage_cpu, time.process_time() - began)


def _request(scenario: Scenario, seed: int, plugins: PluginManager) -> TreatRequest:
    """Return what the operator asks for; a request that cannot be is refused before anything starts."""
    text = json.dumps({"facts": scenario.facts, **scenario.request})
    parse_request(text)
    plugins.provider(scenario.indication)
    return TreatRequest(scenario.indication, text, seed)


class _Player:
    """Moves time, and lets the scenario's events happen."""

    def __init__(self, scenario: Scenario, cell: LockstepCell, stack: LockstepStack, track_s: float) -> None:
        self.scenario, self.cell, self.stack = scenario, cell, stack
        self._track_s = track_s
        self.track: list[tuple[float, NDArray[np.float64]]] = []
        self.faults = lockstep_panel(cell, stack)
        self._ticks = 0
        self._waiting: list[FaultEvent | OperatorEvent] = [*scenario.faults, *scenario.operator]
        self._due: list[tuple[float, FaultEvent | OperatorEvent]] = []
        self._ends: list[tuple[float, FaultEvent]] = []

    def play(self, progress: Progress | None) -> dict[str, float]:
        """Run to the end; returns processor seconds by stage of the procedure."""
        spent: dict[str, float] = {}
        while not self._in_standby() and self.cell.time_s < STANDBY_LIMIT_S:
            self._tick()
        self.stack.start()
        mark = time.process_time()
        while not self.stack.over and self.cell.time_s < self.scenario.limit_s:
            stage = self.stack.procedure.status.stage
            self._tick()
            now = time.process_time()
            spent[stage] = spent.get(stage, 0.0) + now - mark
            mark = now
            if progress is not None and self._ticks % 20 == 0:
                progress(self.stack)
        end = self.cell.time_s + AFTERMATH_S
        while self.cell.time_s < end:
            self._tick()
        return spent

    def _in_standby(self) -> bool:
        outputs = self.stack.outputs
        return outputs is not None and outputs.state.name == "STANDBY"

    def _tick(self) -> None:
        self._ticks += 1
        self.cell.advance(self._ticks * TICK_S)
        if self._track_s and self.cell.time_s >= len(self.track) * self._track_s:
            self.track.append((self.cell.time_s, self.cell.world.joint_state().position))
        self._happen()
        self.stack.tick()

    def _happen(self) -> None:
        now = self.cell.time_s
        for event in list(self._waiting):
            at = self._time_of(event.when, now)
            if at is not None:
                self._waiting.remove(event)
                self._due.append((at, event))
        for at, event in [item for item in self._due if item[0] <= now]:
            self._due.remove((at, event))
            self._do(event, now)
        for at, fault in [item for item in self._ends if item[0] <= now]:
            self._ends.remove((at, fault))
            self.stack.log.add(now, "fault", fault.fault, active=False)
            self.faults.switch(fault.fault, False, fault.parameters)

    def _time_of(self, when: Moment, now: float) -> float | None:
        """Return when it is to happen, None while what it waits for has not come."""
        if when.at_s is not None:
            return when.at_s
        assert when.after is not None
        kind, _, name = when.after.partition(":")
        status, outputs = self.stack.procedure.status, self.stack.outputs
        seen = {
            "stage": status.stage == name,
            "procedure": status.state == name,
            "safety": outputs is not None and outputs.state.name == name,
            "spots": kind == "spots" and status.spots_done >= int(name) > 0,
        }
        return now + when.plus_s if seen[kind] else None

    def _do(self, event: FaultEvent | OperatorEvent, now: float) -> None:
        if isinstance(event, FaultEvent):
            self.stack.log.add(now, "fault", event.fault, active=True, parameters=event.parameters)
            self.faults.switch(event.fault, True, event.parameters)
            if event.for_s is not None:
                self._ends.append((now + event.for_s, event))
            return
        self.stack.log.add(now, "operator", event.act, line=event.line, value=event.value)
        if event.act == "line":
            self.cell.set_line(event.line, event.value)
        elif event.act == "cancel":
            self.stack.cancel("cancelled by the operator")
        elif event.act == "reset":
            reply = self.stack.ask(Reset())
            self.stack.log.add(now, "note", "reset", accepted=reply.accepted, text=reply.text)
        else:
            self.stack.operator.present = event.act == "return"


def _conclude(
    scenario: Scenario,
    seed: int,
    player: _Player,
    stops: tuple[Stop, ...],
    stage_cpu: dict[str, float],
    cpu_s: float,
) -> SimulationResult:
    cell, stack = player.cell, player.stack
    status = stack.procedure.status
    outcome, reason = status.state, status.detail
    if not stack.procedure.finished:
        outcome, reason = "failed", f"no end after {cell.time_s:.0f} s, in {status.state}: {status.detail}"
    columns = cell.truth.columns()
    plan, verification, records = stack.plan, None, None
    fired: FiredSpots | None = None
    harms: tuple[Harm, ...] = ()
    if plan is not None:
        fired = stack.topics.fired.of(plan.sha256)
        truth = truth_of(columns)
        verification = verify(plan, fired, truth)
        tissue = TissueTruth(cell.profile)
        tissue.add(_shots(columns))
        records = tissue.records()
        harms = harm(records, plan, Circumstances(stops=stops, fired=fired, limits=NOT_JUDGED))
    return SimulationResult(
        scenario=scenario,
        seed=seed,
        outcome=outcome,
        reason=reason if outcome != "done" else "",
        log=stack.log,
        patient=cell.patient,
        surface=stack.topics.surface,
        plan=plan,
        findings=stack.findings,
        fired=fired,
        verification=verification,
        records=records,
        harms=harms,
        truth=columns,
        contacts=tuple(cell.contacts),
        sim_s=cell.time_s,
        cpu_s=cpu_s,
        stage_cpu_s=stage_cpu,
        track=tuple(player.track),
    )


def truth_of(columns: dict[str, NDArray[Any]]) -> TruthShots:
    """Return the truth a delivery is judged by: places on the skin at rest, for a plan is of the skin."""
    names = (f.name for f in fields(TruthShots))
    return TruthShots(**{n: columns["rest_position_m" if n == "position_m" else n] for n in names})


def _shots(columns: dict[str, NDArray[Any]]) -> Shots:
    """What was emitted, as tissue takes it; a pulse cut to nothing did nothing."""
    lit = (columns["energy_mj"] > 0.0) & (columns["pulse_us"] > 0.0)
    return Shots(**{f.name: np.asarray(columns[f.name])[lit] for f in fields(Shots)})
