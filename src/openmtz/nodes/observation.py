"""What is seen of a run, gathered for a report: from the graph as it speaks, or from the record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openmtz_interfaces.msg import SafetyState, ShotsTruth, TreatmentStatus

from openmtz.geometry import SkinSurface
from openmtz.nodes import convert, topics
from openmtz.plan import Finding, TreatmentPlan
from openmtz.safety import cause_text

MOVING_RAD_S = 5e-3
"""The arm moves while a joint is faster than this [rad/s]: measured speeds of a resting arm are below."""
REST_S = 0.25
"""The arm rests once it has not moved for this long [s]."""


@dataclass
class Observed:
    """What was seen: the graph's own words, and the simulation's truth beside them. Times [s] are on the
    clock of whoever listened."""

    surface: SkinSurface | None = None
    plan: TreatmentPlan | None = None
    findings: list[Finding] = field(default_factory=list)
    capture_quality: Any = None
    events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(time, kind, name, detail); kinds: stage, safety, withheld, motion."""
    fired_index: list[NDArray[np.int64]] = field(default_factory=list)
    fired_tick_us: list[NDArray[np.int64]] = field(default_factory=list)
    fired_energy_uj: list[NDArray[np.float64]] = field(default_factory=list)
    truth: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    safety_events: list[tuple[float, str, str, str]] = field(default_factory=list)
    """(time, state, cause, detail)"""
    permits: int = 0
    permit_times: list[float] = field(default_factory=list)
    shot_times: list[NDArray[np.float64]] = field(default_factory=list)
    executed: dict[str, int] = field(default_factory=dict)
    """The device's executed index, by the hash of the plan selected in it."""
    safety: SafetyState | None = None
    status: TreatmentStatus | None = None
    refused: list[str] = field(default_factory=list)
    """Messages that could not be believed, and why."""


class Observation:
    """Gathers messages of its `topics` into `observed`, in the order in which they are given."""

    def __init__(self) -> None:
        self.observed = Observed()
        self._moved_at = -np.inf
        self._moving = False
        self._truth_fields = tuple(ShotsTruth.get_fields_and_field_types())[1:]
        heard = (
            (topics.SURFACE, self._surface),
            (topics.PLAN, self._plan),
            (topics.SAFETY_STATE, self._safety),
            (topics.TREATMENT_STATUS, self._status),
            (topics.SPOTS_FIRED, self._fired),
            (topics.SHOTS_TRUTH, self._truth),
            (topics.HEAD_STATUS, self._head),
            (topics.PERMIT, self._permit),
            (topics.JOINT_STATES, self._joints),
        )
        self.topics = tuple(topic for topic, _ in heard)
        self._hear: dict[str, Callable[[Any, float], None]] = {topic.name: take for topic, take in heard}

    def hear(self, topic: topics.Topic, message: Any, t: float) -> None:
        """Take a message of `topic` heard at `t` [s]."""
        self._hear[topic.name](message, t)

    def _surface(self, message: Any, _t: float) -> None:
        try:
            self.observed.surface = convert.surface_of(message)
            self.observed.capture_quality = message.capture
        except ValueError as error:
            self.observed.refused.append(f"a surface was refused: {error}")

    def _plan(self, message: Any, _t: float) -> None:
        try:
            self.observed.findings = [convert.finding_of(f) for f in message.findings]
            self.observed.plan = convert.plan_of(message)
        except ValueError as error:
            self.observed.plan = None
            self.observed.refused.append(f"a plan was refused: {error}")

    def _safety(self, message: SafetyState, t: float) -> None:
        seen, last = self.observed, self.observed.safety
        seen.safety = message
        if (
            message.permits_granted > seen.permits
        ):  # permits are sent without a guarantee; the count is not lost
            seen.permits = message.permits_granted
            seen.permit_times.append(t)
        if last is None or last.state != message.state:
            seen.events.append((t, "safety", message.state_name, message.detail or cause_text(message.cause)))
            seen.safety_events.append((t, message.state_name, message.cause, message.detail))
        why = list(message.withheld) if message.state == SafetyState.FIRING else []
        before = list(last.withheld) if last is not None and last.state == SafetyState.FIRING else []
        if why != before:
            text = " ".join(cause_text(code) for code in why)
            seen.events.append((t, "withheld", ", ".join(why), text))

    def _status(self, message: TreatmentStatus, t: float) -> None:
        last = self.observed.status
        self.observed.status = message
        if last is None or last.stage != message.stage:
            self.observed.events.append((t, "stage", message.stage, message.detail))

    def _fired(self, message: Any, _t: float) -> None:
        self.observed.fired_index.append(np.asarray(message.spot_index, np.int64))
        self.observed.fired_tick_us.append(np.asarray(message.device_tick_us, np.int64))
        self.observed.fired_energy_uj.append(np.asarray(message.energy_uj, np.float64))

    def _truth(self, message: Any, t: float) -> None:
        for name in self._truth_fields:
            self.observed.truth.setdefault(name, []).append(np.asarray(getattr(message, name)))
        times = np.asarray(message.time_s, np.float64)
        if len(times):  # simulation time; the last shot of a batch was told just now
            self.observed.shot_times.append(times - times.max() + t)

    def _head(self, message: Any, _t: float) -> None:
        if message.plan_sha256:
            self.observed.executed[message.plan_sha256] = int(message.executed)

    def _permit(self, _message: Any, t: float) -> None:
        self.observed.permit_times.append(t)

    def _joints(self, message: Any, t: float) -> None:
        if np.abs(np.asarray(message.velocity, np.float64)).max(initial=0.0) > MOVING_RAD_S:
            self._moved_at = t
        moving = t - self._moved_at < REST_S
        if moving != self._moving:
            self._moving = moving
            self.observed.events.append((t, "motion", "arm moves" if moving else "", ""))
