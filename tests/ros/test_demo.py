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


class Interrupted(NamedTuple):
    """The same demo again, ended by Ctrl-C while it fires: what it said, and how long it took to end."""

    folder: Path
    output: str
    code: int
    seconds: float
    left_running: list[str]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    folder = tmp_path_factory.mktemp("interrupted")
    out = folder / "run"
    arguments = ["demo", "--out", str(out), "--graph", str(quick_graph(folder))]
    run = Run([*arguments, "--indication", "atrophic_scar", "--seed", "5"])
    process = run.start()
    try:
        deadline = time.monotonic() + 150.0
        while not pulses(out):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, "it never fired"
            time.sleep(0.02)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
        took = time.monotonic() - asked
    finally:
        process.kill()  # if it did not end, the next stack would meet it
        process.wait()
    return Interrupted(out, output, process.returncode, took, run.left_running())


def pulses(folder: Path) -> list[dict[str, Any]]:
    """What the device's own log says of every pulse, in order."""
    log = folder / "logs" / "scan_head_device.jsonl"
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    return [entry for entry in map(json.loads, lines) if entry["event"] == "emission"]


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
    assert [pulse["spot"] for pulse in pulses(scar.folder)] == list(range(s["spots_planned"]))


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


def test_the_same_seed_gives_the_same_plan(scar: Done, interrupted: Interrupted) -> None:
    from openmtz.plan.files import load_plan

    again, _findings = load_plan(interrupted.folder / "plan")
    assert again.sha256 == scar.summary["plan_sha256"]
    assert again.header["surface_id"] == scar.summary["surface_id"]


def test_recorded_depth_frames_as_patient(tmp_path: Path, shared_data: Path) -> None:
    hand = shared_data / "sr305_hand_depth" / "20210326-230536"
    done = demo(
        tmp_path, "--indication", "ladd", "--frames", str(hand),
        "--intrinsics", "476.007,476.007,313.683,242.755", "--depth-unit", "0.000125",
    )  # fmt: skip
    assert done.summary["ok"] is True and done.summary["spots_planned"] > 300


def test_ctrl_c_ends_everything_within_three_seconds(scar: Done, interrupted: Interrupted) -> None:
    """While it fires: every process is loaded and busy, the footswitch held down."""
    assert interrupted.code == 130, interrupted.output
    assert interrupted.seconds < 3.0, f"took {interrupted.seconds:.1f} s"
    assert interrupted.left_running == []
    assert "interrupted" in interrupted.output
    assert json.loads((interrupted.folder / "summary.json").read_text())["ok"] is False
    assert 0 < len(pulses(interrupted.folder)) < scar.summary["spots_planned"]


def amounts(pulse: dict[str, Any]) -> tuple[Any, ...]:
    return pulse["spot"], pulse["energy_uj"], pulse["pulse_us"]


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
    told_pulses = [entry for entry in told[0] if entry["event"] == "emission"]
    assert [amounts(p) for p in pulses(scar.folder)] == [amounts(p) for p in told_pulses]
    states = [(event["state"], event["cause"]) for event in scar.summary["safety_events"]]
    ours = [(entry["name"], entry["cause"]) for entry in result.log.of("safety")]
    from_ready = states.index(("ARMING", "ready-requested"))
    assert states[from_ready:] == ours[ours.index(("ARMING", "ready-requested")) :]
