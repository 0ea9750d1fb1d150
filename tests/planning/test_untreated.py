"""The worst scar is treated where it can be, and what of the region gets no spots is said with its cause."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

sys.path.insert(0, str(Path(__file__).parent))
from conftest import make_skin
from surfaces import CENTER, even_manager, grid_surface

from openmtz.geometry import SkinSurface
from openmtz.hooks import Region
from openmtz.limits import check_plan, needs_word
from openmtz.planning import PlanningError, plan_treatment
from openmtz.planning.skin import WholeSkin

DISC = Region(tuple(CENTER), 0.009)
ICEPICK = np.array([1.0, 6.0]) * 1e-3


def plan(surface, region=DISC, overrides=None, indication="even"):
    manager = even_manager() if indication == "even" else None
    return plan_treatment(surface, indication, {}, 1, manager, region, overrides)


def without_triangles(surface: SkinSurface, at_mm, radius_mm: float) -> SkinSurface:
    """A hole in the capture: nothing was seen there."""
    faces = surface.mesh.faces
    away = surface.mesh.vertices[faces].mean(axis=1)[:, :2] - CENTER[:2] - np.array(at_mm) * 1e-3
    return SkinSurface.from_arrays(
        surface.mesh.vertices, faces[np.hypot(*away.T) > radius_mm * 1e-3], voxel_m=surface.voxel_m
    )


def folded(surface: SkinSurface, at_mm) -> SkinSurface:
    """One triangle, the nearest to a place, wound the other way: as a fold at a scar's bottom is."""
    faces = surface.mesh.faces.copy()
    away = surface.mesh.vertices[faces].mean(axis=1)[:, :2] - CENTER[:2] - np.array(at_mm) * 1e-3
    row = int(np.argmin(np.hypot(*away.T)))
    faces[row] = faces[row, ::-1]
    return SkinSurface.from_arrays(
        surface.mesh.vertices, faces, surface.mesh.vertex_normals(), voxel_m=surface.voxel_m
    )


def to_nearest_spot_m(result, surface, at_mm, radius_mm) -> np.ndarray:
    vertices = surface.mesh.vertices
    near = np.hypot(*(vertices[:, :2] - CENTER[:2] - np.array(at_mm) * 1e-3).T) < radius_mm * 1e-3
    return cKDTree(result.plan.positions_m).query(vertices[near])[0]


def codes(result) -> set[str]:
    return {f.code for f in result.findings}


def test_a_triangle_left_out_opens_no_hole_in_the_skin():
    skin = folded(grid_surface("flat", 0.03), (1.0, 0.5))
    result = plan(skin)
    assert "surface-flipped" in codes(result)
    assert to_nearest_spot_m(result, skin, (1.0, 0.5), 2.0).max() < 0.9e-3
    assert not codes(result) & {"near-edge", "near-hole", "broken-surface"}
    assert len(result.plan) > 0.98 * len(plan(grid_surface("flat", 0.03)).plan)


def test_the_bottom_of_an_icepick_with_a_fold_is_treated():
    skin = folded(make_skin("scars", noise_mm=0.0), ICEPICK * 1e3)
    result = plan(skin, indication="atrophic_scar")
    assert to_nearest_spot_m(result, skin, ICEPICK * 1e3, 0.8).max() < 0.9e-3


def test_the_skin_around_a_small_hole_is_treated_and_the_hole_is_named():
    skin = without_triangles(grid_surface("flat", 0.03, 0.0005), (1.0, 0.5), 0.9)
    result = plan(skin)
    found = {f.code: f for f in result.findings}
    assert "near-edge" not in found
    assert len(result.plan) > 0.94 * len(plan(grid_surface("flat", 0.03, 0.0005)).plan)
    away = np.hypot(*(result.plan.positions_m[:, :2] - CENTER[:2] - np.array([1.0, 0.5]) * 1e-3).T)
    assert away.min() > 0.9e-3
    assert "hole" in found["near-hole"].text and "cm2" in found["near-hole"].text


def test_a_wide_hole_keeps_the_margin_of_the_rim():
    skin = without_triangles(grid_surface("flat", 0.03, 0.0005), (0.0, 0.0), 2.0)
    result = plan(skin)
    away = np.hypot(*(result.plan.positions_m[:, :2] - CENTER[:2]).T)
    assert away.min() > 3.8e-3
    assert "near-hole" in codes(result) and "near-edge" not in codes(result)


