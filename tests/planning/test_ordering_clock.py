"""The times of a firing order against the clock of the simulated head."""

from __future__ import annotations

import numpy as np
import pytest

from openmtz.devices import encode_records, running_digest
from openmtz.devices.messages import PermitFrame, Select, Spots
from openmtz.optics import angles_to_counts, point_to_angles
from openmtz.optics.profile import CO2_120UM_DEEP, CO2_120UM_LOW_ENERGY, HandpieceProfile
from openmtz.planning import HeadTiming, firing_order, place_spots
from openmtz.simulation.scan_head_device.core import DeviceCore, Lines, Shot
from openmtz.simulation.scan_head_device.memory import SLOT_BYTES, SLOTS, SlotMemory
from openmtz.tissue import HeatModel

SQUARE = (np.array([[0, 0, 0], [12, 0, 0], [12, 12, 0], [0, 12, 0]]) * 1e-3, np.array([[0, 1, 2], [0, 2, 3]]))
PLAN = bytes(range(1, 33))


def fired(profile: HandpieceProfile, points, energy_mj, not_before_s) -> list[Shot]:
    """Return what the device's rules fire, in virtual time, of spots `(N, 3)` on a flat field at focus."""
    centred = points - np.append(points[:, :2].mean(axis=0), -profile.focus_distance_m)
    angles = point_to_angles(centred, profile.mirror_separation_m)
    counts = angles_to_counts(angles, profile.full_scale_rad)
    energy_uj = np.rint(energy_mj * 1000).astype(int)
    pulse_us = np.rint(profile.pulse_of_energy_us(energy_mj)).astype(int)
    not_before_us = np.floor(not_before_s * 1e6 + 1e-3).astype(int)
    records = encode_records(counts, energy_uj, pulse_us, not_before_us)
    digest, number = int(running_digest(records)[-1]), len(points)
    core = DeviceCore(7, SlotMemory(bytearray(SLOTS * SLOT_BYTES)), np.random.default_rng(0))
    core.lines = Lines(emergency_stop_closed=True, footswitch_pressed=True, key_on=True)
    core.step(0, [Select(PLAN, 0, 0, 0, number)])
    core.step(0, [Spots(at, records[at * 14 : (at + 32) * 14]) for at in range(0, number, 32)])
    shots: list[Shot] = []
    now = counter = 0
    while len(shots) < number:
        counter += 1
        shots += core.step(now, [PermitFrame(counter, PLAN[:16], 0, 0, number, digest, 7, now, 60_000)]).shots
        now = max(now + 1, core.next_wake_us())
    return shots


@pytest.mark.parametrize("name", [None, "raster", "random", "interleaved_4"])
@pytest.mark.parametrize("profile", [CO2_120UM_LOW_ENERGY, CO2_120UM_DEEP], ids=lambda p: p.name)
def test_station_time_within_five_percent_of_the_heads_clock(profile, name):
    points = place_spots(*SQUARE, 884.0, seed=3).positions
    energy = np.random.default_rng(0).uniform(20.0, 28.0, len(points)).round(2)
    depth = profile.depth_of_energy_um(energy)
    plan = firing_order(points, energy, depth, HeadTiming.of(profile), only=name)
    shots = fired(profile, points[plan.order], energy[plan.order], plan.not_before_s)
    starts = np.array([shot.start_us for shot in shots]) * 1e-6
    taken, predicted = starts[-1] - starts[0], plan.not_before_s[-1]
    print(f"{profile.name} {plan.name}: predicted {predicted:.3f} s, by the head's clock {taken:.3f} s")
    assert [shot.spot for shot in shots] == list(range(len(points)))
    assert taken == pytest.approx(predicted, rel=0.05)
    # and never earlier than asked, spot by spot
    assert (starts - starts[0] >= np.floor(plan.not_before_s * 1e6) * 1e-6 - 1e-9).all()


def test_head_at_its_own_pace():
    """Nothing asked of the head: settle, slew and pulse alone make the time."""
    profile = CO2_120UM_LOW_ENERGY
    points = place_spots(*SQUARE, 884.0, seed=4).positions
    energy = np.full(len(points), 20.0)
    free = HeatModel(revisit_s=0.0)
    for name in ("boustrophedon", "random", "sweeps_12"):
        plan = firing_order(points, energy, energy * 30.0, HeadTiming.of(profile), free, only=name)
        shots = fired(profile, points[plan.order], energy, np.zeros(len(points)))
        taken = (shots[-1].start_us - shots[0].start_us) * 1e-6
        print(f"{name}: predicted {plan.not_before_s[-1]:.3f} s, taken {taken:.3f} s")
        assert taken == pytest.approx(plan.not_before_s[-1], rel=0.05)
