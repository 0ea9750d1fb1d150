"""Whose memory of executed spots a stack uses: one device's that is kept, or one of a single run."""

from __future__ import annotations

from pathlib import Path

import pytest

from openmtz.graph import SERIAL, Supervisor, device_of_run, kept_device, load_graph, serial_of_patient

PATIENT = {"kind": "phantom", "phantom": "cheek", "lesions": "icepick", "motion": "none", "region": None}


def test_a_kept_device_has_its_folder_among_the_user_s_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    kept = kept_device("A1")
    assert kept["device_serial"] == "A1"
    assert kept["device_memory"] == "/somewhere/state/openmtz/devices/A1/executed_spots"
    for none in ("", "relative/state"):
        monkeypatch.setenv("XDG_STATE_HOME", none)
        assert kept_device("A1")["device_memory"].startswith(str(Path.home() / ".local" / "state"))


def test_the_same_patient_has_the_same_device_and_another_has_another() -> None:
    serial = serial_of_patient(PATIENT, 3)
    assert serial == serial_of_patient(dict(reversed(PATIENT.items())), 3) and serial.startswith("sim-cheek-")
    assert SERIAL.fullmatch(serial)
    others = [serial_of_patient({**PATIENT, "lesions": "none"}, 3), serial_of_patient(PATIENT, 4)]
    assert len({serial, *others}) == 3
    assert SERIAL.fullmatch(serial_of_patient({"phantom": "../../" + "x" * 80}, 0))


def test_a_run_s_device_is_new_with_the_run_and_found_again_in_it(tmp_path: Path) -> None:
    one, two = device_of_run(tmp_path / "a"), device_of_run(tmp_path / "b")
    assert one == device_of_run(tmp_path / "a") and one["device_memory"].startswith(str(tmp_path / "a"))
    assert one["device_serial"] != two["device_serial"] and SERIAL.fullmatch(one["device_serial"])


def test_the_memory_lies_in_no_folder_that_ends_with_the_stack(tmp_path: Path) -> None:
    (device,) = (p for p in load_graph().processes if p.name == "scan_head_device")
    (argument,) = (a for a in device.arguments if a.startswith("--nvram="))
    assert "runtime_dir" not in argument
    supervisor = Supervisor(load_graph(), log_dir=tmp_path, substitutions={})
    try:
        given = supervisor._substitutions
        assert given["device_memory"] == device_of_run(tmp_path)["device_memory"]
        assert not given["device_memory"].startswith(str(supervisor.runtime_dir))
    finally:
        supervisor.stop()
