"""Shots on the wires to ground truth: the jitter of the mirrors arrives on the skin, in micrometres."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from openmtz.devices import encode_records, running_digest
from openmtz.devices.messages import PermitFrame, Select, Spots
from openmtz.geometry import TriangleMesh, look_along
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as HEAD
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines, Shot
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, SlotMemory
from openmtz.simulation.scan_head_device.wires import Shots, WireServer
from openmtz.simulation.truth.shots import evaluate_shots
from openmtz.simulation.truth.skin import TrueSkin

PLAN = bytes(range(1, 33))
COUNT = 1000


def fire(seed: int) -> list[Shot]:
    """Let the device's rules fire `COUNT` spots, all straight ahead."""
    core = DeviceCore(7, SlotMemory(bytearray(SLOTS * SLOT_BYTES)), np.random.default_rng(seed))
    core.lines = Lines(emergency_stop_closed=True, footswitch_pressed=True, key_on=True)
    zeros = np.zeros(COUNT, int)
    records = encode_records(np.zeros((COUNT, 2), int), zeros + 20_000, zeros + 800, zeros)
    digest = int(running_digest(records)[-1])
    core.step(0, [Select(PLAN, 0, 0, 0, COUNT)])
    core.step(0, [Spots(at, records[at * 14 : (at + 32) * 14]) for at in range(0, COUNT, 32)])
    shots, now, counter = [], 0, 0
    while core.executed < COUNT or len(shots) < COUNT:
        counter += 1
        permit = PermitFrame(counter, PLAN[:16], 0, 0, COUNT, digest, 7, now, 60_000)
        shots += core.step(now, [permit]).shots
        now = max(now + 1, core.next_wake_us())
    return shots


def heard(path: Path, rows: list[list[float]]) -> Shots:
    """What a wire server makes of rows sent by a head."""
    server = WireServer(str(path))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as head:
            head.connect(str(path))
            head.sendall(json.dumps({"shots": rows, "plan": PLAN.hex()}).encode() + b"\n")
            deadline = time.monotonic() + 5.0
            while not (batches := server.take_shots()):
                assert time.monotonic() < deadline, "the wires carried nothing"
                time.sleep(0.002)
    finally:
        server.close()
    return batches[0]


def test_fractions_of_a_count_come_through(tmp_path: Path) -> None:
    shots = heard(tmp_path / "wires", [[3, 10.25, -0.5, 20.1, 1.5]])
    assert shots.counts.dtype == np.float64 and shots.counts.tolist() == [[10.25, -0.5]]
    assert shots.spot_index.tolist() == [3] and shots.plan_sha256 == PLAN.hex()


def test_the_jitter_shows_in_ground_truth_with_its_size_and_repeats_with_the_seed(tmp_path: Path) -> None:
    corners = np.array([[-0.05, -0.05, 0.0], [0.05, -0.05, 0.0], [0.05, 0.05, 0.0], [-0.05, 0.05, 0.0]])
    skin = TrueSkin(TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    pose = look_along((0.0, 0.0, HEAD.focus_distance_m), (0, 0, -1))
    places = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        rows = [[s.spot, s.x_counts, s.y_counts, s.energy_uj * 1e-3, s.start_us * 1e-6] for s in fire(seed)]
        shots = heard(tmp_path / name, rows)
        assert len(shots.counts) == COUNT
        places.append(evaluate_shots(pose, shots.counts, shots.energy_mj, skin, HEAD).position_m)
    off = places[0]  # all were aimed at the origin
    # y turns about the y mirror 150 mm above the skin, x about the x mirror 12 mm further up.
    sizes = np.sort(off[:, :2].std(axis=0))
    assert sizes == pytest.approx([15e-6 * 0.150, 15e-6 * 0.162], rel=0.09)
    assert np.abs(off[:, :2].mean(axis=0)).max() < 0.4e-6 and np.abs(off[:, 2]).max() < 1e-9
    assert places[0].tobytes() == places[1].tobytes()
    assert not np.array_equal(places[0], places[2])
