"""Lines that faults hold, and faults of the device that turn one screw: the logic both stacks use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from openmtz.safety import FOOTSWITCH, LINE_NAMES
from openmtz.simulation.faults import (
    CLOSED_AT_START,
    DEVICE_FAULT,
    FAULTS,
    LINE_OF_FAULT,
    DeviceScrews,
    HeldLines,
    LineAnswer,
    LineError,
)
from openmtz.simulation.scan_head_device import FAULTS as DEVICE_FAULTS

DOOR = "door_closed"


def test_at_the_start_lines_are_as_their_table_says() -> None:
    assert {name for name, value in HeldLines().wires().items() if value} == set(CLOSED_AT_START)


@pytest.mark.parametrize("fault", LINE_OF_FAULT)
@pytest.mark.parametrize("before", [True, False])
def test_a_fault_that_ends_leaves_the_line_as_it_was(fault: str, before: bool) -> None:
    """So ending `footswitch_released` presses no footswitch, `eyewear_off` attests nobody's eyewear."""
    lines = HeldLines()
    lines.ask(LINE_OF_FAULT[fault], before)
    lines.switch_fault(fault, False)
    assert lines.carried(LINE_OF_FAULT[fault]) is before, "ended without having begun"
    lines.switch_fault(fault, True)
    assert not lines.carried(LINE_OF_FAULT[fault])
    lines.switch_fault(fault, False)
    assert lines.carried(LINE_OF_FAULT[fault]) is before


def test_what_is_asked_of_a_held_line_holds_when_the_last_fault_ends() -> None:
    lines = HeldLines()
    lines.ask(DOOR, False)
    lines.hold_open(DOOR, "door_open")
    lines.hold_open(DOOR, "a hand")
    lines.hold_open(DOOR, "a hand")
    asked = lines.ask(DOOR, True)
    assert asked.answer is LineAnswer.HELD and asked.taken and "door_open, a hand" in asked.text
    assert not lines.carried(DOOR)
    lines.let_go(DOOR, "a hand")
    assert not lines.carried(DOOR), "one of two faults still holds it"
    lines.let_go(DOOR, "door_open")
    assert lines.carried(DOOR)
    assert lines.ask(DOOR, False) == (LineAnswer.MOVED, "")


def test_a_stuck_wire_carries_its_value_above_all_and_a_misread_one_is_only_read_so() -> None:
    lines = HeldLines()
    lines.stick(DOOR, True)
    lines.hold_open(DOOR, "door_open")
    asked = lines.ask(DOOR, False)
    assert lines.carried(DOOR) and asked.answer is LineAnswer.HELD and "stuck at True" in asked.text
    lines.stick(DOOR, None)
    assert not lines.carried(DOOR)
    lines.misread(DOOR, True)
    assert lines.read()[DOOR] and not lines.wires()[DOOR]
    lines.misread(DOOR, None)
    assert not lines.read()[DOOR]


def test_a_line_that_may_not_close_stays_open_and_the_wish_is_forgotten() -> None:
    lines = HeldLines(refused={"key_on": "time does not run as it does"})
    assert not lines.carried("key_on")
    asked = lines.ask("key_on", True)
    assert asked.answer is LineAnswer.REFUSED and not asked.taken
    assert asked.text == "key_on stays open: time does not run as it does"
    assert lines.ask("key_on", False).taken and not lines.carried("key_on")


def test_whoever_carries_the_lines_hears_of_each_change() -> None:
    heard: list[tuple[str, bool]] = []
    lines = HeldLines(carry=lambda name, value: heard.append((name, value)))
    lines.to_start()
    assert dict(heard) == lines.wires() and len(heard) == len(LINE_NAMES)
    heard.clear()
    lines.switch_fault("door_open", True)
    lines.ask(DOOR, True)
    lines.switch_fault("door_open", False)
    assert heard == [(DOOR, False), (DOOR, False), (DOOR, True)]


