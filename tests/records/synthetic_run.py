"""A whole made-up run, for the report's tests: curved skin with scars, a plan, shots, a timeline."""

from __future__ import annotations

import functools

import numpy as np

from openmtz.geometry import SkinSurface
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY
from openmtz.plan import Finding, Severity, TreatmentPlan
from openmtz.records import FiredSpots, RunData, TimelineEvent, TruthShots, verify

CENTER = np.array([0.5, 0.0, 0.05])
RADIUS = 0.07
SCARS = [
    (-3.5, 2.0, 2.2, 1.0),
    (2.5, -1.5, 1.6, 1.6),
    (4.5, 4.0, 1.2, 0.8),
    (-1.0, -4.5, 2.6, 0.6),
    (0.5, 3.2, 0.7, 1.8),
]


def height(x, y):
    """Skin height [m] and depth of the scars [m] at x, y [m] around the centre."""
    bend = np.sqrt(np.maximum(RADIUS**2 - x**2, 1e-6)) - RADIUS - y**2 / (2 * 0.16)
    dent = np.zeros_like(x)
    for cx, cy, r, depth in SCARS:
        d = np.hypot(x - cx * 1e-3, (y - cy * 1e-3) * 0.8) / (r * 1e-3)
        dent += depth * 1e-3 * 0.6 * np.exp(-0.5 * d**4)
    return bend - dent, dent


def make_surface(rng, pitch=0.8e-3, noise=3e-5):
    x, y = np.meshgrid(np.arange(-0.05, 0.05, pitch), np.arange(-0.042, 0.042, pitch))
    x = x + rng.normal(0, pitch * 0.12, x.shape)
    y = y + rng.normal(0, pitch * 0.12, y.shape)
    z, _ = height(x, y)
    z = z + rng.normal(0, noise, z.shape)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3) + CENTER
    rows, columns = x.shape
    i = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [np.stack([i, i + 1, i + columns], 1), np.stack([i + 1, i + columns + 1, i + columns], 1)]
    )
    middle = vertices[faces].mean(axis=1) - CENTER
    angle = np.arctan2(middle[:, 1], middle[:, 0])
    edge = 1 + 0.04 * np.sin(5 * angle) + 0.03 * np.sin(11 * angle + 1)
    faces = faces[np.hypot(middle[:, 0] / 0.047, middle[:, 1] / 0.040) < edge]
    used, faces = np.unique(faces, return_inverse=True)
    surface = SkinSurface.from_arrays(vertices[used], faces.reshape(-1, 3), voxel_m=1e-3)
    local = surface.mesh.vertices - CENTER
    _, deficit = height(local[:, 0], local[:, 1])
    return surface, np.clip(deficit / 1e-3, 0, 1), deficit


def make_plan(rng, count=2000):
    """Blue-noise-like spots in a disc of about 2 cm, denser in scars."""
    points = np.zeros((0, 2))
    while len(points) < count:
        candidate = rng.uniform(-0.0105, 0.0105, (40, 2))
        candidate = candidate[np.hypot(*candidate.T) < 0.0105]
        _, dent = height(candidate[:, 0], candidate[:, 1])
        if len(points):
            gap = np.hypot(*(candidate[:, None] - points[None]).transpose(2, 0, 1)).min(axis=1)
        else:
            gap = np.full(len(candidate), 1.0)
        points = np.vstack([points, candidate[np.argmax(gap * (1 + 600 * dent))]])
    x, y = points.T
    z, dent = height(x, y)
    step = 1e-5
    slope = np.stack(
        [(height(x + step, y)[0] - z) / step, (height(x, y + step)[0] - z) / step, -np.ones(count)], 1
    )
    normal = -slope / np.linalg.norm(slope, axis=1, keepdims=True)
    angle = np.arctan2(y, x)
    station = np.where(np.hypot(x, y) < 0.004, 0, 1 + ((angle + np.pi) / (2 * np.pi) * 5).astype(int) % 5)
    order = np.lexsort([rng.random(count), station])
    energy = np.where(dent > 2e-4, 20_000, 14_000) + rng.integers(-5, 6, count) * 200
    profile = CO2_120UM_LOW_ENERGY
    return TreatmentPlan(
        header={
            "format_version": 1,
            "surface_id": "5f" * 32,
            "indication": "atrophic_scar",
            "profile": profile.to_header(),
            "seed": 7,
            "density_definition": "spots per cm2 of skin surface",
            "area_cm2": 3.52,
            "plugin_versions": {"openmtz_atrophic_scar": "0.1.0"},
            "host_envelope_version": 1,
        },
        position_nm=np.rint((np.stack([x, y, z], 1) + CENTER)[order] * 1e9),
        normal_e9=np.rint(normal[order] * 1e9),
        energy_uj=energy[order],
        pulse_us=profile.pulse_of_energy_us(energy[order] / 1000),
        depth_um=profile.depth_of_energy_um(energy[order] / 1000),
        not_before_us=np.zeros(count),
        station=station[order],
        pass_index=np.zeros(count),
        station_pose=np.tile([0.5, 0, 0.2, 1, 0, 0, 0], (6, 1)),
    )


