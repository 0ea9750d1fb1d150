"""No shot lands exactly where it was told: jitter of the mirrors, noise and drift of the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openmtz.devices import FaultCode, ScanHeadLink, encode_records
from openmtz.simulation.scan_head_device.settings import DeviceSettings

NOISY = DeviceSettings()
COUNTS_PER_RAD = 32767 / 0.25
PLAN = bytes(range(1, 33)).hex()


def fired(bench: Any, count: int = 2000) -> np.ndarray:
    """Fire `count` spots; returns rows of off x, off y [rad], energy and measured energy [uJ]."""
    rows = np.arange(count)
    told = np.stack([rows % 50 * 100, rows // 50 * 100], axis=1)
    full = np.full(count, 20_000)
    bench.load(count, records=encode_records(told, full, np.full(count, 800), rows * 0))
    bench.run(count * 4_000, credit=count)
    assert len(bench.shots) == count and bench.status.fault_code == 0
    at = np.array([[s.x_counts, s.y_counts] for s in bench.shots])
    measured = [uj for m in bench.tx if type(m).__name__ == "Fired" for _, uj in m.shots]
    energy = [s.energy_uj for s in bench.shots]
    return np.column_stack([(at - told) / COUNTS_PER_RAD, energy, measured])


def test_the_mirrors_are_repeatable_to_15_urad_in_each_axis(new_bench: Any) -> None:
    off = fired(new_bench(settings=NOISY))[:, :2]
    assert off.std(axis=0) == pytest.approx([15e-6, 15e-6], rel=0.06)  # +-4 sigma of 2000 draws
    assert np.abs(off.mean(axis=0)).max() < 4 * 15e-6 / np.sqrt(2000)
    assert abs(np.corrcoef(off.T)[0, 1]) < 0.09, "the axes are independent"
    assert abs(np.corrcoef(off[1:, 0], off[:-1, 0])[0, 1]) < 0.09, "and so are the shots"


def test_energy_noise_and_the_meters_own(new_bench: Any) -> None:
    _, _, energy, measured = fired(new_bench(settings=NOISY)).T
    assert energy.mean() == pytest.approx(20_000, rel=0.002)
    assert energy.std() / 20_000 == pytest.approx(0.02, rel=0.07)
    assert (measured / energy).std() == pytest.approx(0.005, rel=0.07)
    assert (measured / energy).mean() == pytest.approx(1.0, abs=5e-4)


def test_a_drift_shows_in_what_is_emitted_as_fast_as_it_drifts(new_bench: Any) -> None:
    bench = new_bench(settings=NOISY)
    bench.core.plant.faults.gain_per_s = 0.04
    bench.load(1000)
    bench.run(4_000_000, credit=1000)
    time_s = np.array([s.start_us for s in bench.shots]) * 1e-6
    slope, start = np.polyfit(time_s, [s.energy_uj / 20_000 for s in bench.shots], 1)
    assert time_s[-1] > 1.5 and bench.status.fault_code == 0, "within 20 %: no fault"
    assert slope == pytest.approx(0.04, abs=0.005) and start == pytest.approx(1.0, abs=0.01)


def test_the_same_seed_gives_the_same_shots_whatever_the_timing(new_bench: Any) -> None:
    plain = fired(new_bench(settings=NOISY), 200)
    again = new_bench(settings=NOISY)
    again.load(200)
    again.run(50_000, credit=60)
    again.core.lines = replace(again.core.lines, footswitch_pressed=False)
    again.run(123_456)
    again.core.lines = replace(again.core.lines, footswitch_pressed=True)
    again.run(1_000_000, credit=200, every_us=11_000)
    told = np.array([[i % 50 * 100, i // 50 * 100] for i in range(200)])
    at = np.array([[s.x_counts, s.y_counts] for s in again.shots])
    assert np.array_equal((at - told) / COUNTS_PER_RAD, plain[:, :2])
    assert [s.energy_uj for s in again.shots] == plain[:, 2].tolist()


def test_two_real_devices_with_one_seed_fire_alike(
    device: Any, link: Any, granter: Any, poll: Any, tmp_path: Path
) -> None:
    def run(device: Any, link: Any) -> list[list[float]]:
        link.connect()
        data = encode_records([[i * 50, 0] for i in range(60)], [20_000] * 60, [800] * 60, [0] * 60)
        link.select(PLAN, 3, 0, 0, 60)
        link.load(0, data)
        monitor = granter(link, data)
        poll(lambda: len(monitor.fired()) >= 60, 10, "60 spots")
        poll(lambda: len(device.truth()) >= 60, what="ground truth")
        return [shot[:4] for shot in device.truth()]

    (tmp_path / "second").mkdir()
    other = type(device)(tmp_path / "second")
    try:
        poll(other.link.exists, what="the second device's port")
        other.lines()
        second = ScanHeadLink(str(other.link))
        try:
            assert run(device, link) == run(other, second)
        finally:
            second.close()
    finally:
        other.end()


def test_mirrors_that_stick_are_noticed_beyond_the_tolerance(new_bench: Any) -> None:
    bench = new_bench(settings=NOISY)
    bench.load(40)  # 100 counts apart: 763 urad
    bench.run(20_000, credit=40)
    bench.core.plant.faults.galvo_stuck = True
    bench.run(60_000, credit=40)
    assert bench.status.fault_code == FaultCode.GALVO and 0 < len(bench.shots) < 40
    off = [abs(s.x_counts - 100 * s.spot) / COUNTS_PER_RAD for s in bench.shots]
    assert max(off) < NOISY.galvo_tolerance_rad


def test_a_head_that_trembles_more_than_the_tolerance_faults(new_bench: Any) -> None:
    bench = new_bench(settings=replace(NOISY, galvo_repeatability_rad=100e-6))
    bench.load(200)
    bench.run(800_000, credit=200)
    assert bench.status.fault_code == FaultCode.GALVO
    off = [np.hypot(s.x_counts - s.spot % 50 * 100, s.y_counts - s.spot // 50 * 100) for s in bench.shots]
    assert max(off, default=0.0) <= 150e-6 * COUNTS_PER_RAD, "no shot further off than the tolerance"
