"""The stack is ended and started again with the same device: no plan is fired twice, what remains is said."""

from __future__ import annotations

import pytest
from fault_rig import Captured, Guard, play

from openmtz.simulation.lockstep.cell import LockstepCell
from openmtz.simulation.lockstep.head import LockstepHead
from openmtz.simulation.lockstep.stack import LockstepStack
from openmtz.simulation.scan_head_device import SLOT_BYTES, SLOTS, SlotMemory


def with_device(memory: bytearray) -> Guard:
    """Another boot of a device that remembers."""

    def change(cell: LockstepCell, _stack: LockstepStack) -> None:
        cell.head = LockstepHead(cell.seed, memory=SlotMemory(memory))
        cell.set_line("key_on", cell.lines["key_on"])

    return change


@pytest.mark.parametrize("whole", [False, True], ids=["half fired", "all fired"])
def test_a_restarted_stack_refuses_what_the_device_has_fired(known: Captured, whole: bool) -> None:
    memory = bytearray(SLOTS * SLOT_BYTES)
    cancel = [{"when": {"after": known.midst}, "act": "cancel"}]
    first = play(known, guards=[with_device(memory)], operator=[] if whole else cancel)
    fired, count = first.shots(), len(known.plan)
    assert fired == count if whole else 30 < fired < count
    second = play(known, guards=[with_device(memory)], limit_s=20.0)
    assert second.shots() == 0 and second.result.outcome != "done"
    left = "none remains" if whole else f"spots {fired} to {count - 1} remain ({count - fired} of {count})"
    assert second.said(f"spots 0 to {fired - 1}") and second.said(left), second.result.log.lines()


def test_a_device_without_dose_fires_the_same_plan(known: Captured) -> None:
    run = play(known, guards=[with_device(bytearray(SLOTS * SLOT_BYTES))])
    assert run.result.outcome == "done" and run.shots() == len(known.plan)
