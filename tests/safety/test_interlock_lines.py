"""The table of interlock lines: it agrees with the message, and all there is of a line follows from it.

That nothing but the table has to know of a line is shown in tests/docs/test_how_to.py, with a seventh one.
"""

from __future__ import annotations

import pickle
import re
from dataclasses import fields
from pathlib import Path

import pytest
from safety_cell import Cell

from openmtz.safety import (
    CONDITIONS,
    FOOTSWITCH,
    INTERLOCK_LINES,
    LINE_NAMES,
    TRANSITIONS,
    InterlockLine,
    Interlocks,
    SafetyConfig,
    SafetyState,
)
from openmtz.safety.conditions import ARMED, ON
from openmtz.simulation.faults import CLOSED_AT_START, FAULTS, LINE_OF_FAULT
from openmtz.simulation.scan_head_device import HEAD_LINES, LINES, Lines

S = SafetyState
FROM = {S.FAULT: set(ON), S.OFF: set(ON), S.STANDBY: set(ARMED), S.HOLD: {S.FIRING}}
"""The states that a line throws the monitor out of, by the state it leads to."""


def test_message_and_table_name_the_same_lines_in_the_same_order(root: Path) -> None:
    message = root / "ros2_ws" / "src" / "openmtz_interfaces" / "msg" / "Interlocks.msg"
    assert tuple(re.findall(r"^bool (\w+)", message.read_text(encoding="utf-8"), flags=re.M)) == LINE_NAMES


def test_names_codes_and_faults_are_told_apart() -> None:
    for column in ("name", "condition", "fault", "opening"):
        values = [getattr(line, column) for line in INTERLOCK_LINES]
        assert len(set(values)) == len(values), column
    assert all(not line.expires or hasattr(SafetyConfig(), line.expires) for line in INTERLOCK_LINES)


@pytest.mark.parametrize("line", INTERLOCK_LINES, ids=lambda line: line.name)
def test_a_row_is_all_that_the_rest_is_made_of(line: InterlockLine) -> None:
    condition = CONDITIONS[line.condition]
    assert condition.line == ("normally-open" if line.normally_open else "normally-closed")
    assert condition.revoke, "an open line is evidence against firing"
    moves = {(r.state, r.to) for r in TRANSITIONS if r.cause == line.condition}
    assert moves == {(state, line.leads_to) for state in FROM[line.leads_to]}
    assert line.name in LINES and (line.name in HEAD_LINES) == line.to_head
    assert (line.name in CLOSED_AT_START) == line.closed_at_start
    assert LINE_OF_FAULT[line.fault] == line.name
    fault = FAULTS[line.fault]
    assert fault.what == line.opening and line.condition in fault.cause
    assert ("hard-wired into the device" in fault.guard) == line.to_head
    assert ("hard-wired into the arm" in fault.guard) == line.stops_arm


def test_the_head_has_an_input_for_every_line_that_is_wired_to_it() -> None:
    assert set(HEAD_LINES) == {field.name for field in fields(Lines)} - {"known"}


@pytest.mark.parametrize("line", [x for x in INTERLOCK_LINES if x is not FOOTSWITCH], ids=lambda x: x.name)
def test_an_open_line_leads_where_its_row_says_and_settles(line: InterlockLine) -> None:
    cell = Cell().to_ready()
    cell.lines[line.name] = False
    out = cell.step()
    assert (out.state, out.cause) == (line.leads_to, line.condition)
    cell.lines[line.name] = True
    cell.run(cell.config.line_settle_s / 2)
    assert line.condition in dict(cell.out.conditions), "not yet settled"
    cell.run(cell.config.line_settle_s)
    assert line.condition not in dict(cell.out.conditions)


def test_the_lines_are_complete_and_boolean() -> None:
    good = dict.fromkeys(LINE_NAMES, True)
    lines = Interlocks(1.0, **{**good, "door_closed": False})
    assert not lines.door_closed and lines.key_on and lines.received_at == 1.0
    assert lines == Interlocks(1.0, **{**good, "door_closed": False}) != Interlocks(1.0, **good)
    assert pickle.loads(pickle.dumps(lines)) == lines
    with pytest.raises(AttributeError, match="no line 'window'"):
        _ = lines.window
    with pytest.raises(TypeError, match="missing or no line: window; the interlock lines are emergency_stop"):
        Interlocks(1.0, **good, window=True)
    with pytest.raises(TypeError, match="missing or no line: key_on"):
        Interlocks(1.0, **{name: True for name in LINE_NAMES if name != "key_on"})
    with pytest.raises(TypeError, match="line key_on must be true or false, got 'yes'"):
        Interlocks(1.0, **{**good, "key_on": "yes"})  # type: ignore[arg-type]
