"""Motion of patients: continuous, within its bound, the same bits for the same seed, local where local."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st

from openmtz.simulation.patient.motion import (
    Breathing,
    Drift,
    LocalPart,
    MotionError,
    MotionPart,
    PatientMotion,
    Pulse,
    SuddenMove,
    Tremor,
)

CENTRE = (0.5, 0.0, 0.05)
numbers = st.floats
directions = st.tuples(numbers(-1, 1), numbers(-1, 1), numbers(0.1, 1))
parts: st.SearchStrategy[MotionPart] = st.one_of(
    st.builds(
        Breathing,
        amplitude_m=numbers(0.0, 0.015),
        radius_m=numbers(0.05, 0.3),
        direction=directions,
        period_s=numbers(2.0, 8.0),
        inhale_share=numbers(0.2, 0.8),
        phase=numbers(0.0, 1.0),
    ),
    st.builds(Pulse, amplitude_m=numbers(0.0, 0.001), rate_hz=numbers(0.6, 3.0), phase=numbers(0.0, 1.0)),
    st.builds(Tremor, amplitude_m=numbers(0.0, 0.003), seed=st.integers(0, 2**31)),
    st.builds(
        SuddenMove,
        at_s=numbers(0.0, 5.0),
        translation_m=st.tuples(numbers(-0.02, 0.02), numbers(-0.02, 0.02), numbers(-0.02, 0.02)),
        rotation_rad=numbers(-0.3, 0.3),
        axis=directions,
        duration_s=numbers(0.2, 1.0),
    ),
    st.builds(Drift, velocity_m_s=numbers(0.0, 0.005), direction=directions, from_s=numbers(0.0, 5.0)),
)
motions = st.builds(PatientMotion.of, st.lists(parts, max_size=4))
points = np.array(CENTRE) + np.random.default_rng(0).uniform(-0.15, 0.15, (40, 3))
ORIGIN = np.array(CENTRE)
REACH_M = 0.15 * math.sqrt(3.0)


@given(motions, numbers(0.0, 10.0))
def test_every_point_stays_within_the_bound(motion: PatientMotion, until: float) -> None:
    for time in np.linspace(0.0, until, 7):
        away = np.linalg.norm(motion.displace(points, time) - points, axis=1)
        assert away.max() <= motion.bound_m(until, REACH_M) * (1 + 1e-12) + 1e-15


@given(motions, numbers(0.0, 9.0))
def test_motion_is_continuous(motion: PatientMotion, start: float) -> None:
    """Fastest anything here goes: 12 Hz of 3 mm, 0.3 rad at 0.26 m or 35 mm in 0.2 s (1.9 times the mean)."""
    fastest = 4 * (2 * np.pi * 12 * 0.003 + 1.9 * (0.3 * REACH_M + 0.035) / 0.2 + 0.2)
    step = 1e-4
    instants = start + step * np.arange(200)
    for point in points[:5]:
        way = motion.displace(np.tile(point, (200, 1)), instants)
        assert np.linalg.norm(np.diff(way, axis=0), axis=1).max() <= fastest * step


@given(motions, numbers(0.0, 10.0))
def test_one_time_and_one_each_and_a_copy_agree_to_the_bit(motion: PatientMotion, time: float) -> None:
    one = motion.displace(points, time)
    assert one.tobytes() == motion.displace(points, np.full(len(points), time)).tobytes()
    assert one.tobytes() == pickle.loads(pickle.dumps(motion)).displace(points, time).tobytes()


@given(motions, numbers(0.0, 10.0))
def test_rigid_and_local_parts_make_up_the_whole(motion: PatientMotion, time: float) -> None:
    turn, shift = motion.rigid_at(time)
    whole = points @ turn[0].T + shift[0] + motion.local_displacement(points, np.array([time]))
    assert np.allclose(whole, motion.displace(points, time), rtol=0.0, atol=1e-15)
    assert motion.is_rigid == (not any(isinstance(p, LocalPart) for p in motion.parts))


def test_breath_lifts_the_belly_and_leaves_the_rest_still() -> None:
    breath = PatientMotion.of([Breathing(amplitude_m=0.006, radius_m=0.1, period_s=4.0, inhale_share=0.4)])
    there = np.add(ORIGIN, [[0, 0, 0], [0.05, 0, 0], [0.0999, 0, 0], [0.1001, 0, 0], [0.4, 0.2, 0.0]])
    full = breath.displace(there, 1.6) - there
    assert full[:2, 2] == pytest.approx([0.006, 0.003], abs=1e-9)
    assert 0.0 <= full[2, 2] < 1e-7 and not full[3:].any() and not full[:, :2].any()
    assert breath.displace(there, 0.0).tobytes() == there.tobytes()
    # Up in 1.6 s, down in 2.4 s, and the same again.
    height = [breath.displace(there[:1], t)[0, 2] - 0.05 for t in (0.8, 1.6, 2.8, 4.0, 5.6)]
    assert height == pytest.approx([0.003, 0.006, 0.003, 0.0, 0.006], abs=1e-9)


def test_tremor_shakes_all_alike_within_its_band() -> None:
    tremor = PatientMotion.of([Tremor(amplitude_m=0.0002, seed=5)])
    times = np.arange(4096) / 256.0
    way = tremor.displace(np.tile(points[0], (4096, 1)), times) - points[0]
    other = tremor.displace(np.tile(points[9], (4096, 1)), times) - points[9]
    assert np.allclose(way, other, atol=1e-15)
    size = np.linalg.norm(way, axis=1)
    assert 0.25 < np.sqrt((size**2).mean()) / 0.0002 < 0.45 and size.max() <= 0.0002
    power = (np.abs(np.fft.rfft(way * np.hanning(4096)[:, None], axis=0)) ** 2).sum(axis=1)
    frequency = np.fft.rfftfreq(4096, 1 / 256.0)
    assert power[(frequency >= 3.7) & (frequency <= 12.3)].sum() / power.sum() > 0.999
    elsewhere = PatientMotion.of([Tremor(amplitude_m=0.0002, seed=6)]).displace(points, 1.0)
    assert not np.array_equal(elsewhere, tremor.displace(points, 1.0))


def test_a_pulse_beats_at_its_rate_and_rises_faster_than_it_falls() -> None:
    pulse = Pulse(rate_hz=1.25)
    times = np.arange(8000) / 1000.0
    wave = pulse.wave(times)
    assert wave.min() >= 0.0 and wave.max() == pytest.approx(1.0, abs=1e-4)
    assert np.allclose(wave[:7200], wave[800:], atol=1e-9)
    one = wave[:800]
    top = int(np.argmax(one))
    rise = top - int(np.argmax(one > 0.1))
    fall = int(np.argmax(one[top:] < 0.1))
    assert 50 < rise < 0.8 * fall, "milliseconds from a tenth to the top and back"


def test_a_sudden_move_starts_and_ends_at_rest_and_turns_about_its_pivot() -> None:
    move = SuddenMove(2.0, (0.0, 0.0, 0.01), np.pi / 2, (0, 0, 1), CENTRE, 0.5)
    motion = PatientMotion.of([move])
    there = np.add(ORIGIN, [[0.0, 0.0, 0.0], [0.1, 0.0, 0.0]])
    assert motion.displace(there, 2.0).tobytes() == there.tobytes() and motion.bound_m(2.0) == 0.0
    for time in (2.5, 60.0):
        moved = motion.displace(there, time) - CENTRE
        assert moved == pytest.approx(np.array([[0, 0, 0.01], [0, 0.1, 0.01]]), abs=1e-12)
    h = 1e-4
    speeds = [
        float(np.linalg.norm(motion.displace(there, t + h) - motion.displace(there, t - h)) / (2 * h))
        for t in (2.001, 2.25, 2.499)
    ]
    assert speeds[0] < 0.01 > speeds[2] and speeds[1] > 0.3
    assert motion.bound_m(10.0, 0.1) == pytest.approx(0.01 + 0.1 * np.sqrt(2.0))


def test_drift_creeps_from_its_start_to_its_limit() -> None:
    drift = PatientMotion.of([Drift(0.001, (2.0, 0.0, 0.0), from_s=3.0, limit_m=0.004)])
    assert [drift.displace([[0, 0, 0]], t)[0, 0] for t in (0, 3, 5, 60)] == pytest.approx(
        [0, 0, 0.002, 0.004], abs=1e-15
    )
    assert [drift.bound_m(t) for t in (3.0, 5.0, math.inf)] == pytest.approx([0.0, 0.002, 0.004])


def test_none_is_still() -> None:
    none = PatientMotion.none()
    assert none.is_still and none.is_rigid and none.bound_m() == 0.0
    assert none.displace(points, 4.0).tobytes() == points.tobytes()
    assert not PatientMotion.of([Tremor()]).is_still


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Breathing(amplitude_m=-0.001), "amplitude_m must be 0 to 0.1"),
        (lambda: Breathing(amplitude_m=math.nan), "amplitude_m"),
        (lambda: Breathing(amplitude_m=4.0), "got 4.0"),
        (lambda: Breathing(amplitude_m=0.02, radius_m=0.03), "a radius of at least 63 mm"),
        (lambda: Breathing(period_s=0.0), "Breathing: period_s"),
        (lambda: Breathing(direction=(0, 0, 0)), "must have a direction"),
        (lambda: Breathing(centre_m=(0, math.inf, 0)), "centre_m must be three finite"),
        (lambda: Pulse(rate_hz=70.0), "rate_hz must be 0.3 to 4"),
        (lambda: Tremor(band_hz=(12.0, 4.0)), "band_hz must rise"),
        (lambda: Tremor(seed=-1), "seed"),
        (lambda: SuddenMove(math.nan), "at_s"),
        (lambda: SuddenMove(0.0, rotation_rad=90.0), "rotation_rad"),
        (lambda: SuddenMove(0.0, duration_s=0.0), "duration_s"),
        (lambda: Drift(math.inf), "velocity_m_s"),
        (lambda: PatientMotion.of(["breathing"]), "motion parts"),  # type: ignore[list-item]
        (lambda: PatientMotion.none().displace(points, np.zeros(3)), r"\(40,\)"),
        (lambda: PatientMotion.none().displace(points[:, :2], 0.0), r"\(N, 3\)"),
        (lambda: PatientMotion.none().displace(points, math.nan), "finite"),
    ],
)
def test_what_cannot_be_is_named(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MotionError, match=words):
        make()
