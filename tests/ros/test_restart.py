"""The graph is ended in the midst of a plan and started again with the same patient and device."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import QUICK
from stack import Stack
from treatment import Treatment

pytestmark = [pytest.mark.ros, pytest.mark.alone]


def test_a_restarted_graph_refuses_the_plan_and_says_what_remains(tmp_path: Path) -> None:
    device = {"device_serial": "kept", "device_memory": str(tmp_path / "device" / "executed_spots")}
    with Stack(tmp_path / "first", overrides=QUICK, **device) as stack:
        treatment = Treatment(stack)
        try:
            treatment.start(seed=2)
            treatment.go_on_until_fired(40)
            treatment.client.cancel_treatment()
            treatment.client.wait(treatment.future.done, 5.0, "the end of a cancelled treatment")
            fired, count = treatment.fired(), len(treatment.client.observed.plan)
        finally:
            treatment.client.close()
    with Stack(tmp_path / "second", overrides=QUICK, **device) as stack:
        treatment = Treatment(stack)
        try:
            treatment.start(seed=2)
            with pytest.raises(RuntimeError, match="safety monitor refused") as refused:
                treatment.go_on(treatment.future.done)
            assert f"spots 0 to {fired - 1} " in str(refused.value)
            assert f"{count - fired} of {count}" in str(refused.value)
            assert treatment.fired() == 0
        finally:
            treatment.client.close()
