"""The scan head's work loop: what may begin, what ends it, what it tells, whatever the line says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from noted_ports import NotedLine
from safety_cell import make_plan

from openmtz.devices import (
    DeviceState,
    Fired,
    FiredGap,
    LinkLost,
    Nak,
    NakCode,
    PermitFrame,
    SelectReply,
    Status,
    encode,
)
from openmtz.geometry import pose_from_vector
from openmtz.stack import (
    FireOrder,
    Firing,
    FiringEnded,
    FiringProgress,
    HeadHeard,
    ShotReport,
    SpotsLoaded,
)

PLAN = make_plan()
GROUP = PLAN.groups()[0]
POSE = pose_from_vector(PLAN.station_pose[GROUP.station])
ORDER = FireOrder(PLAN.sha256, GROUP.station, GROUP.pass_index, GROUP.first)


def status(executed: int = 0, gate_open: bool = False, **more: Any) -> Status:
    base = Status(
        int(DeviceState.IDLE), 7, 1000, gate_open, False, True, GROUP.end, executed, 0, 1, 0, 0,
        bytes.fromhex(PLAN.sha256),
    )  # fmt: skip
    return replace(base, **more)


def chosen(**more: int) -> SelectReply:
    fields = {"station": GROUP.station, "pass_index": GROUP.pass_index, "first": GROUP.first} | more
    prefix = bytes.fromhex(PLAN.sha256)[:16]
    return SelectReply(prefix, fields["station"], fields["pass_index"], fields["first"], GROUP.end, 5)


def ready(line: NotedLine, **config: Any) -> Firing:
    firing = Firing(line, lambda _joints: POSE)
    firing.config = replace(firing.config, **config)
    firing.hear_plan(PLAN)
    firing.hear_safety("READY", "", PLAN.sha256)
    firing.hear_joints(np.zeros(6), 0.0)
    return firing


def begun(line: NotedLine, **config: Any) -> Firing:
    firing = ready(line, **config)
    firing.begin(ORDER, 0.0)
    line.happened.append(chosen())
    assert any(isinstance(o, SpotsLoaded) for o in firing.work(0.01))
    return firing


def ends(outcomes: list[Any]) -> list[FiringEnded]:
    return [o for o in outcomes if isinstance(o, FiringEnded)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.hear_plan(None), "is not the one"),
        (lambda f: f.hear_safety("READY", "", ""), "is not approved"),
        (lambda f: f.hear_joints(np.zeros(6), -10.0), "no fresh joint states"),
    ],
)
def test_what_is_missing_is_refused_by_name_and_nothing_reaches_the_line(spoil: Any, said: str) -> None:
    line = NotedLine()
    firing = ready(line)
    spoil(firing)
    firing.begin(ORDER, 0.0)
    (end,) = ends(firing.work(0.0))
    assert not end.success and said in end.reason and end.next_spot == ORDER.first
    assert line.calls == [] and firing.next_spot is None


def test_joints_that_are_no_numbers_do_not_count_as_fresh() -> None:
    firing = ready(NotedLine())
    firing.hear_joints(np.full(6, np.nan), 5.0)
    firing.begin(ORDER, 5.0)
    assert "no fresh joint states" in ends(firing.work(5.0))[0].reason


def test_a_group_is_selected_loaded_shown_followed_and_ended() -> None:
    line = NotedLine()
    firing = ready(line)
    firing.begin(ORDER, 0.0)
    assert line.names() == ["begin_selection"] and firing.work(0.0) == []
    line.happened.append(chosen())
    loaded = firing.work(0.01)
    assert line.names() == ["begin_selection", "load"]
    assert all(isinstance(o, SpotsLoaded) and o.plan_sha256 == PLAN.sha256 for o in loaded)
    assert b"".join(o.chunk.records for o in loaded) == line.calls[-1][2]
    middle = GROUP.first + 2
    line.happened += [status(middle, gate_open=True), Fired(GROUP.first, ((5, 100), (9, 101)))]
    told = firing.work(0.02)
    assert FiringProgress(middle, True) in told and HeadHeard(line.status, True) in told  # type: ignore[arg-type]
    (report,) = (o for o in told if isinstance(o, ShotReport))
    assert report.spot_index.tolist() == [GROUP.first, GROUP.first + 1] and report.boot_id == 7
    assert report.device_tick_us.tolist() == [5, 9] and report.energy_uj.tolist() == [100, 101]
    line.happened.append(status(GROUP.end, gate_open=True))
    assert not ends(firing.work(0.03)), "the gate is still open"
    line.happened.append(status(GROUP.end))
    assert ends(firing.work(0.04)) == [FiringEnded(True, "", GROUP.end)]
    assert firing.next_spot is None and "close_gate" not in line.names()


def test_a_firing_is_not_over_before_its_last_shots_are_reported() -> None:
    """Reports go in batches of 25 ms: the end would overtake them."""
    line = NotedLine()
    firing = begun(line)
    line.happened.append(Fired(GROUP.first, ((5, 100),)))
    assert any(isinstance(o, ShotReport) for o in firing.work(0.02))
    line.happened += [Fired(GROUP.first + 1, ((9, 100),)), status(GROUP.end)]
    told = firing.work(0.03)
    assert not ends(told) and not any(isinstance(o, ShotReport) for o in told)
    line.happened.append(status(GROUP.end))
    told = firing.work(0.05)
    kinds = [type(o) for o in told]
    assert kinds.index(ShotReport) < kinds.index(FiringEnded)


def test_what_the_device_has_fired_is_not_fired_again() -> None:
    line = NotedLine()
    line.status = status(GROUP.first + 3)
    firing = ready(line)
    firing.begin(ORDER, 0.0)
    assert line.calls[0][1].first == GROUP.first + 3
    line.status = status(GROUP.end)
    firing = ready(line)
    firing.begin(ORDER, 0.0)
    assert ends(firing.work(0.0)) == [FiringEnded(True, "", GROUP.end)]


@pytest.mark.parametrize(
    ("state", "approved", "said"),
    [
        ("FAULT", PLAN.sha256, "safety monitor: FAULT"),
        ("OFF", PLAN.sha256, "safety monitor: OFF"),
        ("READY", "", "approval"),
        ("READY", "0" * 64, "approval"),
    ],
)
def test_what_the_monitor_no_longer_allows_ends_at_once(state: str, approved: str, said: str) -> None:
    line = NotedLine()
    firing = begun(line)
    firing.hear_safety(state, "why", approved)
    assert line.names()[-1] == "close_gate", "before the next turn"
    (end,) = ends(firing.work(0.02))
    assert not end.success and said in end.reason


def test_a_hold_is_waited_for_and_a_stall_is_not() -> None:
    line = NotedLine()
    firing = begun(line, stall_timeout_s=1.0)
    firing.hear_safety("HOLD", "footswitch", PLAN.sha256)
    assert not ends(firing.work(0.9))
    (end,) = ends(firing.work(1.1))
    assert "no shot for 1 s" in end.reason and line.names()[-1] == "close_gate"


def test_stale_answers_of_an_earlier_selection_are_none() -> None:
    line = NotedLine()
    firing = ready(line)
    firing.begin(ORDER, 0.0)
    for stale in (
        chosen(first=GROUP.first + 1),
        Nak(NakCode.PERMIT_REJECTED, "old"),
        Nak(NakCode.GAP, "old"),
    ):
        line.happened.append(stale)
        assert firing.work(0.01) == [] and "load" not in line.names()
    line.happened.append(Nak(NakCode.ALREADY_EXECUTED, "fired before"))
    (end,) = ends(firing.work(0.02))
    assert "refused the selection: fired before" in end.reason


def test_a_lost_line_and_a_device_in_fault_end_it_and_are_told() -> None:
    line = NotedLine()
    firing = begun(line)
    line.status = status(GROUP.first)
    line.happened.append(LinkLost("cable"))
    told = firing.work(0.02)
    assert "cable" in ends(told)[0].reason and LinkLost("cable") in told
    heard = [o for o in told if isinstance(o, HeadHeard)]
    assert heard and not heard[0].connected, "the monitor is told that nobody is heard any more"
    firing = begun(line := NotedLine())
    line.happened.append(status(state=int(DeviceState.FAULT), fault_code=3, fault_text="stuck"))
    assert "fault 3: stuck" in ends(firing.work(0.02))[0].reason


def test_spots_in_doubt_are_told() -> None:
    line = NotedLine()
    firing = begun(line)
    line.happened.append(FiredGap(2, 5))
    assert FiredGap(2, 5) in firing.work(0.02)


def test_only_a_permit_travels_by_the_permits_way() -> None:
    line = NotedLine()
    firing = ready(line)
    frame = encode(PermitFrame(1, bytes(16), 0, 0, 0, 0, 1, 1, 60_000))
    for wrong in (b"", b"\0", frame[:-1], encode(status()), b"x" * 100 + b"\0"):
        with pytest.raises(ValueError):
            firing.hear_permit(wrong)
    assert line.calls == []
    firing.hear_permit(frame)
    assert line.calls == [("relay_permit", frame)], "byte for byte"


def test_progress_is_the_lines_own() -> None:
    """A timer that ticks over a thread that hangs would look alive."""
    line = NotedLine()
    firing = ready(line)
    firing.work(0.0)
    firing.work(0.005)
    assert not firing.worked
    line.work_count += 1
    firing.work(0.010)
    assert firing.worked


def test_the_device_is_asked_what_it_has_executed_of_a_new_plan_until_it_says_so() -> None:
    line = NotedLine()
    firing = ready(line)
    firing.work(0.0)
    assert line.calls == [], "nobody answers yet"
    line.status = status(plan_sha256=b"")
    for at in (0.01, 0.05, 0.12):
        firing.work(at)
    assert line.calls == [("show_plan", bytes.fromhex(PLAN.sha256))] * 2, "not more often than needed"
    line.status = status(plan_sha256=b"", state=int(DeviceState.HOLD))
    firing.work(0.3)
    line.status = status()
    firing.work(0.5)
    assert len(line.calls) == 2, "not while another plan is selected, nor when it is named"


def test_shots_belong_to_the_plan_that_was_named_before_them() -> None:
    """Within one turn the device may go on to another plan."""
    line = NotedLine()
    firing = ready(line)
    other = bytes(range(1, 33))
    line.happened += [
        status(3), Fired(1, ((5, 100), (9, 101))), status(0, plan_sha256=other, boot_id=8),
        Fired(7, ((20, 100),)),
    ]  # fmt: skip
    told = [o for o in firing.work(0.01) if isinstance(o, ShotReport)]
    assert [(o.plan_sha256, o.boot_id, o.spot_index.tolist()) for o in told] == [
        (PLAN.sha256, 7, [1, 2]), (other.hex(), 8, [7]),
    ]  # fmt: skip


def test_a_stall_says_why_the_device_rejects_permits() -> None:
    line = NotedLine()
    firing = begun(line, stall_timeout_s=1.0)
    line.happened.append(Nak(NakCode.PERMIT_REJECTED, "counter not increasing"))
    firing.work(0.5)
    (end,) = ends(firing.work(1.2))
    assert "no shot for 1 s" in end.reason and "counter not increasing" in end.reason
