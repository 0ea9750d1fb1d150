"""Plan folders: written whole, read back the same, damage and mix-ups noticed, never overwritten."""

from __future__ import annotations

import json

import numpy as np
import pytest
from needs import needs

from openmtz.plan import Finding, PlanError, Severity, TreatmentPlan
from openmtz.plan.files import JSON_FILE, PLAN_FILE, SPOTS_FILE, load_plan, save_plan

FINDINGS = [Finding(Severity.WARNING, "planner", "energy-cut", "cut", "another profile", 3)]


def plan(count: int = 4, seed: int = 1) -> TreatmentPlan:
    rng = np.random.default_rng(seed)
    return TreatmentPlan(
        header={"format_version": 1, "seed": seed, "indication": "test"},
        position_nm=rng.integers(-(10**8), 10**8, (count, 3)),
        normal_e9=np.tile([0, 0, 10**9], (count, 1)),
        energy_uj=np.full(count, 20_000),
        pulse_us=np.full(count, 800),
        depth_um=np.full(count, 630),
        not_before_us=np.arange(count) * 2000,
        station=np.zeros(count),
        pass_index=np.zeros(count),
        station_pose=np.array([[0.5, 0, 0.2, 1.0, 0, 0, 0]]),
    )


def test_round_trip(tmp_path):
    original = plan()
    loaded, findings = load_plan(save_plan(original, FINDINGS, tmp_path / "a" / "plan"))
    assert loaded.sha256 == original.sha256
    assert findings == FINDINGS
    assert sorted(p.name for p in (tmp_path / "a" / "plan").iterdir()) == [JSON_FILE, PLAN_FILE, SPOTS_FILE]


def test_saving_again_is_fine_another_plan_is_not(tmp_path):
    save_plan(plan(), [], tmp_path)
    save_plan(plan(), [], tmp_path)
    with pytest.raises(PlanError, match="already holds another plan"):
        save_plan(plan(seed=2), [], tmp_path)
    assert load_plan(tmp_path)[0].sha256 == plan().sha256


def test_ply_is_read_by_another_library(tmp_path):
    trimesh = needs("trimesh")
    save_plan(plan(50), [], tmp_path)
    cloud = trimesh.load(tmp_path / SPOTS_FILE)
    assert np.allclose(cloud.vertices, plan(50).positions_m)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / PLAN_FILE).unlink(), "plan.omtz is missing"),
        (lambda f: (f / JSON_FILE).unlink(), "plan.json is missing"),
        (lambda f: (f / JSON_FILE).write_text("{"), "cannot be read"),
        (lambda f: (f / JSON_FILE).write_text("[]"), "version None"),
        (lambda f: (f / PLAN_FILE).write_bytes(b""), "damaged, or files of two plans"),
        (lambda f: save_other(f), "files of two plans"),
        (lambda f: cut(f / SPOTS_FILE), "does not show this plan"),
        (lambda f: (f / SPOTS_FILE).write_bytes(b"ply"), "does not show this plan"),
    ],
)
def test_damage_is_named(tmp_path, damage, words):
    save_plan(plan(), FINDINGS, tmp_path)
    damage(tmp_path)
    with pytest.raises(PlanError, match=words):
        load_plan(tmp_path)


def cut(file):
    file.write_bytes(file.read_bytes()[:-9])


def save_other(folder):
    save_plan(plan(seed=2), [], folder / "other")
    (folder / PLAN_FILE).write_bytes((folder / "other" / PLAN_FILE).read_bytes())


def test_every_flipped_byte_is_noticed(tmp_path):
    save_plan(plan(), [], tmp_path)
    good = (tmp_path / PLAN_FILE).read_bytes()
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 0x10
        (tmp_path / PLAN_FILE).write_bytes(bytes(bad))
        with pytest.raises(PlanError):
            load_plan(tmp_path)


def test_other_version_is_named(tmp_path):
    save_plan(plan(), [], tmp_path)
    described = json.loads((tmp_path / JSON_FILE).read_text())
    described["format_version"] = 7
    (tmp_path / JSON_FILE).write_text(json.dumps(described))
    with pytest.raises(PlanError, match="version 7"):
        load_plan(tmp_path)


def test_nan_in_the_header_is_refused():
    from openmtz.plan import plan_from_bytes

    data = plan().canonical_bytes()
    at = data.index(b'"seed":1')
    with pytest.raises(PlanError, match="NaN"):
        head = data[14:at] + b'"seed":NaN' + data[at + 8 : 14 + int.from_bytes(data[10:14], "little")]
        rest = data[14 + int.from_bytes(data[10:14], "little") :]
        plan_from_bytes(data[:10] + len(head).to_bytes(4, "little") + head + rest)


def test_a_truncated_plan_is_named():
    from openmtz.plan import plan_from_bytes

    data = plan(20).canonical_bytes()
    for end in (12, 40, len(data) // 2, len(data) - 1):
        with pytest.raises(PlanError, match="truncated or damaged"):
            plan_from_bytes(data[:end])
    with pytest.raises(PlanError, match="1 bytes follow"):
        plan_from_bytes(data + b"x")
