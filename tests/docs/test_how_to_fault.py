"""The walk of docs/how_to/fault.md: a row and an act are a fault on both rigs, in docs and campaign."""

from __future__ import annotations

import textwrap

import pytest
from walks import blocks, run

ROW, ACT, TABLE, FOLLOWS, RECIPE = range(5)
WALK = """
import sys, tempfile
from pathlib import Path
sys.path[:0] = ["tests/simulation/faults", "tools"]
from openmtz.simulation.faults import around
from openmtz.simulation.faults.fault import Fault
{row}
from openmtz.simulation.faults.acts import patient
from openmtz.simulation.faults.acts.act import Act, Parameters
from openmtz.simulation.faults.acts.patient import PATIENT
from openmtz.simulation.faults.faults_on import FaultsOn
from openmtz.simulation.patient import SuddenMove
{act}
from openmtz.simulation.faults import ACTS, ALL_FAULTS, FAULTS
ACTS.update(PATIENT)  # as it would be at the next start
{then}
"""
ENTER_ROW = "around.PATIENT += ({row},)"


def walk(then: str, *, with_act: bool = True) -> None:
    """Run something with the page's fault in place, in a Python of its own."""
    parts = blocks("fault")
    act = f"{parts[ACT]}\n{parts[TABLE]}" if with_act else ""
    done = run(WALK.format(row=ENTER_ROW.format(row=parts[ROW].strip()), act=act, then=textwrap.dedent(then)))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rig", ["LockstepRig", "GraphRig"])
def test_a_row_and_an_act_are_a_fault_on_either_rig(rig: str) -> None:
    walk(
        f"""
import rigs
rig = rigs.{rig}(Path(tempfile.mkdtemp()))
panel = rig.panel
{blocks("fault")[FOLLOWS]}
rig.close()
"""
    )


def test_the_fault_is_in_the_docs_and_scenarios_know_it() -> None:
    walk(
        """
        import generate_fault_docs
        from node_docs.extras import EXTRAS
        assert "| `door_startles` |" in generate_fault_docs.render()
        assert "| `door_startles` | patient |" in "".join(EXTRAS["simulation"]())
        from openmtz.simulation.lockstep import Scenario
        event = {"when": {"at_s": 1.0}, "fault": "door_startles", "parameters": {"by_m": 0.001}}
        Scenario.model_validate({"name": "a", "faults": [event]})
        """
    )


def test_the_campaign_finds_its_harm_without_the_guard_and_none_with_it() -> None:
    walk(
        f"""
from fault_recipes import *
from fault_rig import capture
{blocks("fault")[RECIPE]}
known = capture()
fault = FAULTS["door_startles"]
run = perform(known, "door_startles", guarded=False)
assert fault.harm in run.harms, sorted(run.harms)
run = perform(known, "door_startles", guarded=True)
assert run.result.outcome == fault.outcome and run.said(fault.cause), run.result.reason
assert not run.harms, sorted(run.harms)
"""
    )


def test_a_row_without_an_act_is_found() -> None:
    walk("assert set(ALL_FAULTS) - set(ACTS) == {'door_startles'}", with_act=False)