def make_shots(rng, plan, upto=None):
    count = len(plan) if upto is None else upto
    index = np.arange(count)
    offset = rng.normal(0, 6e-5, (count, 3)) + rng.normal(0, 4e-5, (6, 3))[plan.station[:count]]
    offset[:, 2] = rng.normal(0, 1.2e-4, count)
    energy = plan.energy_uj[:count] / 1000 * rng.normal(1.01, 0.02, count)
    pause = 1.4 * plan.station[:count]
    truth = TruthShots(
        index, np.ones(count, bool), plan.positions_m[:count] + offset,
        np.abs(rng.normal(0.12, 0.05, count)), rng.normal(2e-5, 1.3e-4, count), energy,
        energy * 30, 33.0 + index * 0.0019 + pause,
    )  # fmt: skip
    return FiredSpots(index, 1_000_000 + index * 1900, energy * 1000), truth


def make_timeline(plan, truth, stop_at=None):
    times = truth.time_s
    events = [
        TimelineEvent(0.0, "stage", "capture"), TimelineEvent(14.2, "stage", "plan"),
        TimelineEvent(21.0, "stage", "approve"), TimelineEvent(26.5, "stage", "treat"),
        TimelineEvent(0.0, "safety", "OFF"), TimelineEvent(0.8, "safety", "STANDBY", "started"),
        TimelineEvent(26.9, "safety", "ARMING", "ready_requested"),
        TimelineEvent(29.0, "safety", "READY", "delay_over"),
    ]  # fmt: skip
    for k in range(5):
        events += [
            TimelineEvent(1 + 2.4 * k, "motion", f"view {k + 1}"),
            TimelineEvent(2.2 + 2.4 * k, "motion", ""),
        ]
    permits = []
    for g in plan.groups():
        inside = times[(plan.station[: len(times)] == g.station)]
        if len(inside) == 0:
            break
        a, b = inside[0] - 0.05, inside[-1] + 0.05
        events += [
            TimelineEvent(a - 1.2, "motion", f"station {g.station}"), TimelineEvent(a - 0.3, "motion", ""),
            TimelineEvent(a - 1.3, "withheld", "arm_moving"), TimelineEvent(a, "withheld", ""),
            TimelineEvent(a, "safety", "FIRING", "footswitch"),
            TimelineEvent(b, "safety", "READY", "group_done"),
        ]  # fmt: skip
        permits.append(np.arange(a, b, 0.015))
    end = times[-1] + 0.3
    if stop_at is not None:
        events += [
            TimelineEvent(end - 0.3, "event", "emergency stop", "the line opened; gate closed after 11 ms"),
            TimelineEvent(end - 0.29, "safety", "FAULT", "emergency_stop"),
            TimelineEvent(end + 0.4, "stage", "stopped"),
        ]
    else:
        events += [TimelineEvent(end + 1, "stage", "verify"), TimelineEvent(end + 2.2, "stage", "done"),
                   TimelineEvent(end + 1, "safety", "STANDBY", "treatment_done")]  # fmt: skip
    return events, np.concatenate(permits)


@functools.cache
def _base(seed):
    """Surface and plan are immutable: made once."""
    rng = np.random.default_rng(seed)
    return *make_surface(rng), make_plan(rng)


def make_run(seed=7, stopped_at=None, by_truth=True):
    surface, severity, deficit, plan = _base(seed)
    rng = np.random.default_rng([seed, 1])
    fired, truth = make_shots(rng, plan, stopped_at)
    timeline, permits = make_timeline(plan, truth, stopped_at)
    findings = [
        Finding(Severity.INFO, "openmtz_atrophic_scar", "scars-found",
                "5 scars on 3.5 cm2: 2 rolling, 2 boxcar, 1 icepick; deepest 1.1 mm."),
        Finding(Severity.WARNING, "openmtz_atrophic_scar", "icepick",
                "One scar is narrow and deep: fractional treatment alone rarely reaches its floor.",
                "Combine with another method.", 37),
        Finding(Severity.INFO, "planner", "incidence-over-good",
                "41 spots lie at more than 15 degrees to the beam.", "", 41),
    ]  # fmt: skip
    return RunData(
        indication="atrophic_scar",
        seed=seed,
        outcome="done" if stopped_at is None else "stopped",
        reason="" if stopped_at is None else "The emergency stop was pressed during station 2.",
        started_utc="2026-03-04T05:06:07Z",
        patient="phantom cheek with synthetic atrophic scars",
        surface=surface,
        severity=severity,
        deficit_depth_m=deficit,
        plan=plan,
        findings=findings,
        fired=fired,
        truth=truth if by_truth else None,
        verification=verify(plan, fired, truth if by_truth else None),
        timeline=timeline,
        permit_times_s=permits,
        shot_times_s=truth.time_s,
        capture={"frames_received": 34, "frames_fused": 30, "frames_rejected": 4,
                 "area_cm2": surface.area_cm2, "depth_noise_mm": 0.11,
                 "rejections": ["arm moving: 3", "surplus: 1"]},
        environment={"openmtz": "0.1.0", "Python": "3.11.7", "ROS 2": "Jazzy (wheels)", "machine": "2 cores"},
        summary={"seed": seed, "ok": stopped_at is None},
    )  # fmt: skip
