"""Phantoms: known shape at the target, lesions of known depth, same seed same patient."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.capture.cleaning import rim_edges
from openmtz.geometry import TriangleMesh, look_along
from openmtz.hooks import LESION_TYPES, PluginError, PluginManager
from openmtz.simulation.patient import phantom_plugins
from openmtz.simulation.patient.lesions import LESIONS, MASK_DEPTH_M, carve_lesions, wanted_lesions
from openmtz.simulation.patient.patients import PATIENT_TARGET_M, Patient
from openmtz.simulation.patient.phantom_plugins.smooth import SHAPES
from openmtz.simulation.patient.phantoms import load_phantoms, make_phantom
from openmtz.simulation.patient.refine import refine_near
from openmtz.simulation.truth.skin import TrueSkin


@pytest.mark.parametrize("kind", sorted(SHAPES))
@pytest.mark.parametrize("lesions", ["atrophic_scar", "striae", "none"])
def test_phantom_lies_at_the_target_facing_up(kind: str, lesions: str) -> None:
    patient = make_phantom(kind, lesions, seed=1)
    vertices, radius = patient.mesh.vertices, patient.region_radius_m
    healthy = vertices + [0, 0, 1] * patient.lesion_depth_m[:, None]
    near = np.linalg.norm(vertices[:, :2] - PATIENT_TARGET_M[:2], axis=1) < 0.002
    assert np.abs(healthy[near, 2] - PATIENT_TARGET_M[2]).max() < 2e-4
    assert patient.mesh.face_normals()[:, 2].mean() > 0.5
    assert vertices[:, 2].min() > -0.35, "nothing lies below the bed"
    assert radius is not None and 3.0 < np.pi * (radius * 100) ** 2 < 5.0
    region = np.linalg.norm(vertices - PATIENT_TARGET_M, axis=1) < radius
    edges = vertices[patient.mesh.faces[region[patient.mesh.faces].all(axis=1)]]
    assert np.percentile(np.linalg.norm(np.diff(edges, axis=1), axis=2), 90) < 1e-3
    assert patient.synthetic_lesions == (lesions != "none") and kind in patient.name
    assert "synthetic" in patient.name or lesions == "none"


@pytest.mark.parametrize("seed", range(5))
def test_lesions_have_the_depth_they_say(seed: int) -> None:
    scars = make_phantom("cheek", "atrophic_scar", seed)
    striae = make_phantom("cheek", "striae", seed)
    healthy = make_phantom("cheek", "none", seed)
    assert not healthy.lesion_mask.any() and healthy.lesion_depth_m.max() == 0
    for patient, low, high in ((scars, 0.6e-3, 2.0e-3), (striae, 0.2e-3, 0.5e-3)):
        assert low <= patient.lesion_depth_m.max() <= high
        moved = np.linalg.norm(patient.mesh.vertices - healthy.mesh.vertices, axis=1)
        assert np.allclose(moved, patient.lesion_depth_m, atol=1e-9)
        area = float((patient.mesh.vertex_areas() * patient.lesion_mask).sum() * 1e4)
        assert 0.4 < area < 3.5
        where = patient.mesh.vertices[patient.lesion_mask] - PATIENT_TARGET_M
        assert np.linalg.norm(where[:, :2], axis=1).max() < 1.6 * patient.region_radius_m


def test_curvature_is_the_one_named() -> None:
    mesh = make_phantom("cheek", "none", 0).mesh
    relative = mesh.vertices - PATIENT_TARGET_M
    near = np.linalg.norm(relative[:, :2], axis=1) < 0.02
    x, y, z = relative[near].T
    terms = np.stack([x * x, y * y, x * y, x, y, np.ones_like(x)], axis=1)
    fit = np.linalg.lstsq(terms, z, rcond=None)[0]
    assert -0.5 / fit[0] == pytest.approx(0.070, rel=0.35)
    assert -0.5 / fit[1] == pytest.approx(0.080, rel=0.35)


def test_same_seed_same_patient_other_seed_another() -> None:
    a, b, c = (make_phantom("forearm", "atrophic_scar", seed) for seed in (4, 4, 5))
    assert np.array_equal(a.mesh.vertices, b.mesh.vertices) and np.array_equal(a.lesion_mask, b.lesion_mask)
    assert not np.array_equal(a.mesh.vertices, c.mesh.vertices)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: abdomen, cheek, face, forearm"):
        make_phantom("knee")
    with pytest.raises(ValueError, match="striae"):
        make_phantom("cheek", "warts")
    for lesions in ("icepick+", "icepick+icepick", "icepick:x", "icepick:-1", "icepick:inf"):
        with pytest.raises(ValueError, match=r"icepick:0\.7\+rolling:0\.3"):
            make_phantom("cheek", lesions)
    with pytest.raises(ValueError, match="ask for none and some"):
        wanted_lesions("none+striae")
    for radius in (0.0, 11.0, float("nan")):
        with pytest.raises(ValueError, match="region radius"):
            make_phantom("cheek", "none", 0, radius)
    assert "cheek" in load_phantoms().phantoms, "a wrong wish disables nothing"


@pytest.mark.parametrize("seed", range(3))
def test_a_face_shows_its_left_cheek_and_has_a_nose(seed: int) -> None:
    patient = make_phantom("face", None, seed)
    mesh, radius = patient.mesh, patient.region_radius_m
    assert "atrophic scar" in patient.name and patient.site == "cheek" and radius == 0.011
    near = np.linalg.norm(mesh.vertices - PATIENT_TARGET_M, axis=1) < radius
    mean = (mesh.vertex_normals() * mesh.vertex_areas()[:, None])[near].sum(axis=0)
    assert mean[2] / np.linalg.norm(mean) > np.cos(np.deg2rad(4.0))
    edges = mesh.vertices[mesh.faces[near[mesh.faces].all(axis=1)]]
    assert np.percentile(np.linalg.norm(np.diff(edges, axis=1), axis=2), 90) < 1.1e-3
    inside = np.linalg.norm(mesh.vertices[patient.lesion_mask] - PATIENT_TARGET_M, axis=1)
    assert 0.3 * radius < inside.max() < 1.6 * radius
    # The nose: nearest to the front, 17 to 28 mm before the skin 25 mm beside it, curved in millimetres.
    skin = load_phantoms().build_phantom("face", "none", seed, 0.011)
    tip = skin.vertices[np.argmax(skin.vertices[:, 2])]
    assert abs(tip[0]) < 0.004 and -0.035 < tip[1] < -0.01
    beside = np.hypot(np.abs(skin.vertices[:, 0]) - 0.025, skin.vertices[:, 1] - tip[1]) < 0.003
    assert 0.015 < tip[2] - skin.vertices[beside, 2].mean() < 0.030
    eyes = np.hypot(skin.vertices[:, 0] - 0.032, skin.vertices[:, 1] - 0.027) < 0.003
    brow = np.hypot(skin.vertices[:, 0] - 0.028, skin.vertices[:, 1] - 0.045) < 0.003
    assert skin.vertices[brow, 2].mean() > skin.vertices[eyes, 2].mean()
    healthy = TriangleMesh(skin.vertices, skin.faces)
    assert len(rim_edges(skin.faces)) > 100 and (healthy.face_areas() > 0).all()
    assert (healthy.face_normals() * [0.0, 0.0, 1.0]).sum(axis=1).min() > -0.35, "no skin turned inside out"


@pytest.mark.parametrize("kind", ["cheek", "abdomen", "face"])
@pytest.mark.parametrize("lesions", ["atrophic_scar", "icepick", "boxcar", "rolling", "striae"])
def test_depth_and_labels_are_those_of_the_carved_geometry(kind: str, lesions: str) -> None:
    """Measured by rays: from each vertex out along the healthy normal, the healthy skin is so far away."""
    carved, healthy = make_phantom(kind, lesions, 7), make_phantom(kind, "none", 7)
    at = np.nonzero(carved.lesion_mask)[0]
    out = healthy.mesh.vertex_normals()[at]
    above = TrueSkin(healthy.mesh).cast(carved.mesh.vertices[at] + 0.005 * out, -out)
    assert above.hit.all()
    assert np.abs(0.005 - above.distance_m - carved.lesion_depth_m[at]).max() < 1e-6
    assert np.array_equal(carved.lesion_mask, carved.lesion_depth_m >= MASK_DEPTH_M)
    assert not carved.lesion_label[~carved.lesion_mask].any() and carved.lesion_label[at].all()
    found = {LESION_TYPES[k] for k in np.unique(carved.lesion_label[at])}
    wanted = {"atrophic_scar": {"icepick", "boxcar", "rolling"}, "striae": {"stria"}}
    assert found == wanted.get(lesions, {lesions})


def flat_skin() -> TriangleMesh:
    g = np.arange(-0.02, 0.02001, 0.0002)
    x, y = np.meshgrid(g, g)
    n = len(g)
    i = np.arange(n * n).reshape(n, n)
    faces = np.concatenate(
        [
            np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:]], -1).reshape(-1, 3),
            np.stack([i[:-1, :-1], i[1:, 1:], i[1:, :-1]], -1).reshape(-1, 3),
        ]
    )
    return TriangleMesh(np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3), faces)


@pytest.mark.parametrize(
    ("kind", "width_mm", "depth_mm", "steep"),
    [
        ("icepick", (0.8, 2.2), (0.9, 2.0), True),
        ("boxcar", (1.4, 4.5), (0.4, 1.0), True),
        ("rolling", (3.3, 7.7), (0.3, 0.8), False),
    ],
)
def test_each_scar_type_has_the_size_of_its_class(
    kind: str, width_mm: tuple[float, float], depth_mm: tuple[float, float], steep: bool
) -> None:
    from scipy import ndimage

    up = np.array([0.0, 0.0, 1.0])
    skin = carve_lesions(flat_skin(), np.zeros(3), up, 0.011, kind, np.random.default_rng(2))
    n = 201
    depth = skin.depth_m.reshape(n, n)
    pieces, count = ndimage.label(depth > MASK_DEPTH_M)
    assert count >= 3
    alone = 0
    for k in range(1, count + 1):
        area = float((pieces == k).sum()) * 0.2**2
        width = 2.0 * np.sqrt(area / np.pi)
        if width > width_mm[1]:
            continue  # two that touch
        alone += 1
        assert width >= 0.75 * width_mm[0]
        assert 0.85 * depth_mm[0] <= depth[pieces == k].max() * 1e3 <= depth_mm[1] + 1e-9
    assert alone >= 2
    slope = np.hypot(*np.gradient(depth, 0.0002)).max()
    assert (slope > 1.0) == steep


def test_a_mix_has_the_shares_asked_for() -> None:
    assert wanted_lesions("icepick:3+rolling:1") == ({"rolling": 0.25, "icepick": 0.75}, False)
    assert wanted_lesions("atrophic_scar+striae")[1] and not wanted_lesions("none")[0]
    both = make_phantom("cheek", "icepick+rolling", 1)
    found = {LESION_TYPES[k] for k in np.unique(both.lesion_label)}
    assert found == {"none", "icepick", "rolling"} and "icepick + rolling" in both.name
    # What a mix means for the whole: icepick alone takes less skin than rolling alone.
    area = {
        kind: float((make_phantom("cheek", kind, 1).lesion_mask).mean()) for kind in ("icepick", "rolling")
    }
    assert area["icepick"] < 0.5 * area["rolling"]


def test_lesions_stay_on_the_near_side_of_a_thin_part() -> None:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.03)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, np.int32))
    up = np.array([0.0, 0.0, 1.0])
    skin = carve_lesions(mesh, np.array([0.0, 0.0, 0.03]), up, 0.011, "rolling", np.random.default_rng(0))
    assert skin.mask.any() and mesh.vertices[skin.mask][:, 2].min() > 0.01


def test_phantoms_of_another_plugin_stand_beside_the_built_in_ones() -> None:
    from types import SimpleNamespace

    from openmtz.hooks import Phantom, PhantomSkin, hookimpl

    def build(lesions: str, seed: int, region_radius_m: float) -> PhantomSkin:
        flat = flat_skin()
        turned = flat.vertices @ look_along((0, 0, 0), (1.0, 0.5, -0.2))[:3, :3].T + [0.1, 0.2, 0.3]
        zero = np.zeros(len(turned))
        x, y, z = look_along((0, 0, 0), (1.0, 0.5, -0.2))[:3, 2]
        label = zero.astype(np.int8)
        return PhantomSkin(turned, flat.faces, zero > 0, zero, label, (0.1, 0.2, 0.3), (x, y, z))

    manager = PluginManager()
    assert manager.register("openmtz_phantoms", phantom_plugins)
    offer = Phantom("plate", "Plate", "Flat.", ("other",), ("none",), build)
    assert manager.register("mine", SimpleNamespace(phantoms=hookimpl(lambda: [offer])))
    patient = make_phantom("plate", None, 0, plugins=manager)
    assert isinstance(patient, Patient) and patient.name == "plate phantom, healthy, seed 0"
    assert np.abs(patient.mesh.vertices[:, 2] - PATIENT_TARGET_M[2]).max() < 1e-12
    assert np.allclose(patient.mesh.face_normals()[:, 2], 1.0) and patient.site == "other"
    with pytest.raises(ValueError, match="abdomen, cheek, face, forearm, plate"):
        make_phantom("hand", plugins=manager)
    assert set(LESIONS) == set(manager.phantoms["cheek"].lesions)
    broken = Phantom("plate2", "", "", ("other",), ("none",), lambda *_: None)  # type: ignore[arg-type, return-value]
    assert manager.register("other", SimpleNamespace(phantoms=hookimpl(lambda: [broken])))
    with pytest.raises(PluginError, match="NoneType, not a PhantomSkin"):
        make_phantom("plate2", plugins=manager)
    with pytest.raises(ValueError, match="'other' failed in phantoms"):
        make_phantom("plate2", plugins=manager)
    assert make_phantom("plate", plugins=manager).site == "other"


def test_refinement_opens_no_cracks_and_lifts_onto_a_sphere() -> None:
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.08)
    mesh = TriangleMesh(np.asarray(ball.vertices), np.asarray(ball.faces, np.int32))
    fine = refine_near(mesh, (0, 0, 0.08), 0.02, 0.001)
    assert len(rim_edges(fine.faces)) == 0
    near = np.linalg.norm(fine.vertices - [0, 0, 0.08], axis=1) < 0.019
    edges = fine.vertices[fine.faces[near[fine.faces].all(axis=1)]]
    assert np.linalg.norm(np.diff(edges, axis=1), axis=2).max() <= 0.001
    error = np.abs(np.linalg.norm(fine.vertices[near], axis=1) - 0.08)
    assert error.max() < 0.2e-3, "facets of 23 mm edges stood 0.8 mm off"
    far = np.linalg.norm(mesh.vertices - [0, 0, 0.08], axis=1) > 0.06
    assert np.isin(mesh.vertices[far], fine.vertices).all()