def scars(at_mm, radius_mm=1.2, overrides=None, region=DISC):
    """Scarred skin with a hole in the capture."""
    skin = without_triangles(make_skin("scars", side_mm=60.0, noise_mm=0.0), at_mm, radius_mm)
    return plan(skin, region, overrides, "atrophic_scar")


def test_the_deepest_scar_lost_in_a_hole_needs_the_operators_word():
    at = (4.5, -3.0)  # the boxcar of 0.9 mm, its wall cut away on one side
    with pytest.raises(PlanningError) as caught:
        scars(at)
    found = {f.code: f for f in caught.value.findings}
    assert "allow_partial" in found["needs-operators-word"].fix
    lesion = found["lesion-untreated"]
    assert "hole" in lesion.text and "cm2" in lesion.text and "mm" in lesion.text
    result = scars(at, overrides={"allow_partial": True})
    header = result.plan.header["untreated"]
    assert header["lesion_cm2"] > 0.0 and header["worst_left_out"] in (True, False)
    assert "lesion-untreated" in codes(result) and "needs-operators-word" not in codes(result)
    assert (result.untreated_cause == "near-hole").sum() > 0


def test_the_monitor_refuses_a_plan_that_leaves_out_much_without_the_word():
    result = plan(grid_surface("flat", 0.03))
    assert result.plan.header["untreated"]["region_share"] == 0.0
    header = {**result.plan.header, "untreated": {"region_share": 0.3, "lesion_share": 0.0}}
    bad = dataclasses.replace(result.plan, header=header)
    assert {f.code for f in check_plan(bad)} == {"needs-operators-word"}
    nan = {**header, "untreated": {"region_share": 0.0, "lesion_share": float("nan")}}
    assert needs_word(nan["untreated"])
    said = {**header, "overrides": {**header["overrides"], "allow_partial": True}}
    assert not check_plan(dataclasses.replace(result.plan, header=said))


def test_a_region_over_the_rim_is_said_and_beyond_a_fifth_needs_the_word():
    skin = grid_surface("flat", 0.03)
    result = plan(skin, Region((0.5, 0.008, 0.05), 0.009))
    found = {f.code: f for f in result.findings}["near-edge"]
    assert "rim" in found.text and "%" in found.text
    assert set(np.unique(result.untreated_cause)) == {"", "near-edge"}
    with pytest.raises(PlanningError, match="of the region"):
        plan(skin, Region((0.511, 0.011, 0.05), 0.009))


def test_no_fire_volumes_and_feathering_need_no_word():
    eye = {"kind": "sphere", "center_m": CENTER.tolist(), "radius_m": 0.006}
    result = plan(grid_surface("flat", 0.03), overrides={"no_fire": [eye], "feather_m": 0.003})
    assert result.plan.header["untreated"]["region_share"] == 0.0
    assert "region-no-fire-volume" in codes(result)


def test_lesions_outside_the_region_are_named():
    result = plan(
        make_skin("scars", noise_mm=0.0), Region((0.504, -0.003, 0.05), 0.006), None, "atrophic_scar"
    )
    found = {f.code: f for f in result.findings}["lesions-outside"]
    assert found.count >= 2 and "cm2" in found.text and "mm" in found.text


def test_the_region_chosen_holds_the_worst_scar_whole():
    """The planner's own disc went through it where more severity in all lay on the other side."""
    skin = make_skin("scars", noise_mm=0.0)
    result = plan(skin, None, None, "atrophic_scar")
    worst = int(np.argmax(result.severity))
    assert result.region[worst] and "lesion-cut" not in codes(result)
    assert cKDTree(result.plan.positions_m).query(skin.mesh.vertices[worst])[0] < 0.6e-3


def test_a_lesion_cut_by_the_regions_border_is_named():
    result = plan(
        make_skin("scars", noise_mm=0.0), Region((0.4955, 0.0, 0.05), 0.0025), None, "atrophic_scar"
    )
    found = {f.code: f for f in result.findings}["lesion-cut"]
    assert found.count == 1 and "cm2" in found.text and "mm deep" in found.text


def test_all_captured_skin_means_as_far_as_its_rim_allows():
    result = plan(grid_surface("flat", 0.03), WholeSkin())
    assert {f.code for f in result.findings} >= {"near-edge"}
    assert result.plan.header["untreated"]["region_share"] == 0.0
