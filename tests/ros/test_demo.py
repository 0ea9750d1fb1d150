"""`./openmtz demo` from the outside: exit code, folder, record, report, the same plan for the same seed."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cli import Run, quick_graph

pytestmark = [pytest.mark.ros, pytest.mark.alone]


class Done(NamedTuple):
    folder: Path
    output: str
    summary: dict


def demo(folder: Path, *arguments: str, code: int = 0, graph: Path | None = None) -> Done:
    out = folder / "run"
    run = Run(["demo", "--out", str(out), "--graph", str(graph or quick_graph(folder)), *arguments])
    returncode, output = run.finish()
    assert returncode == code, output
    assert run.left_running() == []
    return Done(out, output, json.loads((out / "summary.json").read_text()))


@pytest.fixture(scope="module")
def scar(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return demo(tmp_path_factory.mktemp("scar"), "--indication", "atrophic_scar", "--seed", "5")


def test_every_planned_spot_once_and_nothing_outside(scar: Done) -> None:
    s = scar.summary
    assert s["ok"] is True and s["indication"] == "atrophic_scar" and s["seed"] == 5
    assert s["spots_delivered"] == s["spots_planned"] > 500
    assert s["spots_repeated"] == 0 and s["spots_outside_plan"] == 0
    assert re.fullmatch(r"[0-9a-f]{64}", s["plan_sha256"])
    assert s["area_cm2"] > 1.0
    assert {"capture", "plan", "approve", "treat", "verify"} <= set(s["stage_seconds"])
    states = [event["state"] for event in s["safety_events"]]
    assert states[-1] in ("READY", "STANDBY") and "FIRING" in states and "FAULT" not in states
    # the device's own log agrees, pulse by pulse
    log = (scar.folder / "logs" / "scan_head_device.jsonl").read_text().splitlines()
    fired = [json.loads(line)["spot"] for line in log if '"emission"' in line]
    assert fired == list(range(s["spots_planned"]))


def test_report_is_one_file_with_pictures(scar: Done) -> None:
    report = (scar.folder / "report.html").read_text()
    assert len(re.findall(r"data:image/png;base64,", report)) >= 3
    assert not re.search(r"(src|href)=[\"']https?:", report)
    assert scar.summary["plan_sha256"][:12] in report


def test_an_independent_reader_finds_every_topic_in_the_record(scar: Done) -> None:
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    from openmtz.nodes import topics

    counts: dict[str, int] = {}
    last: dict[str, object] = {}
    with (scar.folder / "record.mcap").open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _schema, channel, _message, decoded in reader.iter_decoded_messages():
            counts[channel.topic] = counts.get(channel.topic, 0) + 1
            last[channel.topic] = decoded
    for topic in topics.ALL:
        name = topic.name if topic.name.startswith("/") else f"/{topic.name}"
        assert counts.get(name, 0) > 0, f"{name} is not in the record: {sorted(counts)}"
    for action in topics.ACTIONS:
        assert counts.get(f"/{action}/_action/status", 0) > 0, action
    assert last["/plan"].plan_sha256 == scar.summary["plan_sha256"]
    assert last["/treatment/status"].stage == "done"


def test_plan_folder_holds_the_plan_that_was_delivered(scar: Done) -> None:
    from openmtz.plan.files import load_plan

    plan, _findings = load_plan(scar.folder / "plan")
    assert plan.sha256 == scar.summary["plan_sha256"] and len(plan) == scar.summary["spots_planned"]


def test_the_same_seed_gives_the_same_plan(scar: Done, tmp_path: Path) -> None:
    again = demo(tmp_path, "--indication", "atrophic_scar", "--seed", "5")
    assert again.summary["plan_sha256"] == scar.summary["plan_sha256"]
    assert again.summary["surface_id"] == scar.summary["surface_id"]


def test_recorded_depth_frames_as_patient(tmp_path: Path, shared_data: Path) -> None:
    hand = shared_data / "sr305_hand_depth" / "20210326-230536"
    done = demo(
        tmp_path, "--indication", "ladd", "--frames", str(hand),
        "--intrinsics", "476.007,476.007,313.683,242.755", "--depth-unit", "0.000125",
    )  # fmt: skip
    assert done.summary["ok"] is True and done.summary["spots_planned"] > 300


def test_mesh_as_patient(tmp_path: Path, shared_data: Path) -> None:
    head = shared_data / "lps_head" / "LeePerrySmith.glb"
    done = demo(tmp_path, "--indication", "atrophic_scar", "--mesh", str(head), "--scale", "0.05")
    assert done.summary["ok"] is True and done.summary["spots_planned"] > 300


def test_striae_on_the_abdomen(tmp_path: Path) -> None:
    done = demo(tmp_path, "--indication", "striae")
    assert done.summary["ok"] is True and done.summary["spots_planned"] > 300


def test_ctrl_c_ends_everything_within_three_seconds(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = Run(["demo", "--out", str(out), "--graph", str(quick_graph(tmp_path))])
    process = run.start()
    lines = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line)
            if "done start" in line:
                break
        else:
            pytest.fail("it never started:\n" + "".join(lines))
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        took = time.monotonic() - asked
    finally:
        process.kill()  # if it did not end, the next stack would meet it
    assert process.returncode == 130, output
    assert took < 3.0, f"took {took:.1f} s"
    assert run.left_running() == []
    assert "interrupted" in output
    assert json.loads((out / "summary.json").read_text())["ok"] is False


def test_lockstep_comes_to_the_same_treatment_as_the_graph(scar: Done) -> None:
    """The same code on virtual time: surface, plan, states and causes, and every pulse to the microjoule."""
    from openmtz.plan.files import load_plan
    from openmtz.simulation.lockstep.run import simulate
    from openmtz.simulation.lockstep.scenario import Scenario

    plan, _ = load_plan(scar.folder / "plan")
    facts = {name: value for name, value in plan.header["facts"].items() if value is not None}
    told: list[Any] = []
    result = simulate(
        Scenario.model_validate(
            {
                "name": "parity", "indication": "atrophic_scar", "facts": facts, "views": 3,
                "frames_per_view": 4, "patient": scar.summary["details"]["patient"],
            }
        ),
        seed=5,
        prepare=lambda cell, _stack: told.append(cell.head.log),
    )  # fmt: skip
    assert result.outcome == "done" and result.surface is not None and result.plan is not None
    assert result.surface.surface_id == scar.summary["surface_id"]
    assert result.plan.sha256 == scar.summary["plan_sha256"]
    graph_log = (scar.folder / "logs" / "scan_head_device.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in graph_log]
    pulses = [(e["spot"], e["energy_uj"], e["pulse_us"]) for e in entries if e["event"] == "emission"]
    assert pulses == [(e["spot"], e["energy_uj"], e["pulse_us"]) for e in told[0] if e["event"] == "emission"]
    states = [(event["state"], event["cause"]) for event in scar.summary["safety_events"]]
    ours = [(entry["name"], entry["cause"]) for entry in result.log.of("safety")]
    from_ready = states.index(("ARMING", "ready-requested"))
    assert states[from_ready:] == ours[ours.index(("ARMING", "ready-requested")) :]
