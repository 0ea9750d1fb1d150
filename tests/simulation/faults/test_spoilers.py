"""What stands before the software under test, each alone: it spoils what it should, and idle does nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fault_rig import Rehearsed

from openmtz.devices import decode_records, encode_records
from openmtz.simulation.arm import JointState
from openmtz.simulation.faults import LiftedPlanner, SpoiledJoints, SpoiledLink


class NotedLink:
    """A link that notes what it is told."""

    status = "as heard"

    def __init__(self) -> None:
        self.loaded: list[tuple[int, bytes]] = []
        self.permits: list[bytes] = []
        self.closed = 0

    def load(self, first: int, records: bytes) -> None:
        self.loaded.append((first, records))

    def relay_permit(self, frame: bytes) -> None:
        self.permits.append(frame)

    def close_gate(self) -> None:
        self.closed += 1


def records(energy_uj: tuple[int, ...] = (10_000, 20_001)) -> bytes:
    count = len(energy_uj)
    return encode_records(
        np.array([[10 * k, -k] for k in range(count)]),
        np.array(energy_uj, np.uint32),
        np.full(count, 300),
        np.arange(count) * 1000,
    )


def test_a_link_without_fault_passes_everything_on_to_the_byte() -> None:
    inner = NotedLink()
    link = SpoiledLink(inner)
    link.load(7, records())
    link.relay_permit(b"one")
    link.close_gate()
    assert inner.loaded == [(7, records())] and inner.permits == [b"one"] and inner.closed == 1
    assert link.status == "as heard"
    with pytest.raises(AttributeError):
        link.no_such_thing  # noqa: B018


def test_changed_records_differ_in_energy_alone() -> None:
    inner = NotedLink()
    link = SpoiledLink(inner)
    link.energy_factor = 1.5
    link.load(0, records())
    said, loaded = decode_records(records()), decode_records(inner.loaded[0][1])
    assert loaded.energy_uj.tolist() == [15_000, 30_002]
    for name in ("counts", "pulse_us", "not_before_us"):
        assert np.array_equal(getattr(said, name), getattr(loaded, name)), name


def test_the_last_permit_is_sent_in_place_of_new_ones_until_it_ends() -> None:
    inner = NotedLink()
    link = SpoiledLink(inner)
    link.replay(True)
    assert not link.replays, "nothing has been sent yet that could be sent again"
    link.relay_permit(b"one")
    link.replay(True)
    link.relay_permit(b"two")
    link.relay_permit(b"three")
    assert link.replays
    link.replay(False)
    link.relay_permit(b"four")
    assert inner.permits == [b"one", b"one", b"one", b"four"]


def measured(time_s: float, first_rad: float) -> JointState:
    return JointState(time_s, np.array([first_rad, 0, 0, 0, 0, 0.0]), np.full(6, first_rad), np.zeros(6))


def test_joints_without_fault_are_told_as_measured() -> None:
    told = SpoiledJoints().tell(measured(1.0, 0.1))
    assert told is not None and told.time_s == 1.0
    assert told.position[0] == 0.1 and told.velocity[0] == 0.1


def test_frozen_joints_repeat_the_last_that_was_told() -> None:
    joints = SpoiledJoints()
    joints.frozen = True
    first = joints.tell(measured(1.0, 0.1))
    again = joints.tell(measured(2.0, 0.5))
    assert first is not None and again is not None
    assert again.time_s == 2.0 and np.array_equal(again.position, first.position)
    assert np.array_equal(again.velocity, first.velocity)
    joints.frozen = False
    moved = joints.tell(measured(3.0, 0.5))
    assert moved is not None and moved.position[0] == 0.5


def test_lost_joints_are_not_told_and_a_wrong_encoder_reads_too_much() -> None:
    joints = SpoiledJoints()
    joints.lost = True
    assert joints.tell(measured(1.0, 0.1)) is None
    joints.lost = False
    joints.misread(0, 0.005)
    arm = measured(1.0, 0.1)
    told = joints.tell(arm)
    assert told is not None and told.position[0] == pytest.approx(0.105) and arm.position[0] == 0.1
    assert told.position[1:].tolist() == [0.0] * 5
    for angle in (4.0, float("nan")):
        with pytest.raises(ValueError, match="rad must be a number within"):
            joints.misread(0, angle)


def test_a_lifted_plan_lies_higher_and_is_another_plan(known: Any) -> None:
    result = Rehearsed(known.plan, ("a finding",))
    planner = LiftedPlanner(lambda surface: result if surface is known.surface else None)  # type: ignore
    assert planner(known.surface) is result
    planner.offset_m = 0.003
    moved = planner(known.surface)
    plan, lifted = known.plan, moved.plan
    assert moved.findings == ("a finding",)
    assert np.allclose(lifted.positions_m - plan.positions_m, [0.0, 0.0, 0.003], atol=1e-9)
    assert np.allclose(lifted.station_pose[:, 2] - plan.station_pose[:, 2], 0.003)
    assert lifted.sha256 != plan.sha256
