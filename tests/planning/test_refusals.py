"""Every spot not planned has a cause of the closed list, counted in findings and header alike."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from surfaces import CENTER, even_manager, grid_faces, grid_surface

from openmtz.geometry import SkinSurface, pose_from_vector
from openmtz.hooks import Region
from openmtz.limits import check_plan
from openmtz.optics import FieldCalibration, HandpieceProfile, ProfileError
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.plan import Severity
from openmtz.planning import PlanningError, PlanningSetup, RequestError, parse_request, plan_treatment
from openmtz.planning.refusals import FIXES, TEXTS, Cause, refusal_findings, refused_counts
from openmtz.planning.skin.polygon import PolygonRegion, WholeSkin
from openmtz.planning.stations.aiming import aim_from

DISC = Region(tuple(CENTER), 0.009)


def plan(surface=None, region=DISC, reachable=None, overrides=None, manager=None, **more):
    surface = surface or grid_surface("flat", 0.03)
    manager = manager or even_manager()
    setup = PlanningSetup(reachable, **more)
    return plan_treatment(surface, "even", {}, 1, manager, region, overrides, setup)


def refused(**arguments) -> tuple[str, set[str]]:
    with pytest.raises(PlanningError) as caught:
        plan(**arguments)
    return str(caught.value), {f.code for f in caught.value.findings if f.severity == Severity.REFUSAL}


def test_the_list_is_closed_and_every_cause_explained():
    assert set(TEXTS) == set(FIXES) == set(Cause)
    counts = refused_counts(np.array(["", "too-steep", "too-steep", "out-of-reach"]))
    assert counts["too-steep"] == 2 and counts["out-of-reach"] == 1
    assert set(counts) == {c.value for c in Cause}
    found = refusal_findings(counts, {"out-of-reach": "elbow"}, {"out-of-reach": "move it"})
    assert [(f.code, f.count) for f in found] == [("out-of-reach", 1), ("too-steep", 2)]
    assert "elbow" in found[0].text and found[0].fix == "move it"


def walls() -> SkinSurface:
    """Flat skin with a round pit of 0.9 mm whose wall stands at 55 degrees, on a fine mesh without noise."""
    steps = 161
    line = np.linspace(-0.012, 0.012, steps)
    x, y = np.meshgrid(line, line, indexing="ij")
    away = np.hypot(x, y)
    z = -0.0009 * np.clip((0.0035 - away) / (0.0009 / np.tan(np.deg2rad(55.0))), 0.0, 1.0)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3) + CENTER
    return SkinSurface.from_arrays(vertices, grid_faces(steps), voxel_m=0.00015)


def test_spots_on_steep_walls_are_refused_and_nowhere_else():
    result = plan(walls())
    steep = result.refused_cause == Cause.TOO_STEEP.value
    assert steep.sum() > 5 and steep.all()
    away = np.hypot(*(result.refused_m - CENTER)[:, :2].T)
    assert (np.abs(away - 0.0032) < 0.0006).all()
    assert result.plan.header["refused"]["too-steep"] == steep.sum()
    assert {f.code: f.count for f in result.findings}["too-steep"] == steep.sum()
    left = np.hypot(*(result.plan.positions_m - CENTER)[:, :2].T)
    assert (np.abs(left - 0.0032) < 0.0001).sum() == 0


def test_no_fire_volumes_hold_nothing_and_are_counted():
    eye = {"kind": "sphere", "center_m": [0.5, 0.002, 0.05], "radius_m": 0.003}
    ends = {"start_m": [0.494, -0.005, 0.05], "end_m": [0.506, -0.005, 0.05]}
    lip = {"kind": "capsule", **ends, "radius_m": 0.001}
    overrides = {"no_fire": [eye, lip], "no_fire_margin_m": 0.0005}
    result = plan(overrides=overrides)
    p = result.plan.positions_m
    assert (np.linalg.norm(p - eye["center_m"], axis=1) >= 0.0035).all()
    along = np.clip(p[:, 0], 0.494, 0.506)
    line = np.stack([along, np.full(len(p), -0.005), np.full(len(p), 0.05)], axis=1)
    assert (np.linalg.norm(p - line, axis=1) >= 0.0015).all()
    everything = len(plan().plan)
    gone = result.plan.header["refused"]["no-fire-volume"]
    assert len(result.plan) + gone == pytest.approx(everything, abs=1)
    assert gone > 150
    finding = next(f for f in result.findings if f.code == "no-fire-volume")
    assert finding.severity == Severity.INFO and finding.count == gone
    taken = result.no_fire_m
    assert len(taken) > 100 and len(plan().no_fire_m) == 0
    along = np.clip(taken[:, 0], 0.494, 0.506)
    line = np.stack([along, np.full(len(taken), -0.005), np.full(len(taken), 0.05)], axis=1)
    in_eye = np.linalg.norm(taken - eye["center_m"], axis=1) < 0.0035 + 1e-4
    in_lip = np.linalg.norm(taken - line, axis=1) < 0.0015 + 1e-4
    assert (in_eye | in_lip).all() and in_eye.any() and in_lip.any()


def test_no_fire_over_everything_is_refused():
    bed = {"kind": "box", "center_m": [0.5, 0, 0.05], "half_m": [0.1] * 3}
    text, codes = refused(overrides={"no_fire": [bed]})
    assert "nothing is left to treat" in text and codes == {"placement-failed"}


def test_feathered_border_thins_out():
    result = plan(overrides={"feather_m": 0.004})
    away = np.hypot(*(result.plan.positions_m - CENTER)[:, :2].T)
    inner, outer = (away < 0.004).sum() / 0.004**2, (away > 0.0075).sum() / (0.0088**2 - 0.0075**2)
    assert outer < 0.4 * inner


def test_passes_are_each_even():
    result = plan(overrides={"passes": 2, "density_scale": 0.5})
    counts = np.bincount(result.plan.pass_index)
    assert abs(int(counts[0]) - int(counts[1])) <= 1
    keys = [(g.station, g.pass_index) for g in result.plan.groups()]
    assert len(keys) == len(set(keys))


def test_out_of_reach_proposes_a_move():
    def near_only(pose):
        return "" if pose[0, 3] < 0.42 else "too far"

    with pytest.raises(PlanningError) as caught:
        plan(reachable=near_only)
    finding = next(f for f in caught.value.findings if f.code == "out-of-reach")
    assert "too far" in finding.text
    assert finding.fix.startswith("move the patient by (-100, +0) mm")
    text = str(refused(reachable=lambda pose: False))
    assert "out-of-reach" in text


def test_a_leaning_station_is_tried_before_skin_is_given_up():
    surface = grid_surface("cylinder", 0.05)
    region = Region((0.515, 0.0, 0.0471), 0.004)

    def only_upright(pose):
        return bool(pose[2, 2] < -np.cos(np.deg2rad(14.0)))

    result = plan(surface, region, only_upright)
    assert len(result.refused_m) == 0
    for vector in result.plan.station_pose:
        assert only_upright(pose_from_vector(vector))


def field_of(nodes: int = 5, span: float = 30000.0, middle: float = 0.0, shift=None) -> FieldCalibration:
    """Counts proportional to angles over part of the field; `shift(x, y)` [m] of counts."""
    line = middle + np.linspace(-span, span, nodes)
    x, y = np.meshgrid(line, line, indexing="ij")
    angles = np.stack([x, y], axis=-1) / 32767 * PROFILE.full_scale_rad
    focus = np.zeros((nodes, nodes)) if shift is None else shift(x, y)
    return FieldCalibration(line, line, angles, focus, PROFILE.full_scale_rad, "test")


def bowl(x, y):
    return 0.0015 * (x**2 + y**2) / (2 * 8700.0**2)  # 8700 counts are the edge of the field


@pytest.mark.parametrize(
    "calibration",
    [
        field_of(span=5000.0),
        field_of(shift=lambda x, y: np.full_like(x, 0.0009)),
        field_of(33, 12000.0, shift=bowl),
    ],
    ids=["narrow", "deep", "bowl"],
)
def test_stations_use_the_part_of_the_field_that_is_calibrated_and_flat(calibration):
    result = plan(calibration=calibration)
    assert len(result.refused_m) == 0 and len(result.plan) == len(plan().plan)
    assert result.plan.header["calibration_id"] == calibration.calibration_id != "nominal"
    assert result.plan.header["optics"]["defocus_mm_most"] < 1e3 * PROFILE.depth_of_focus_m
    for station, vector in enumerate(result.plan.station_pose):
        pose = pose_from_vector(vector)
        mine = result.plan.station == station
        points, normals = result.plan.positions_m[mine], result.plan.normals[mine]
        aim = aim_from(pose, points, normals, PROFILE, calibration)
        assert (np.abs(aim.defocus_m) <= PROFILE.depth_of_focus_m).all()
        calibration.angles_to_counts(aim.angles_rad)  # raises for what is not in the field
    assert check_plan(result.plan, calibration) == []


def test_what_no_part_of_the_calibrated_field_meets_is_refused_by_cause():
    beside = field_of(span=5000.0, middle=9000.0)
    assert refused(calibration=beside)[1] == {"out-of-field"}
    at = 656.25  # between the places where focus is looked up while stations are chosen
    spike = field_of(257, 12000.0, shift=lambda x, y: np.where(np.hypot(x - at, y - at) < 400.0, 0.0015, 0.0))
    result = plan(calibration=spike, overrides={"allow_partial": True})
    counts = {k: v for k, v in result.plan.header["refused"].items() if v}
    assert set(counts) == {"out-of-focus"} and 0 < counts["out-of-focus"] < 10


def test_region_kinds():
    corners = ((-6e-3, -4e-3), (6e-3, -4e-3), (6e-3, 4e-3), (-6e-3, 4e-3))
    square = PolygonRegion(tuple((0.5 + x, y, 0.05) for x, y in corners))
    p = plan(region=square).plan.positions_m - CENTER
    assert (np.abs(p[:, 0]) <= 6.001e-3).all() and (np.abs(p[:, 1]) <= 4.001e-3).all()
    assert len(p) == pytest.approx(442 * 0.96, rel=0.2)
    whole = plan(region=WholeSkin())
    assert whole.areas["treated"] == pytest.approx(2.5**2, rel=0.1)
    near_edge = plan(region=Region((0.5, 0.008, 0.05), 0.009))
    assert "near-edge" in {f.code for f in near_edge.findings}


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        (((-5e-3, -5e-3), (5e-3, 5e-3), (5e-3, -5e-3), (-5e-3, 5e-3)), "crosses itself"),
        (((0.0, 0.0), (1e-3, 0.0), (0.0, 1e-6)), "less than 1 mm2"),
        (((0.1, 0.0), (0.11, 0.0), (0.1, 0.01)), "from the captured skin"),
    ],
)
def test_polygons_that_cannot_be_are_refused(corners, words):
    text, codes = refused(region=PolygonRegion(tuple((0.5 + x, y, 0.05) for x, y in corners)))
    assert words in text and codes == {"no-skin-in-region"}


@pytest.mark.parametrize(
    ("request_json", "words"),
    [
        ('{"region": {"center_m": [0.5, 0, 0.05], "whole": true}}', "exactly one"),
        ('{"region": {"polygon_m": [[0, 0, 0], [1, 0, 0]]}}', "polygon_m"),
        ('{"overrides": {"no_fire": [{"kind": "cone"}]}}', "kind|sphere"),
        ('{"overrides": {"no_fire": [{"kind": "sphere", "radius_m": -1}]}}', "radius_m"),
        ('{"overrides": {"density_scale": NaN}}', "density_scale"),
        ('{"overrides": {"density_scale": 0}}', "density_scale"),
        ('{"overrides": {"density_scale": -1}}', "density_scale"),
        ('{"overrides": {"feather_m": 0}}', "feather_m"),
    ],
)
def test_requests_that_cannot_be_are_named(request_json, words):
    with pytest.raises(RequestError, match=words):
        parse_request(request_json)


def broken(kind: str) -> SkinSurface:
    """Flat skin with one fault."""
    mesh = grid_surface("flat", 0.03).mesh
    faces = mesh.faces.copy()
    vertices = mesh.vertices
    if kind == "duplicates":
        faces = np.concatenate([faces, faces[:300]])
    if kind == "flipped":
        faces[::3] = faces[::3, ::-1]
    if kind == "slightly flipped":
        faces[900:903] = faces[900:903, ::-1]
    if kind == "non-manifold":
        extra = np.argsort(np.linalg.norm(vertices[faces].mean(axis=1) - CENTER, axis=1))[:40]
        vertices = np.concatenate([vertices, vertices[faces[extra]].mean(axis=1) + np.array([0, 0, 0.001])])
        fins = np.stack([faces[extra, 0], faces[extra, 1], len(mesh.vertices) + np.arange(40)], 1)
        faces = np.concatenate([faces, fins])
    if kind == "hole":
        middle = vertices[faces].mean(axis=1) - CENTER
        faces = faces[np.hypot(middle[:, 0], middle[:, 1]) > 0.003]
    if kind == "island":
        vertices = np.concatenate([vertices, vertices[:3] + np.array([0, 0.002, 0.01])])
        faces = np.concatenate([faces, [np.arange(3) + len(mesh.vertices)]])
    return SkinSurface.from_arrays(vertices, faces, voxel_m=0.001)


def test_double_triangles_do_not_double_the_dose():
    result = plan(broken("duplicates"))
    assert len(result.plan) == len(plan().plan)
    assert "surface-duplicates" in {f.code for f in result.findings}


def test_broken_surfaces_are_refused_or_planned_in_part_on_request():
    for kind, code in (("flipped", "surface-flipped"), ("non-manifold", "surface-non-manifold")):
        text, codes = refused(surface=broken(kind))
        assert codes == {code} and "triangles" in text
        try:
            part = plan(broken(kind), overrides={"allow_partial": True})
        except PlanningError as error:  # what is left hangs together too little to be treated
            assert {f.code for f in error.findings} & {"no-skin-in-region", "nothing-to-treat"}
        else:
            assert code in {f.code for f in part.findings}
            assert len(part.plan) < len(plan().plan)


def test_small_faults_cost_little():
    whole = len(plan().plan)
    flipped = plan(broken("slightly flipped"))
    assert "surface-flipped" in {f.code for f in flipped.findings}
    assert 0.5 * whole < len(flipped.plan) <= whole
    hole = plan(broken("hole"), Region((0.5, 0.006, 0.05), 0.007))
    away = np.hypot(*(hole.plan.positions_m - CENTER)[:, :2].T)
    assert away.min() > 0.003 + 0.0015
    assert len(plan(broken("island")).plan) == whole


def test_bad_normals_are_refused():
    surface = grid_surface("flat", 0.03)
    for value in (np.nan, 0.0):
        normals = surface.normals.copy()
        normals[100:140] = value
        bad = SkinSurface(surface.mesh, normals, surface.quality, 0.001, surface.surface_id)
        _, codes = refused(surface=bad)
        assert codes == {"surface-normals"}


def test_a_surface_too_fine_is_cut_to_its_region_or_refused(monkeypatch):
    from openmtz.planning.skin import examined

    surface = grid_surface("flat", 0.08)
    monkeypatch.setattr(examined, "MAX_TRIANGLES", 10_000)
    text, codes = refused(surface=surface, region=WholeSkin())
    assert codes == {"surface-too-fine"} and "12800 triangles" in text
    result = plan(surface)
    assert len(result.region) == len(surface.mesh.vertices)
    assert np.linalg.norm(surface.mesh.vertices[result.region] - CENTER, axis=1).max() <= 0.009


def test_more_spots_than_a_plan_may_have_are_refused_before_placing():
    _, codes = refused(manager=even_manager(200_000.0))
    assert codes == {"too-many-spots"}


def test_energy_below_the_profile_is_a_cause():
    _, codes = refused(manager=even_manager(energy_mj=3.0))
    assert codes == {Cause.ENERGY_BELOW.value}


@pytest.mark.parametrize("field", ["depth_of_focus_m", "m2", "spot_um", "focus_distance_m"])
def test_a_profile_without_a_focus_model_is_refused(field):
    values = PROFILE.to_header()
    for bad in (0.0, float("nan"), None):
        with pytest.raises((ProfileError, TypeError), match=field):
            HandpieceProfile.from_header({**values, field: bad})


def test_a_session_too_soon_is_refused_before_anybody_sees_the_plan():
    facts = {"days_since_last_session": 27}
    with pytest.raises(PlanningError, match="27 days ago, the least interval is 28") as caught:
        plan_treatment(grid_surface("flat", 0.03), "even", facts, 1, even_manager(), DISC)
    assert "session-too-soon" in {f.code for f in caught.value.findings}
