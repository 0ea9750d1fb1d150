"""A run that cannot begin, and one that cannot go on: named, by the library and by the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from openmtz.cli.errors import UserError
from openmtz.cli.simulate import play
from openmtz.geometry import TriangleMesh
from openmtz.robot import HOME, ArmKinematics
from openmtz.simulation.arm.world import StartBlocked, World
from openmtz.simulation.lockstep import Scenario, run, simulate
from openmtz.simulation.patient.patients import Patient


@pytest.fixture
def sitting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patient where the arm is at home."""
    corners = np.array([[-0.1, -0.1, 0.02], [0.1, -0.1, 0.02], [0.1, 0.1, 0.02], [-0.1, 0.1, 0.02]])
    mesh = TriangleMesh(corners + ArmKinematics().forward(HOME)[:3, 3], np.array([[0, 1, 2], [0, 2, 3]]))
    monkeypatch.setattr(run, "build_patient", lambda _text, _seed: Patient.healthy(mesh))


def test_a_patient_in_the_arm_s_place_is_no_run(sitting: None) -> None:
    with pytest.raises(StartBlocked, match="head_body and patient; move the patient"):
        simulate(Scenario(name="sitting"))


def test_the_command_says_it_in_a_line(sitting: None, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"scenario sitting: at the start these touch: .*head_body and patient"
    ):
        play([Scenario(name="sitting")], 0, tmp_path / "out", Console(quiet=True), film=False)


def test_a_physics_that_blows_up_is_an_error_of_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = World.step_count

    def step(world: World, count: int, monotonic_s: float | None = None) -> None:
        if not world.resting:
            world._data.qvel[1] = np.inf
        whole(world, count, monotonic_s)

    monkeypatch.setattr(World, "step_count", step)
    with pytest.raises(UserError, match=r"the physics blew up at .* s: \w+_joint at"):
        play([Scenario(name="wild", limit_s=30.0)], 0, tmp_path / "out", Console(quiet=True), film=False)
