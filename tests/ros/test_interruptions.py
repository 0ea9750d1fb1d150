"""What may happen in the middle: footswitch, emergency stop, a pause of the simulation, a patient who moves,
a plugin that raises in a hook, a full disk. All in one stack, which the full disk ends."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stack import Stack
from treatment import Treatment

pytestmark = [pytest.mark.ros, pytest.mark.alone]


def test_footswitch_pauses_and_emergency_stop_ends(stack: Stack, treatment: Treatment) -> None:
    client = treatment.client
    treatment.start(seed=2)
    treatment.go_on_until_fired(60)
    # footswitch released: no light, held; nothing is lost
    client.set_interlock("footswitch_pressed", False)
    client.pump(0.1)
    held_at = treatment.fired()
    treatment.go_on(lambda: treatment.state() == "HOLD", 5.0, act=False)
    client.pump(0.6)
    assert treatment.fired() == held_at, "it fired with the footswitch released"
    # a fresh press resumes where it stopped
    client.set_interlock("footswitch_pressed", True)
    treatment.go_on_until_fired(held_at + 60, 20.0, act=False)
    spots = [row["spot"] for row in stack.device_log() if row["event"] == "emission"]
    assert spots == list(range(len(spots))), "every spot once, in order, across the pause"
    # the emergency stop acts on device and arm directly; software latches
    asked = time.monotonic()
    client.set_interlock("emergency_stop_closed", False)
    answered = time.monotonic()
    treatment.go_on(lambda: treatment.state() == "FAULT", 5.0, act=False)
    treatment.go_on(treatment.future.done, 20.0, act=False)
    client.pump(0.5)
    last = max(stack.emissions())
    print(f"emergency stop: last emission {1e3 * (last - asked):.1f} ms after the request")
    assert last <= answered, "it fired after the stop line was open"
    result = treatment.result()
    assert not result.success and "fault" in result.reason.lower()
    # latched: no reset while the cause lasts, and a reset resumes nothing
    accepted, reason = client.reset_safety()
    assert not accepted and reason
    client.set_interlock("emergency_stop_closed", True)
    client.pump(0.3)
    accepted, reason = client.reset_safety()
    assert accepted, reason
    treatment.go_on(lambda: treatment.state() == "STANDBY", 5.0, act=False)
    fired = treatment.fired()
    client.pump(1.0)
    assert treatment.fired() == fired, "a reset must not resume emission"
    assert client.observed.safety.approved_plan_sha256 == "", "a fault ends the approval"


def test_a_pause_of_the_simulation_ends_emission_until_a_fresh_press(
    stack: Stack, treatment: Treatment
) -> None:
    """The head has a clock of its own: it would fire on into a world that stands still."""
    from simulation_interfaces.msg import SimulationState
    from simulation_interfaces.srv import SetSimulationState

    client = treatment.client

    def set_state(state: int) -> None:
        request = SetSimulationState.Request(state=SimulationState(state=state))
        result = client.call(SetSimulationState, "simulation/set_simulation_state", request).result
        assert result.result == 1, result.error_message

    treatment.start(seed=3)
    treatment.go_on_until_fired(60)
    set_state(SimulationState.STATE_PAUSED)
    answered = time.monotonic()
    client.pump(0.1)
    paused_at = treatment.fired()
    assert max(stack.emissions()) <= answered, "it fired after the pause was answered"
    with pytest.raises(ValueError, match="the simulation is paused; play first"):
        client.set_interlock("footswitch_pressed", True)
    client.pump(1.0)
    assert treatment.fired() == paused_at, "it fired into a world that stands still"
    assert treatment.state() != "FIRING"
    set_state(SimulationState.STATE_PLAYING)
    client.pump(1.5)
    assert treatment.fired() == paused_at, "playing is no press of the footswitch"
    assert treatment.state() == "HOLD"
    client.set_interlock("footswitch_pressed", True)
    treatment.go_on_until_fired(paused_at + 20, 20.0, act=False)
    spots = [row["spot"] for row in stack.device_log() if row["event"] == "emission"]
    assert spots == list(range(len(spots))), "every spot once, in order, across the pause"
    assert stack.died is None


def test_a_patient_who_moves_while_it_fires_fails_the_verification(treatment: Treatment) -> None:
    """Device, plan and arm agree, and every shot meets its place in the room: only the skin was elsewhere."""
    from openmtz.cli.result import fired_spots, truth_shots
    from openmtz.records import verify

    client = treatment.client
    treatment.start(seed=4)
    treatment.go_on_until_fired(40)
    client.inject_fault("patient_sudden_move", translation_m=[0.0, 0.003, 0.0], duration_s=0.05)
    treatment.go_on(treatment.future.done, 60.0)
    client.pump(0.5)
    plan = client.observed.plan
    fired, truth = fired_spots(client.observed), truth_shots(client.observed)
    assert plan is not None and len(truth.spot_index) == treatment.fired() > 40
    verification = verify(plan, fired, truth)
    assert not verification.ok and verification.misplaced > 0
    off = np.linalg.norm(truth.position_m - plan.positions_m[truth.spot_index], axis=1)
    print(f"{verification.misplaced} of {len(plan)} misplaced, at the end {1e3 * off[-1]:.2f} mm off")
    assert off[0] < 1e-3 and off[-1] == pytest.approx(0.003, rel=0.2)


def test_a_plugin_that_raises_in_a_hook_is_named(stack: Stack, treatment: Treatment) -> None:
    treatment.start("raising", {}, seed=0)
    treatment.client.wait(treatment.future.done, 60.0, "the refusal")
    result = treatment.result()
    assert not result.success
    assert "raising" in result.reason and "no such curvature" in result.reason
    assert stack.died is None, "a plugin never takes the stack down"
    assert stack.emissions() == []


def test_a_full_disk_for_the_record_stops_the_treatment(stack: Stack, treatment: Treatment) -> None:
    """A file-size limit on the recorder's process acts as a disk that fills while firing."""
    treatment.start(seed=5)
    treatment.go_on_until_fired(60)
    pid = stack.supervisor.pid_of("recorder")
    size = os.path.getsize(stack.folder / "record.mcap")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))
    died = stack.wait_died(10.0)
    assert died.name == "recorder"
    assert "record" in died.cause and "space" in died.cause
    time_of_death = died.monotonic_s
    treatment.client.pump(0.5)
    assert max(stack.emissions()) <= time_of_death + 0.060, "no evidence, no emission"
