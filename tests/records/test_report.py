"""The report comes out whole, self-contained and quickly, of good runs and of bad ones."""

from __future__ import annotations

import dataclasses
import html.parser
import importlib.util
import io
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from openmtz.geometry import TriangleMesh
from openmtz.plan import Finding, Severity
from openmtz.records import RunData, TimelineEvent, charts, facts, maps, write_report
from openmtz.records.fields import measured_density_per_cm2
from openmtz.records.lanes import build_timeline
from openmtz.records.render import View, rasterize
from openmtz.records.untreated import to_mark


def _synthetic():
    path = Path(__file__).with_name("synthetic_run.py")
    spec = importlib.util.spec_from_file_location("records_synthetic_run", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


synthetic = _synthetic()
VOID = {"meta", "img", "br", "circle", "path", "rect", "link", "hr", "input"}


class Checker(html.parser.HTMLParser):
    """Counts tags, finds references and checks nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.refs: list[str] = []
        self.images = 0

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.images += tag == "img"
        self.refs += [v for k, v in attrs if k in ("src", "href", "srcset", "action", "data") and v]
        assert tag != "script"

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(path: Path, pictures: int, *words: str) -> str:
    text = path.read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(text)
    assert not checker.open and checker.images == pictures
    assert all(r.startswith("data:image/") for r in checker.refs)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", text)
    assert "could not be drawn" not in text and not re.search(
        r"(?i)\bnan\b", re.sub(r'"data:[^"]*"', "", text)
    )
    assert "not a medical device" in text
    for word in words:
        assert word in text, word
    assert len(text) < 4_000_000
    return text


@pytest.fixture(scope="module")
def run():
    return synthetic.make_run()


@pytest.fixture(autouse=True)
def small_pictures(request, monkeypatch):
    """Full size only where time and size are measured."""
    if request.node.name != "test_a_good_run":
        monkeypatch.setattr("openmtz.records.maps.MAP_PX", 250)
        monkeypatch.setattr("openmtz.records.style.MAP_DPI", 50)


def test_a_good_run(tmp_path, run):
    began = time.process_time()
    path = write_report(tmp_path, run)
    assert time.process_time() - began < 6.0
    check(
        path, 6, "Delivered as planned", "2\u202f000", run.plan.sha256, "Simulated run", "FIRING", "icepick"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_stopped_run_says_what_was_delivered(tmp_path):
    run = synthetic.make_run(stopped_at=830)
    text = check(write_report(tmp_path, run), 6, "Stopped", "emergency stop", "1\u202f170", "FAULT")
    assert "830 of 2\u202f000 planned spots had been delivered" in text


def test_without_truth_positions_are_not_claimed(tmp_path):
    run = synthetic.make_run(by_truth=False)
    check(write_report(tmp_path, run), 5, "positions were not verified", "not measured")


def test_nothing_but_a_reason(tmp_path):
    run = RunData("striae", 3, "failed", 'Unknown indication <b>"x"</b> & more')
    text = check(write_report(tmp_path, run), 0, "Failed", "There was no plan yet")
    assert "&lt;b&gt;" in text and '<b>"x"' not in text


def test_planning_failed(tmp_path, run):
    failed = RunData("ladd", 1, "failed", "no plan", surface=run.surface, timeline=run.timeline[:3])
    check(write_report(tmp_path, failed), 1, "There was no plan yet")


def test_a_plan_without_a_surface_and_without_shots(tmp_path, run):
    check(write_report(tmp_path, RunData("ladd", 1, "stopped", "x", plan=run.plan)), 1, "spots planned")


def test_a_plan_never_fired(tmp_path, run):
    data = RunData("ladd", 1, "stopped", "not approved", surface=run.surface, plan=run.plan)
    check(write_report(tmp_path, data), 4, "No spot&#39;s delivery was verified")


def test_a_picture_that_fails_costs_only_itself(tmp_path, run, monkeypatch):
    def broken(*_):
        raise RuntimeError("pixels ran out")

    monkeypatch.setattr("openmtz.records.maps.draw_density", broken)
    text = write_report(tmp_path, run).read_text()
    assert "could not be drawn: RuntimeError: pixels ran out" in text
    assert text.count("<img") == 5


def test_fields_of_the_wrong_length_and_nan_are_left_out(tmp_path, run):
    data = synthetic.make_run()
    data.severity = np.ones(5)
    data.shot_times_s = np.array([np.nan, 1.0, np.inf])
    data.timeline = [*data.timeline, TimelineEvent(float("nan"), "stage", "x")]
    check(write_report(tmp_path, data), 6)


def test_misplaced_and_repeated_are_drawn_and_said(tmp_path):
    run = synthetic.make_run()
    truth = run.truth
    truth.position_m[100:140] += [2e-3, 0, 0]
    from openmtz.records import verify

    run.verification = verify(run.plan, run.fired, truth)
    check(write_report(tmp_path, run), 6, "Not as planned", "40 spots landed over 0.5 mm", "1\u202f960")


def test_an_old_report_is_replaced_only_by_a_whole_one(tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")
    monkeypatch.setattr("openmtz.records.report.render_report", lambda data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(tmp_path, RunData("x", 0))
    assert (tmp_path / "report.html").read_text() == "old"


def test_findings_stand_by_gravity(tmp_path):
    findings = [Finding(s, "t", f"code-{s.name.lower()}", s.name) for s in Severity]
    text = write_report(tmp_path, RunData("x", 0, findings=findings)).read_text()
    assert text.index("code-refusal") < text.index("code-warning") < text.index("code-info")


def test_lanes_stay_within_the_timeline(run):
    timeline = build_timeline(run)
    assert [lane.name for lane in timeline.lanes] == [
        "Stage",
        "Safety",
        "Arm",
        "Permits",
        "Laser",
        "Withheld",
    ]
    for lane in timeline.lanes:
        for bar in lane.bars:
            assert 0 <= bar.left <= 100 and bar.left + bar.width <= 100.2
    laser = next(lane for lane in timeline.lanes if lane.name == "Laser")
    assert len(laser.bars) == 6
    assert build_timeline(RunData("x", 0)) is None
    assert build_timeline(RunData("x", 0, timeline=[TimelineEvent(0.0, "stage", "capture")])) is not None


def grid_mesh(size_m=0.03, pitch=1e-3, radius=None) -> TriangleMesh:
    x, y = np.meshgrid(np.arange(0, size_m, pitch), np.arange(0, size_m, pitch))
    if radius is None:
        points = np.stack([x, y, 0 * x], -1)
    else:  # a cylinder: as long along the arc as the plane is wide
        points = np.stack([radius * np.sin(x / radius), y, radius * np.cos(x / radius)], -1)
    n = x.shape[0]
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([i, i + 1, i + n], 1), np.stack([i + 1, i + n + 1, i + n], 1)])
    return TriangleMesh(points.reshape(-1, 3), faces)


@pytest.mark.parametrize(("radius", "pitch"), [(None, 1e-3), (0.02, 1e-3), (None, 5.8e-3)])
def test_density_is_that_of_the_curved_surface(radius, pitch):
    mesh = grid_mesh(radius=radius, pitch=pitch)
    rng = np.random.default_rng(1)
    face = rng.choice(len(mesh.faces), 6000)  # equal areas: uniform on the surface, 9 cm2
    weights = rng.dirichlet([1, 1, 1], 6000)
    spots = (mesh.vertices[mesh.faces[face]] * weights[:, :, None]).sum(axis=1)
    density = measured_density_per_cm2(mesh, spots)
    truth = 6000 / (mesh.face_areas().sum() * 1e4)
    assert density.mean() == pytest.approx(truth, rel=0.03)
    assert np.percentile(density, [5, 95]) == pytest.approx([truth, truth], rel=0.25)
    assert (measured_density_per_cm2(mesh, np.zeros((0, 3))) == 0).all()


def test_renderer_sees_the_nearest_surface_at_the_right_pixel():
    near = TriangleMesh(
        [[0, 0, 1], [1, 0, 1], [0, 1, 1], [0, 0, 0], [4, 0, 0], [0, 4, 0]], [[0, 1, 2], [3, 4, 5]]
    )
    view = View.look(np.array([1.0, 1.0, 0]), np.array([0, 0, 1.0]), np.array([0, 1.0, 0]), 2, 2)
    raster = rasterize(near, view, 200)
    height = raster.image(raster.field(near.vertices[:, 2]), np.nan)
    x = raster.image(raster.field(near.vertices[:, 0]), np.nan)
    column, row = np.meshgrid(np.arange(200), np.arange(200))
    px, py = (column + 0.5) / 100, (199.5 - row) / 100
    inside = px + py < 1 - 1e-6
    outside = px + py > 1 + 1e-6
    assert np.allclose(height[inside], 1) and np.allclose(height[outside], 0, atol=1e-6)
    assert np.allclose(x, px, atol=1e-4)
    assert len(raster.pixel) == 200 * 200  # watertight


def test_ticks_reach_the_end_and_lanes_have_a_key():
    events = [TimelineEvent(0.0, "stage", "capture"), TimelineEvent(30.0, "stage", "treat")]
    events += [TimelineEvent(31.0, "withheld", "arm-lost"), TimelineEvent(32.0, "withheld", "")]
    run = RunData("striae", 3, timeline=[*events, TimelineEvent(56.3, "stage", "done")])
    timeline = build_timeline(run)
    assert timeline.ticks[0] == (0.0, "0 s") and timeline.ticks[-1] == (100.0, "56 s")
    assert np.diff([left for left, _ in timeline.ticks]).min() > 5.0
    withheld = next(lane for lane in timeline.lanes if lane.name == "Withheld")
    assert [round(bar.width * 0.563, 3) for bar in withheld.bars] == [1.0]
    assert ("no permit granted", "withheld") in timeline.keys


def test_no_shot_lies_beyond_its_axis_and_only_judged_limits_are_drawn(run):
    check = dataclasses.replace(
        run.verification, incidence_rad=np.linspace(0.0, 0.95, len(run.plan)), miss_m=run.verification.miss_m
    )
    panels = charts.delivery_panels(dataclasses.replace(run, verification=check))
    for panel in panels:
        known = panel.values[np.isfinite(panel.values)]
        low, high = charts.span_of(known, panel.least)
        assert low <= known.min() and known.max() <= high
    tilt = next(p for p in panels if "tilt" in p.title)
    assert tilt.limits == (30.0,) and charts.span_of(tilt.values, tilt.least)[1] > 54.0
    focus = next(p for p in panels if "focus" in p.title)
    assert focus.limits == pytest.approx((-0.5, 0.5))


def test_a_plan_that_leaves_skin_out_is_not_plainly_green(run):
    untreated = {"region_cm2": 0.31, "region_share": 0.09, "lesion_share": 0.2}
    header = {**run.plan.header, "untreated": untreated}
    told = facts.verdict(dataclasses.replace(run, plan=dataclasses.replace(run.plan, header=header)))
    assert told.level == "warn" and "0.31 cm²" in told.text and "allowed" in told.text
    untreated["lesion_share"] = 0.05
    told = facts.verdict(dataclasses.replace(run, plan=dataclasses.replace(run.plan, header=header)))
    assert told.level == "good" and "9.0%" in told.text


def test_what_gets_no_spots_is_marked_in_the_pictures(tmp_path, run):
    cause = np.full(len(run.surface.mesh.vertices), "", "<U24")
    near = np.linalg.norm(run.surface.mesh.vertices - synthetic.CENTER, axis=1) < 0.003
    cause[near] = "near-hole"
    plain = maps.draw_spots(maps.Scene(run.surface, run.plan.positions_m), run)
    marked = dataclasses.replace(run, untreated_cause=cause)
    shown = maps.draw_spots(maps.Scene(run.surface, run.plan.positions_m), marked)
    amber = [_amber(picture) for picture in (plain, shown)]
    assert amber[1] > amber[0] + 50
    wanted = np.where(cause == "", "", "feathered")
    assert not (to_mark(wanted, None, len(wanted)) != "").any()
    nothing = np.where(cause == "", "", "not-prescribed")
    affected = np.zeros(len(cause))
    affected[np.flatnonzero(near)[0]] = 0.4
    assert (to_mark(nothing, affected, len(cause)) != "").sum() == 1


def _amber(picture) -> int:
    image = imread(io.BytesIO(picture.data), format="jpeg").astype(int)
    return int(((image[..., 0] - image[..., 2]) > 90).sum())
