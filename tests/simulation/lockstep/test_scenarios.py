"""Whole treatments in lockstep: same seed, same log; stories end as told; a run leaves its evidence."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from openmtz.cli.errors import UserError
from openmtz.simulation.lockstep.gallery import gallery_paths
from openmtz.simulation.lockstep.run import SimulationResult, simulate
from openmtz.simulation.lockstep.scenario import Scenario, load_scenario

SMALL: dict[str, Any] = {
    "name": "small",
    "indication": "ladd",
    "patient": {"kind": "phantom", "phantom": "forearm", "lesions": "none"},
    "facts": {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"},
    "request": {"region": {"center_m": [0.5, 0.0, 0.05], "radius_m": 0.005}},
    "views": 3,
    "frames_per_view": 2,
    "scan_radius_m": 0.02,
}
"""Half a square centimetre: a second or two."""


@cache
def quiet_run() -> SimulationResult:
    return simulate(Scenario.model_validate(SMALL), 1)


def test_a_treatment_delivers_every_spot_once_and_harms_nobody() -> None:
    result = quiet_run()
    assert result.outcome == "done" and result.as_expected, result.reason
    assert result.plan is not None and result.verification is not None
    assert result.verification.ok and result.verification.delivered == len(result.plan) > 100
    assert result.harms == () and result.contacts == ()
    stages = [entry["name"] for entry in result.log.of("stage")]
    assert stages == ["idle", "capture", "plan", "approve", "treat", "verify", "done"]
    states = [entry["name"] for entry in result.log.of("safety")]
    assert states[:4] == ["STANDBY", "ARMING", "READY", "FIRING"] and states[-1] == "STANDBY"


def test_same_seed_same_log_to_the_byte_and_another_seed_another() -> None:
    again = simulate(Scenario.model_validate(SMALL), 1)
    assert again.log.lines() == quiet_run().log.lines()
    for name, column in quiet_run().truth.items():
        assert np.array_equal(column, again.truth[name], equal_nan=True), name
    other = simulate(Scenario.model_validate(SMALL), 2)
    assert other.plan is not None and quiet_run().plan is not None
    assert other.plan.sha256 != quiet_run().plan.sha256  # type: ignore[union-attr]


def test_a_stop_ends_emission_and_a_break_is_gone_on_from() -> None:
    fault = {"when": {"after": "spots:60"}, "fault": "emergency_stop"}
    stopped = simulate(Scenario.model_validate({**SMALL, "faults": [fault]}), 1)
    at = stopped.log.of("fault")[0]["t"]
    assert stopped.outcome == "stopped" and "emergency stop" in stopped.reason
    assert stopped.truth["time_s"].max() <= at + 0.005
    # The stop may fall into a pulse, which is then cut: that one spot got less than planned.
    assert {h.name for h in stopped.harms} <= {"under-energy"} and sum(h.count for h in stopped.harms) <= 1
    fault = {"when": {"after": "spots:60"}, "fault": "footswitch_released", "for_s": 0.5}
    held = simulate(Scenario.model_validate({**SMALL, "faults": [fault]}), 1)
    assert held.as_expected and "HOLD" in [entry["name"] for entry in held.log.of("safety")]


def test_what_nobody_guards_against_shows_in_the_truth_and_not_in_the_outcome() -> None:
    move = {"translation_m": [0.003, 0.0, 0.0]}
    fault = {"when": {"after": "spots:60"}, "fault": "patient_sudden_move", "parameters": move}
    result = simulate(Scenario.model_validate({**SMALL, "faults": [fault]}), 1)
    assert result.outcome == "done", "the stack does not know"
    assert {"off-target", "patient-moved"} <= {h.name for h in result.harms}
    assert not result.as_expected and result.verification is not None and not result.verification.ok


def test_every_scenario_of_the_gallery_can_be_read_and_says_what_it_expects() -> None:
    paths = gallery_paths()
    assert len(paths) >= 10
    for name, path in paths.items():
        scenario = load_scenario(path)
        assert scenario.name == name and scenario.title and scenario.story and scenario.expect is not None


@pytest.mark.campaign
@pytest.mark.parametrize("name", sorted(gallery_paths()))
def test_every_scenario_of_the_gallery_comes_out_as_told(name: str) -> None:
    result = simulate(load_scenario(gallery_paths()[name]), 0)
    assert result.as_expected, (result.outcome, result.reason, result.harms)


def test_the_command_leaves_the_evidence_and_fails_where_the_story_does(tmp_path: Path) -> None:
    from openmtz.cli.simulate import play
    from openmtz.records import read_summary

    wrong = Scenario.model_validate({**SMALL, "expect": {"outcome": "stopped"}})
    console = Console(file=(tmp_path / "said").open("w"), width=100)
    assert play([wrong], 1, tmp_path / "run", console, film=False) == 1
    summary = read_summary(tmp_path / "run")
    assert summary.ok and summary.details["log_sha256"] == quiet_run().log.sha256
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "events.jsonl", "device.jsonl", "truth.npz", "plan"} <= names
    assert (tmp_path / "run" / "events.jsonl").read_text() == quiet_run().log.lines()
    with pytest.raises(UserError, match="not empty"):
        play([wrong], 1, tmp_path / "run", console, film=False)


def test_a_patient_that_cannot_be_is_named_before_anything_starts(tmp_path: Path) -> None:
    from openmtz.cli.simulate import play

    broken = Scenario.model_validate({**SMALL, "patient": {"kind": "mesh", "path": "/no/such.ply"}})
    with pytest.raises(UserError, match=r"such\.ply"):
        play([broken], 1, tmp_path / "run", Console(quiet=True), film=False)
    assert not (tmp_path / "run").exists(), "nothing is left of a run that never was"


def test_a_film_shows_the_track_and_wants_one(tmp_path: Path) -> None:
    from dataclasses import replace

    from PIL import Image

    from openmtz.simulation.lockstep.film import write_film

    run = quiet_run()
    track = tuple((t, np.array([-0.3, -1.6, 1.6, -1.5, -1.57, -1.8])) for t in (1.0, run.sim_s))
    assert write_film(tmp_path / "two.gif", replace(run, track=track), (160, 120)) == 2
    with Image.open(tmp_path / "two.gif") as picture:
        assert picture.n_frames == 2  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="track"):
        write_film(tmp_path / "none.gif", run)
