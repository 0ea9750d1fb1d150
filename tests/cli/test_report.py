"""The verdict on a run is computed again from its record, by the command and at the end of a demo alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import needs

needs("rclpy", reason="rclpy is not installed: needed to serialise messages")
msgs = needs("openmtz_interfaces.msg", reason="openmtz_interfaces is not built")

from builtin_interfaces.msg import Time  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402

from openmtz.cli.errors import UserError  # noqa: E402
from openmtz.cli.report import observed_of, report  # noqa: E402
from openmtz.geometry import SkinSurface  # noqa: E402
from openmtz.hooks import Region  # noqa: E402
from openmtz.nodes import convert  # noqa: E402
from openmtz.plan import TreatmentPlan  # noqa: E402
from openmtz.planning import plan_treatment  # noqa: E402
from openmtz.records import RecordWriter, read_summary  # noqa: E402
from openmtz.simulation.patient.phantoms import make_phantom  # noqa: E402

MS = 1_000_000


@pytest.fixture(scope="module")
def planned() -> tuple[SkinSurface, TreatmentPlan]:
    mesh = make_phantom("forearm", "none", 0).mesh
    near = np.linalg.norm(mesh.vertices - [0.5, 0.0, 0.05], axis=1) < 0.02
    part, _ = mesh.submesh(near[mesh.faces].all(axis=1))
    surface = SkinSurface.from_arrays(part.vertices, part.faces, voxel_m=0.001)
    facts = {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"}
    result = plan_treatment(surface, "ladd", facts, region=Region((0.5, 0.0, 0.05), 0.004), seed=0)
    return surface, result.plan


class Tape:
    """A record as the graph leaves one, message by message."""

    def __init__(self, folder: Path) -> None:
        self.at_ns = 1_700_000_000_000 * MS
        self.writer = RecordWriter(folder / "record.mcap")

    def put(self, topic: str, message: Any, after_ms: float = 10.0) -> None:
        self.at_ns += int(after_ms * MS)
        package = type(message).__module__.split(".")[0]
        name = f"{package}/msg/{type(message).__name__}"
        self.writer.write(topic, name, serialize_message(message), self.at_ns)

    def safety(self, state: int, name: str, withheld: list[str], after_ms: float = 10.0) -> None:
        message = msgs.SafetyState(state=state, state_name=name, cause="delay-passed", withheld=withheld)
        self.put("/safety/state", message, after_ms)

    def stage(self, stage: str, detail: str = "", after_ms: float = 10.0) -> None:
        self.put("/treatment/status", msgs.TreatmentStatus(stage=stage, detail=detail), after_ms)

    def move(self, speed: float, after_ms: float = 10.0) -> None:
        joints = [f"joint_{k}" for k in range(6)]
        self.put("/joint_states", JointState(name=joints, position=[0.0] * 6, velocity=[speed] * 6), after_ms)


def record(
    folder: Path, planned: tuple[SkinSurface, TreatmentPlan], reported: int, true: int, end: str = "done"
):
    """A run of which so many reports and true shots were recorded; the device executed all."""
    surface, plan = planned
    folder.mkdir()
    tape = Tape(folder)
    tape.stage("idle")
    tape.safety(1, "STANDBY", [])
    tape.stage("capture", after_ms=20_000.0)  # the start of the graph is no part of the treatment
    tape.put("/surface", convert.surface_message(surface, Time(), msgs.CaptureQuality()), 1000.0)
    tape.put("/plan", convert.plan_message(plan, [], Time()), 1000.0)
    tape.stage("treat")
    tape.move(0.2)
    tape.move(0.2, 100.0)
    tape.move(0.0, 500.0)
    tape.safety(4, "FIRING", ["arm-lost"])
    tape.put("/safety/permit", msgs.Permit(), 50.0)
    tape.safety(4, "FIRING", [])
    shots = np.arange(len(plan))
    for name, count in (("fired", reported), ("truth", true)):
        for part in np.array_split(shots[:count], 3) if count else ():
            tape.put(*(_fired(plan, part) if name == "fired" else _truth(plan, part)))
    tape.put("/scan_head/status", msgs.ScanHeadStatus(executed=len(plan), plan_sha256=plan.sha256))
    tape.safety(3, "READY", ["no-token"])
    tape.stage(end, "stopped by a person" if end == "stopped" else "")
    tape.writer.close()
    return plan


def _fired(plan: TreatmentPlan, part: np.ndarray) -> tuple[str, Any]:
    energy = plan.energy_uj[part]
    ticks = (1000 * (part + 1)).astype(np.uint64)
    message = msgs.SpotsFired(
        plan_sha256=plan.sha256, spot_index=part.astype(np.uint32).tolist(), device_tick_us=ticks.tolist(),
        energy_uj=energy.astype(np.uint32).tolist(),
    )  # fmt: skip
    return "/scan_head/spots_fired", message


def _truth(plan: TreatmentPlan, part: np.ndarray) -> tuple[str, Any]:
    place = plan.positions_m[part].ravel().tolist()
    flat = [0.0] * len(part)
    message = msgs.ShotsTruth(
        spot_index=part.astype(np.uint32).tolist(), hit=[True] * len(part), position_m=place,
        rest_position_m=place, incidence_rad=flat, defocus_mm=flat,
        energy_mj=(plan.energy_uj[part] / 1e3).tolist(), fluence_j_cm2=flat,
        time_s=(100.0 + part * 1e-3).tolist(),
    )  # fmt: skip
    return "/ground_truth/shots", message


def test_the_same_verdict_comes_out_of_the_record_again(tmp_path, planned):
    plan = record(tmp_path / "run", planned, len(planned[1]), len(planned[1]))
    assert report(tmp_path / "run") == 0
    first = read_summary(tmp_path / "run")
    assert first.ok and first.outcome == "done" and first.plan_sha256 == plan.sha256
    assert (first.spots_delivered, first.spots_missing, first.spots_unverified) == (len(plan), 0, 0)
    page = (tmp_path / "run" / "report.html").read_text()
    for lane in ("Stage", "Safety", "Arm", "Permits", "Laser", "Withheld"):
        assert f'<span class="lane-name">{lane}</span>' in page
    assert "granting" not in page and "no token" not in page, "withheld is told while it fires only"
    assert "Joint states have been missing" in page, "a cause is told in words"
    assert report(tmp_path / "run") == 0
    assert read_summary(tmp_path / "run") == first


def test_permits_that_the_record_lost_are_known_by_their_count(tmp_path, planned):
    (tmp_path / "run").mkdir()
    tape = Tape(tmp_path / "run")
    tape.stage("treat")
    for count in (0, 3, 3, 9):
        state = msgs.SafetyState(state=4, state_name="FIRING", permits_granted=count)
        tape.put("/safety/state", state, 1000.0)
    tape.writer.close()
    seen = observed_of(tmp_path / "run")
    assert seen.permits == 9 and seen.permit_times == pytest.approx([2.0, 4.0])


def test_times_count_from_when_the_treatment_was_asked_for(tmp_path, planned):
    record(tmp_path / "run", planned, len(planned[1]), len(planned[1]))
    report(tmp_path / "run")
    events = read_summary(tmp_path / "run").safety_events
    assert [e.state for e in events] == ["STANDBY", "FIRING", "READY"]
    assert events[0].t_s < -15.0 and 2.0 < events[1].t_s < 4.0


def test_without_ground_truth_the_devices_report_is_judged_and_positions_are_not_claimed(tmp_path, planned):
    count = len(planned[1])
    record(tmp_path / "run", planned, count, 0)
    assert report(tmp_path / "run") == 0
    assert "positions were not verified" in (tmp_path / "run" / "report.html").read_text()


def test_a_record_that_lacks_shots_says_evidence_missing(tmp_path, planned):
    count = len(planned[1])
    record(tmp_path / "run", planned, count, count - 30)
    assert report(tmp_path / "run") == 1
    summary = read_summary(tmp_path / "run")
    assert (summary.spots_delivered, summary.spots_missing) == (count - 30, 0)
    assert summary.spots_unverified == 30 and "evidence is missing" in summary.reason
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<h1>Evidence missing</h1>" in page and "Delivered as planned</h1>" not in page


def test_assumptions_stated_then_are_told_again(tmp_path, planned):
    record(tmp_path / "run", planned, len(planned[1]), len(planned[1]))
    note = {
        "indication": "ladd", "seed": 5, "assumed": ["fitzpatrick", "agent"], "patient": "a made-up arm",
        "started_utc": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    (tmp_path / "run" / "request.json").write_text(json.dumps(note))
    report(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert read_summary(tmp_path / "run").seed == 5 and "a made-up arm" in page
    assert page.count("<small>assumed</small>") == 2 and "<small>stated</small>" in page
    assert "counted as not done" in page and "Why this dose" in page
    assert planned[1].header["rationale"].split(";")[0][:20] in page


def test_a_record_cut_off_is_read_as_far_as_it_goes(tmp_path, planned):
    record(tmp_path / "run", planned, len(planned[1]), len(planned[1]))
    file = tmp_path / "run" / "record.mcap"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 3000])
    assert report(tmp_path / "run") in (0, 1)
    assert read_summary(tmp_path / "run").plan_sha256 == planned[1].sha256


def test_a_stopped_run_stays_stopped(tmp_path, planned):
    record(tmp_path / "run", planned, 10, 10, "stopped")
    assert report(tmp_path / "run") == 1
    assert read_summary(tmp_path / "run").reason == "stopped by a person"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such|No such"), (b"nothing", "no MCAP record"), (b"", "no MCAP|no message")],
)
def test_what_is_no_record_is_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "record.mcap").write_bytes(content)
    with pytest.raises(UserError, match=words):
        report(tmp_path)
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "summary.json").exists()
    with pytest.raises(UserError, match="not a folder"):
        report(tmp_path / "absent")
