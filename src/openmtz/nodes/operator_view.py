"""What an operator sees of the graph: its topics, gathered for a report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openmtz_interfaces.msg import (
    SafetyState,
    ShotsTruth,
    SkinSurface as SurfaceMessage,
    SpotsFired,
    TreatmentPlan as PlanMessage,
    TreatmentStatus,
)

from openmtz.geometry import SkinSurface
from openmtz.nodes import convert, topics
from openmtz.nodes.hearing import ListeningNode
from openmtz.plan import Finding, TreatmentPlan


@dataclass
class Observed:
    """What the operator saw: the graph's own words, and the simulation's truth beside them."""

    surface: SkinSurface | None = None
    plan: TreatmentPlan | None = None
    findings: list[Finding] = field(default_factory=list)
    capture_quality: Any = None
    events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(seconds since the start, kind, name, detail); kinds: stage, safety, withheld."""
    fired_index: list[NDArray[np.int64]] = field(default_factory=list)
    fired_tick_us: list[NDArray[np.int64]] = field(default_factory=list)
    fired_energy_uj: list[NDArray[np.float64]] = field(default_factory=list)
    truth: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    safety_events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(seconds since the start, state, cause, detail)"""
    permits: int = 0
    safety: SafetyState | None = None
    status: TreatmentStatus | None = None


class OperatorView:
    """Keeps in `observed` what was heard; times count from `started` [s, monotonic]."""

    def __init__(self, node: ListeningNode, use_sim_truth: bool) -> None:
        self._node = node
        self.started = time.monotonic()
        self.observed = Observed()
        self._truth_fields = tuple(ShotsTruth.get_fields_and_field_types())[1:]
        node.ear.subscribe(topics.SURFACE, self._on_surface)
        node.ear.subscribe(topics.PLAN, self._on_plan)
        node.ear.subscribe(topics.SAFETY_STATE, self._on_safety)
        node.ear.subscribe(topics.TREATMENT_STATUS, self._on_status)
        node.ear.subscribe(topics.SPOTS_FIRED, self._on_fired)
        if use_sim_truth:
            node.ear.subscribe(topics.SHOTS_TRUTH, self._on_truth)

    def _event(self, kind: str, name: str, detail: str = "") -> None:
        self.observed.events.append((time.monotonic() - self.started, kind, name, detail))

    def _on_surface(self, message: SurfaceMessage) -> None:
        try:
            self.observed.surface = convert.surface_of(message)
            self.observed.capture_quality = message.capture
        except ValueError as error:
            self._node.get_logger().error(f"a surface was refused: {error}")

    def _on_plan(self, message: PlanMessage) -> None:
        try:
            self.observed.findings = [convert.finding_of(f) for f in message.findings]
            self.observed.plan = convert.plan_of(message)
        except ValueError as error:
            self.observed.plan = None
            self._node.get_logger().error(f"a plan was refused: {error}")

    def _on_safety(self, message: SafetyState) -> None:
        last = self.observed.safety
        self.observed.safety = message
        self.observed.permits = max(self.observed.permits, message.permits_granted)
        if last is None or last.state != message.state:
            self._event("safety", message.state_name, message.detail or message.cause)
            self.observed.safety_events.append(
                (time.monotonic() - self.started, message.state_name, message.cause, message.detail)
            )
        withheld = ", ".join(message.withheld)
        if last is not None and withheld != ", ".join(last.withheld) and message.state == SafetyState.FIRING:
            self._event("withheld", withheld or "granting", "")

    def _on_status(self, message: TreatmentStatus) -> None:
        last = self.observed.status
        self.observed.status = message
        if last is None or last.stage != message.stage:
            self._event("stage", message.stage, message.detail)

    def _on_fired(self, message: SpotsFired) -> None:
        self.observed.fired_index.append(np.asarray(message.spot_index, np.int64))
        self.observed.fired_tick_us.append(np.asarray(message.device_tick_us, np.int64))
        self.observed.fired_energy_uj.append(np.asarray(message.energy_uj, np.float64))

    def _on_truth(self, message: ShotsTruth) -> None:
        for name in self._truth_fields:
            self.observed.truth.setdefault(name, []).append(np.asarray(getattr(message, name)))
