"""The scripted operator: acts once per time it is asked, after a moment, in order, with waits between."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from openmtz.procedure.scripted_operator import LINE_SETTLE_S, PATIENCE_S, PRESS_S, Act, ScriptedOperator

STEP_S = 0.01


@dataclass
class Status:
    waiting_for: str = ""
    plan_sha256: str = "a"


def acts(
    operator: ScriptedOperator, status: Status, seconds: float, since: float = 0.0
) -> list[tuple[float, Act]]:
    out = []
    for k in range(round(seconds / STEP_S)):
        now = since + k * STEP_S
        out += [(round(now, 2), act) for act in operator.act(status, now)]
    return out


def test_it_waits_a_moment_and_acts_once() -> None:
    operator = ScriptedOperator()
    assert acts(operator, Status("approval"), 3.0) == [(PATIENCE_S, Act("approve"))]
    assert not operator.busy
    ((at, act),) = acts(operator, Status("approval", "b"), 3.0, 3.0)
    assert act == Act("approve") and at == pytest.approx(3.0 + PATIENCE_S, abs=1.1 * STEP_S)
    acts(operator, Status(), 0.1, 6.0)
    assert len(acts(operator, Status("approval", "b"), 3.0, 6.1)) == 1, "asked again, done again"


def test_what_resolves_itself_wants_no_act() -> None:
    operator = ScriptedOperator()
    for k in range(5):
        assert acts(operator, Status("footswitch"), PATIENCE_S - STEP_S, float(k)) == []
        assert acts(operator, Status(), 0.2, k + 0.5) == []


def test_eyewear_and_a_released_footswitch_come_before_ready_and_settle() -> None:
    got = acts(ScriptedOperator(), Status("ready"), 3.0)
    assert [act for _, act in got] == [
        Act("line", "eyewear_attested", True),
        Act("line", "footswitch_pressed", False),
        Act("ready"),
    ]
    assert round(got[2][0] - got[1][0], 2) == LINE_SETTLE_S


def test_the_footswitch_is_pressed_afresh() -> None:
    got = acts(ScriptedOperator(), Status("footswitch"), 3.0)
    assert [(act.line, act.value) for _, act in got] == [
        ("footswitch_pressed", False),
        ("footswitch_pressed", True),
    ]
    assert round(got[1][0] - got[0][0], 2) == PRESS_S


def test_a_plan_not_approved_now_may_be_later() -> None:
    operator = ScriptedOperator(approves=False)
    assert acts(operator, Status("approval"), 2.0) == []
    operator.approves = True
    assert acts(operator, Status("approval"), 1.0, 2.0) == [(2.0, Act("approve"))]


def test_who_was_refused_begins_again_and_who_is_away_does_nothing() -> None:
    operator = ScriptedOperator()
    acts(operator, Status("footswitch"), PATIENCE_S + 0.05)
    assert operator.busy
    operator.refused()
    assert not operator.busy
    again = acts(operator, Status("footswitch"), 1.0, 1.0)
    assert [act.value for _, act in again] == [False, True] and again[0][0] > 1.0 + PATIENCE_S - STEP_S
    operator.refused()
    acts(operator, Status("footswitch"), PATIENCE_S + 0.05, 2.0)
    operator.present = False
    assert acts(operator, Status("footswitch"), 1.0, 3.0) == [] and not operator.busy
