"""Field calibration: there and back to the count, pincushion recovered, folds and damage refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.optics import CalibrationError, FieldCalibration, angles_to_counts, counts_to_angles
from openmtz.optics.galvo import COUNTS_MAX

FULL = 0.25
LINE = np.linspace(-30000.0, 30000.0, 13)


def distorted(strength: float = 0.3, shift: float = 0.0004, name: str = "head 1") -> FieldCalibration:
    """Pincushion, a little rotation, field curvature."""
    x, y = np.meshgrid(LINE, LINE, indexing="ij")
    tx, ty = x / COUNTS_MAX * FULL, y / COUNTS_MAX * FULL
    r2 = tx**2 + ty**2
    turned = np.stack([tx * (1 + strength * r2) + 0.01 * ty, ty * (1 + strength * r2) - 0.01 * tx], axis=-1)
    return FieldCalibration(LINE, LINE, turned, shift * r2 / r2.max(), FULL, name)


def test_identity_is_the_plain_galvo():
    plain = FieldCalibration.identity(FULL)
    counts = np.random.default_rng(0).integers(-COUNTS_MAX, COUNTS_MAX, (500, 2))
    angles = counts_to_angles(counts, FULL)
    assert np.allclose(plain.counts_to_angles(counts), angles, atol=1e-15)
    assert np.array_equal(plain.angles_to_counts(angles), angles_to_counts(angles, FULL))
    assert plain.calibration_id == "nominal"
    assert np.array_equal(plain.focus_shift(angles), np.zeros(500))


@given(st.integers(-29900, 29900), st.integers(-29900, 29900), st.floats(-0.5, 0.5))
def test_there_and_back_is_exact(x, y, strength):
    head = distorted(strength)
    assert head.angles_to_counts(head.counts_to_angles([[x, y]])).tolist() == [[x, y]]


def test_aims_land_where_they_should_and_not_without_calibration():
    head = distorted()
    wanted = np.random.default_rng(1).uniform(-0.15, 0.15, (400, 2))
    landed = head.counts_to_angles(head.angles_to_counts(wanted))
    count = FULL / COUNTS_MAX
    assert np.abs(landed - wanted).max() <= 0.55 * count
    blind = head.counts_to_angles(angles_to_counts(wanted, FULL))
    assert np.abs(blind - wanted).max() * 0.15 > 200e-6  # more than 0.2 mm beside, at 0.15 m


def test_focus_shift_follows_the_field():
    shift = distorted(shift=0.0004).focus_shift([[0.0, 0.0], [0.15, 0.15]])
    assert shift[0] == pytest.approx(0.0, abs=1e-6)
    assert 0.0001 < shift[1] < 0.0004


def test_outside_the_grid_is_refused_not_clipped():
    head = distorted()
    assert head.in_field([[0.0, 0.0], [0.249, 0.0]]).tolist() == [True, False]
    with pytest.raises(ValueError, match="1 aims lie outside the calibrated field"):
        head.angles_to_counts([[0.0, 0.0], [0.249, 0.0]])
    with pytest.raises(ValueError, match="outside"):
        head.angles_to_counts([[np.nan, 0.0]])
    assert np.isnan(head.counts_to_angles([[32000, 0]])).all()


def test_id_names_the_values_not_the_name():
    assert distorted(name="a").calibration_id == distorted(name="b").calibration_id
    ids = {distorted().calibration_id, distorted(0.31).calibration_id, distorted(shift=0.0).calibration_id}
    assert len(ids) == 3 and "nominal" not in ids


def test_file_round_trip_and_damage(tmp_path):
    file = tmp_path / "head.json"
    head = distorted()
    head.save(file)
    assert FieldCalibration.load(file).calibration_id == head.calibration_id
    values = json.loads(file.read_text())
    values["angles_rad"][3][3][0] += 1e-6
    file.write_text(json.dumps(values))
    with pytest.raises(CalibrationError, match="changed by hand or damaged"):
        FieldCalibration.load(file)
    for text, words in (
        ("{", "no calibration file"),
        ("[]", "version 1"),
        ('{"format_version": 1}', "counts_x"),
    ):
        file.write_text(text)
        with pytest.raises(CalibrationError, match=words):
            FieldCalibration.load(file)


def changed(**values: object) -> dict[str, object]:
    head = distorted()
    keys = ("counts_x", "counts_y", "angles_rad", "focus_shift_m", "full_scale_rad")
    return {**{key: getattr(head, key) for key in keys}, **values}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (changed(counts_x=LINE[::-1]), "counts_x must increase"),
        (changed(counts_x=LINE * 2), "within"),
        (changed(counts_x=LINE[:-1]), "angles_rad must be"),
        (changed(angles_rad=-distorted().angles_rad), "does not increase"),
        (changed(angles_rad=distorted().angles_rad * 1.4), "differ from nominal"),
        (changed(angles_rad=distorted().angles_rad * np.nan), "angles_rad holds NaN"),
        (changed(focus_shift_m=np.full((13, 13), 0.4)), "the unit is metres"),
        (changed(full_scale_rad=14.3), "full_scale_rad"),
    ],
)
def test_what_cannot_be_is_named(values, words):
    with pytest.raises(CalibrationError, match=words):
        FieldCalibration(**values)
