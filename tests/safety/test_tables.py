"""The tables themselves: complete, without contradiction, and what the documents show."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from openmtz.safety import CONDITIONS, TRANSITIONS, SafetyConfig, SafetyState, next_transition
from openmtz.safety.condition_sets import ALWAYS_NEEDED, PASSING, in_order
from openmtz.safety.conditions import ARMED, ON, UNKNOWN
from openmtz.safety.states import STATE_TEXT
from openmtz.safety.table import ACT_CODES

ROOT = Path(__file__).resolve().parents[2]
S = SafetyState


def test_every_state_is_described_and_reachable() -> None:
    assert set(STATE_TEXT) == set(S)
    reached = {S.OFF}
    while True:
        more = {r.to for r in TRANSITIONS if r.state in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(S)


def test_firing_is_entered_only_from_ready_and_hold_by_a_press() -> None:
    ways = {(r.state, r.cause) for r in TRANSITIONS if r.to is S.FIRING}
    assert ways == {(S.READY, "footswitch-pressed"), (S.HOLD, "footswitch-pressed")}


def test_a_fault_is_left_only_by_reset_and_only_to_standby() -> None:
    assert [(r.cause, r.to) for r in TRANSITIONS if r.state is S.FAULT] == [("reset", S.STANDBY)]


def test_ready_is_entered_from_arming_or_by_giving_the_token_back() -> None:
    ways = {(r.state, r.cause) for r in TRANSITIONS if r.to is S.READY}
    assert ways == {(S.ARMING, "delay-passed"), (S.FIRING, "token-returned"), (S.HOLD, "token-returned")}


def test_no_row_is_hidden_by_another_with_the_same_state_and_cause() -> None:
    keys = [(r.state, r.cause) for r in TRANSITIONS]
    assert len(keys) == len(set(keys))


LATCHED = {
    "emergency-stop", "run-line-down", UNKNOWN, "clock-invalid", "interlocks-lost", "head-lost",
    "clocks-disagree", "progress-stopped", "progress-restarted", "device-fault", "device-restarted",
    "head-disconnected", "gate-open-without-permit", "fired-outside-credit", "spot-repeated",
    "fired-counts-disagree", "output-deviates", "spots-in-doubt", "executed-impossible",
    "permit-counter-jumped", "permit-unmade",
}  # fmt: skip
"""What nobody may get past without a deliberate reset, by docs/safety.md; a list of its own, on purpose."""


def test_what_is_latched_is_left_by_a_reset_alone_and_nothing_else_is() -> None:
    """Not by the table's own word: each condition is followed from firing to what can come after it."""
    for code in CONDITIONS:
        row = next_transition(S.FIRING, {code})
        stuck = row is not None and all(
            next_transition(row.to, {act}) is None for act in ACT_CODES - {"reset"}
        )
        ends = row is not None and row.to is S.FAULT
        assert stuck == ends == (code in LATCHED) == CONDITIONS[code].latched, code
    for row in TRANSITIONS:
        assert row.latched == (row.cause in LATCHED and row.to is S.FAULT), row


def test_a_fault_wins_over_everything_else_that_is_active() -> None:
    for state in ON:
        row = next_transition(state, {"footswitch-released", "door-open", "key-off", "emergency-stop"})
        assert row is not None and row.to is S.FAULT
    row = next_transition(S.FIRING, {"footswitch-released", "door-open"})
    assert row is not None and row.to is S.STANDBY


@pytest.mark.parametrize("code", ["emergency-stop", "run-line-down", "device-fault", "fired-outside-credit"])
def test_what_must_latch_from_everywhere_does(code: str) -> None:
    assert {r.state for r in TRANSITIONS if r.cause == code and r.to is S.FAULT} == set(ON)


def test_every_limit_named_by_a_condition_is_in_the_config() -> None:
    config = SafetyConfig()
    for condition in CONDITIONS.values():
        assert not condition.limit or hasattr(config, condition.limit), condition.code
        assert condition.text.endswith(".") and condition.fix.endswith(".")


def test_every_condition_that_moves_out_of_firing_is_answered_in_the_other_armed_states_too() -> None:
    """Nothing that stops firing for good may be waited out in hold."""
    for condition in CONDITIONS.values():
        froms = {s for states, to in condition.moves if to in (S.FAULT, S.OFF, S.STANDBY) for s in states}
        if S.FIRING in froms:
            assert set(ARMED) <= froms, condition.code


@pytest.mark.parametrize("bad", [{"ttl_s": 0.0}, {"grant_period_s": 0.1}, {"aim_miss_m": float("nan")},
                                 {"head_stale_s": 0.07}, {"arm_stale_s": 1.0}])  # fmt: skip
def test_a_config_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SafetyConfig(**bad)  # type: ignore[arg-type]


def test_the_generated_pages_are_current() -> None:
    path = ROOT / "tools" / "generate_docs.py"
    spec = importlib.util.spec_from_file_location("generate_docs", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_docs"] = module
    spec.loader.exec_module(module)
    stale = module.stale_pages(ROOT)
    assert not stale, f"run tools/generate_docs.py: {', '.join(stale)} do not show the tables"


def test_a_finding_without_a_row_is_kept_and_latches() -> None:
    """A code that somebody forgot to enter in the table must not vanish and let firing go on."""
    found = in_order({"door-open": "open", "made-up": "smoke in the optics"})
    assert list(found) == [UNKNOWN, "door-open"]
    assert found[UNKNOWN] == "made-up: smoke in the optics"
    assert CONDITIONS[UNKNOWN].latched and CONDITIONS[UNKNOWN].revoke and UNKNOWN in ALWAYS_NEEDED
    for state in ON:
        row = next_transition(state, found)
        assert row is not None and row.to is S.FAULT


def test_what_keeps_the_monitor_off_is_a_column_of_the_table() -> None:
    assert {
        "emergency-stop", "run-line-down", UNKNOWN, "clock-invalid", "interlocks-lost", "interlocks-stale",
        "head-lost", "head-stale", "clocks-disagree", "progress-stopped", "head-disconnected",
        "gate-open-without-permit", "key-off", "recorder-stopped", "arm-lost", "arm-stale",
    } == ALWAYS_NEEDED  # fmt: skip
    assert {"footswitch-released", "approval-ended"} == PASSING
