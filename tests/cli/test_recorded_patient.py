"""Recorded depth frames are looked at before anything starts, and what was left out is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import PatientTexts, parse_patient


@pytest.fixture()
def frames(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for k in range(2):
        counts = 3500 + 2 * np.arange(120)[:, None] + rng.integers(0, 5, (120, 160))
        Image.fromarray(counts.astype(np.uint16)).save(tmp_path / f"{k}.png")
    Image.new("RGB", (160, 120)).save(tmp_path / "preview.png")
    return tmp_path


def parse(frames: Path, intrinsics: str | None = "300,300,79.5,59.5", unit: float = 1e-4):  # type: ignore[no-untyped-def]
    return parse_patient("ladd", PatientTexts(frames=frames, intrinsics=intrinsics, depth_unit=unit))


def test_what_is_left_out_is_told_and_stands_in_the_report(frames: Path) -> None:
    patient = parse(frames)
    assert patient.notes == ("1 files beside the depth frames are left out, no depth images: preview.png",)
    assert patient.describe().endswith(f"; {patient.notes[0]}")
    assert json.loads(json.dumps(patient.as_request()))["intrinsics"] == [300.0, 300.0, 79.5, 59.5]


def test_images_cut_out_of_larger_ones(frames: Path) -> None:
    assert parse(frames, "300,300,19.5,100,160,120").intrinsics == (300.0, 300.0, 19.5, 100.0, 160.0, 120.0)
    with pytest.raises(UserError, match=r"--frames: .* are of images of 640x480 pixels, 0.png has 160x120"):
        parse(frames, "300,300,19.5,100,640,480")


@pytest.mark.parametrize(
    ("intrinsics", "unit", "cause"),
    [
        ("300,300,19.5,100", 1e-4, "12 % of the width"),
        ("300,300", 1e-4, "--intrinsics needs 4 numbers"),
        (None, 1e-4, "no camera matrix K"),
        ("300,300,79.5,59.5", 0.1, "a unit of 0.0001 m would give"),
    ],
)
def test_a_wrong_recording_is_refused_before_anything_starts(
    frames: Path, intrinsics: str | None, unit: float, cause: str
) -> None:
    with pytest.raises(UserError, match=cause):
        parse(frames, intrinsics, unit)
