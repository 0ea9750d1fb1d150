"""The patient from the command line's options through JSON to the simulation; every mistake named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import PatientTexts, parse_patient, parse_phantom
from openmtz.simulation.patient.lesions import LESIONS
from openmtz.simulation.patient.motion import Breathing, Drift, MotionError, Tremor
from openmtz.simulation.patient.motion_request import MOTION_KINDS, PRESETS, motion_from_text
from openmtz.simulation.patient.request import PatientRequestError, build_patient


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("meshes") / "ball.ply"
    trimesh.creation.icosphere(subdivisions=4, radius=0.08).export(path)
    return path


def patient_of(indication: str = "atrophic_scar", **options: object):  # type: ignore[no-untyped-def]
    chosen = parse_patient(indication, PatientTexts(**options))  # type: ignore[arg-type]
    return chosen, build_patient(json.dumps(chosen.as_request()), 3)


@pytest.mark.parametrize(
    ("indication", "phantom", "lesions", "site"),
    [
        ("atrophic_scar", "cheek", "atrophic scar", "cheek"),
        ("striae", "abdomen", "striae", "abdomen"),
        ("ladd", "forearm", "healthy", "forearm"),
        ("of_a_plugin", "cheek", "healthy", "cheek"),
    ],
)
def test_the_indication_chooses_the_phantom(indication: str, phantom: str, lesions: str, site: str) -> None:
    chosen, patient = patient_of(indication)
    assert chosen.phantom == phantom and chosen.site == patient.site == site
    assert lesions in patient.name and phantom in patient.name and patient.motion.is_still


def test_what_is_asked_for_is_made() -> None:
    chosen, patient = patient_of(phantom="face", lesions="icepick:0.6+rolling:0.4", motion="breathing+tremor")
    assert patient.name == "face phantom, synthetic icepick:0.6 + rolling:0.4 lesions, seed 3"
    breath, tremor = patient.motion.parts
    assert isinstance(breath, Breathing) and tremor == Tremor(seed=3), (
        "random phases follow the patient's seed"
    )
    assert chosen.describe() == (
        "synthetic phantom face with synthetic lesions (icepick:0.6+rolling:0.4), moving (breathing+tremor)"
    )
    assert parse_phantom("abdomen", None, None).lesions == "striae"


def test_lesions_on_a_mesh_are_carved_and_called_synthetic(ball: Path) -> None:
    plain, real = patient_of(mesh=ball)
    assert not real.synthetic_lesions and "synthetic" not in real.name + plain.describe()
    scarred, patient = patient_of(mesh=ball, lesions="boxcar", motion="drift", region="0,0,0.08,0.009")
    assert patient.synthetic_lesions and "synthetic boxcar lesions" in patient.name
    assert "synthetic lesions (boxcar)" in scarred.describe() and patient.region_radius_m == 0.009
    assert 0.3e-3 < patient.lesion_depth_m.max() <= 1.0e-3
    assert isinstance(patient.motion.parts[0], Drift)
    other = build_patient(json.dumps(scarred.as_request()), 4)
    assert not np.array_equal(other.lesion_depth_m, patient.lesion_depth_m), "the seed moves the lesions"


def test_an_empty_request_is_a_still_cheek_with_scars() -> None:
    patient = build_patient("  ", 1)
    assert (
        patient.name == "cheek phantom, synthetic atrophic scar lesions, seed 1" and patient.motion.is_still
    )
    small = build_patient('{"kind": "phantom", "region_radius": 0.006}', 1)
    assert small.region_radius_m == 0.006
    away = np.linalg.norm(small.mesh.vertices[small.lesion_mask] - small.target_m, axis=1)
    assert away.max() < 1.7 * 0.006


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_motion_named_can_be_made(name: str) -> None:
    motion = motion_from_text(name, seed=5)
    assert motion.is_still == (name == "none")
    assert motion.bound_m(100.0) < 0.03
    assert len(motion.parts) == len(PRESETS[name])


def test_motion_as_json_takes_every_number() -> None:
    text = json.dumps(
        [
            {"kind": "breathing", "amplitude_m": 0.006, "period_s": 5.0, "centre_m": [0.4, 0.0, 0.1]},
            {"kind": "sudden_move", "at_s": 3.0, "translation_m": [0.0, 0.004, 0.0], "rotation_rad": 0.1},
            {"kind": "tremor", "band_hz": [5.0, 6.0], "seed": 9},
        ]
    )
    breath, move, tremor = motion_from_text(text, seed=1).parts
    assert breath == Breathing(amplitude_m=0.006, period_s=5.0, centre_m=(0.4, 0.0, 0.1))
    assert move.translation_m == (0.0, 0.004, 0.0)  # type: ignore[attr-defined]
    assert tremor == Tremor(seed=9, band_hz=(5.0, 6.0))
    request = json.dumps({"kind": "phantom", "motion": json.loads(text)})
    assert build_patient(request, 1).motion == motion_from_text(text, 1)
    assert motion_from_text('{"kind": "pulse"}').parts == (MOTION_KINDS["pulse"](),)


@pytest.mark.parametrize(
    ("request_json", "words"),
    [
        ("[[[", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("{}", "kind"),
        ('{"kind": "ct"}', "'phantom', 'mesh', 'depth'"),
        ('{"kind": "phantom", "colour": 1}', "phantom.colour: Extra inputs"),
        ('{"kind": "phantom", "phantom": "knee"}', "known: abdomen, cheek, face, forearm"),
        ('{"kind": "phantom", "lesions": "warts"}', "known: atrophic_scar, icepick"),
        ('{"kind": "phantom", "lesions": "icepick:x"}', "cannot be read at 'icepick:x'"),
        ('{"kind": "phantom", "lesions": "none+icepick"}', "ask for none and some at once"),
        ('{"kind": "phantom", "region_radius": 11}', "region_radius: Input should be less"),
        ('{"kind": "phantom", "region_radius": NaN}', "region_radius"),
        ('{"kind": "phantom", "motion": "breathng"}', "did you mean 'breathing'"),
        ('{"kind": "phantom", "motion": {"kind": "drift"}}', "must be a list of parts, got dict"),
        ('{"kind": "phantom", "motion": [3]}', "motion part 0 must be an object"),
        ('{"kind": "phantom", "motion": [{"kind": "hiccup"}]}', "no kind 'hiccup'; there are: breathing"),
        ('{"kind": "phantom", "motion": [{"kind": ["a"]}]}', "no kind"),
        ('{"kind": "phantom", "motion": [{"kind": "drift"}]}', "needs velocity_m_s"),
        (
            '{"kind": "phantom", "motion": [{"kind": "breathing", "amplitude": 1}]}',
            "did you mean 'amplitude_m'",
        ),
        ('{"kind": "phantom", "motion": [{"kind": "breathing", "amplitude_m": 4}]}', "0 to 0.1, got 4"),
        ('{"kind": "phantom", "motion": [{"kind": "tremor", "band_hz": "low"}]}', "two finite numbers"),
        ('{"kind": "phantom", "motion": [{"kind": "tremor", "_sines": []}]}', "no field '_sines'"),
        ('{"kind": "mesh", "path": "a.ply", "lesions": "warts"}', "mesh.lesions: unknown lesions 'warts'"),
        ('{"kind": "mesh", "path": "a.ply"}', "there is no file a.ply"),
        ('{"kind": "depth", "path": "no_such_folder"}', "there is no no_such_folder"),
    ],
)
def test_every_mistake_in_the_request_is_named(request_json: str, words: str) -> None:
    with pytest.raises(PatientRequestError) as caught:
        build_patient(request_json, 0)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"phantom": "knee"}, "--phantom knee: unknown; there are abdomen, cheek, face, forearm"),
        ({"phantom": "cheek", "lesions": "warts"}, "--lesions: phantom 'cheek' offers no lesions 'warts'"),
        ({"phantom": "cheek", "motion": "dancing"}, "--motion: no motion 'dancing'"),
        ({"motion": "[{"}, "--motion: not JSON"),
        ({"mesh": Path(__file__)}, "unknown kind of file"),
        ({"region": "0,0,0,0.01"}, "--region goes with --mesh or --frames"),
        ({"intrinsics": "1,2,3,4"}, "--intrinsics goes with --frames"),
        ({"phantom": "cheek", "frames": Path(".")}, "one patient only"),
        ({"frames": Path("."), "lesions": "warts"}, f"known: {', '.join(LESIONS)}"),
    ],
)
def test_every_mistake_in_the_options_is_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        patient_of(**options)
    assert words in str(caught.value)


def test_a_motion_of_nothing_is_refused() -> None:
    with pytest.raises(MotionError, match="no motion ''"):
        motion_from_text("")