def test_back_to_the_start_lets_no_fault_go() -> None:
    lines = HeldLines()
    lines.switch_fault("door_open", True)
    lines.to_start()
    assert not lines.carried(DOOR)
    lines.switch_fault("door_open", False)
    assert lines.carried(DOOR)


@pytest.mark.parametrize("name", ["coffee", None, 3])
def test_a_line_that_is_none_is_named(name: Any) -> None:
    lines = HeldLines()
    for act in (lambda: lines.ask(name, True), lambda: lines.hold_open(name, "x"),
                lambda: lines.let_go(name, "x"), lambda: lines.stick(name, True),
                lambda: lines.misread(name, True), lambda: lines.to_start([name])):  # fmt: skip
        with pytest.raises(LineError, match=f"no line {name!r}; there are: emergency_stop_closed"):
            act()


ACTS = st.lists(
    st.tuples(st.sampled_from(("ask", "hold", "let go")), st.booleans(), st.sampled_from("ab")), max_size=30
)


@given(ACTS)
def test_nothing_but_asking_closes_a_line(acts: list[tuple[str, bool, str]]) -> None:
    """Whatever faults come and go: a line is closed exactly if it was asked for and nobody holds it."""
    lines, asked, holding = HeldLines(), FOOTSWITCH.closed_at_start, set[str]()
    for act, value, who in acts:
        if act == "ask":
            lines.ask(FOOTSWITCH.name, value)
            asked = value
        elif act == "hold":
            lines.hold_open(FOOTSWITCH.name, who)
            holding.add(who)
        else:
            lines.let_go(FOOTSWITCH.name, who)
            holding.discard(who)
        assert lines.carried(FOOTSWITCH.name) is (asked and not holding)


class Device:
    """Keeps the values that the faults set, as `inject` does, one for each screw."""

    def __init__(self) -> None:
        self.on: dict[str, Mapping[str, Any]] = {}
        self.connected = True

    def send(self, name: str, active: bool, parameters: Mapping[str, Any]) -> None:
        if not self.connected:
            raise ValueError("no head")
        screw = {"lying_meter": "output", "drifting_power": "output"}.get(name, name)
        if active:
            self.on[screw] = {"as": name, **parameters}
        else:
            self.on.pop(screw, None)


def test_two_faults_of_one_screw_do_not_end_each_other() -> None:
    device = Device()
    screws = DeviceScrews(device.send)
    screws.switch("wrong_power", True, {"gain": 1.3})
    screws.switch("lying_meter", True, {"gain": 1.6})
    screws.switch("stuck_galvo", True, {})
    screws.switch("lying_meter", False, {})
    assert device.on["output"] == {"as": "drifting_power", "gain": 1.3}
    screws.switch("drifting_power", False, {})
    assert device.on["output"]["gain"] == 1.3, "a fault that was not on ends none"
    screws.switch("wrong_power", False, {})
    assert "output" not in device.on and "stuck_galvo" in device.on
    screws.switch("stuck_galvo_hidden", True, {})
    screws.switch("stuck_galvo_hidden", False, {})
    assert device.on["stuck_galvo"] == {"as": "stuck_galvo"}, "not hidden any more, and still stuck"


def test_what_happens_once_is_not_restored_and_what_is_refused_changes_nothing() -> None:
    device = Device()
    screws = DeviceScrews(device.send)
    screws.switch("head_reboot", True, {})
    device.on.clear()
    screws.switch("head_reboot", False, {})
    assert not device.on
    device.connected = False
    with pytest.raises(ValueError, match="no head"):
        screws.switch("wrong_power", True, {"gain": 1.3})
    device.connected = True
    screws.switch("lying_meter", True, {"gain": 1.6})
    screws.switch("lying_meter", False, {})
    assert not device.on, "the fault that was refused is not brought back"


def test_every_fault_of_the_device_has_its_name_there() -> None:
    assert set(DEVICE_FAULT) <= set(FAULTS)
    assert {screw.name for screw in DEVICE_FAULT.values()} == set(DEVICE_FAULTS)
