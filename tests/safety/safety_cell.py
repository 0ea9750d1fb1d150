"""A made-up cell around the safety monitor: plan, arm, scan head and lines, in plain Python.

The scan head here keeps the rules of the real one (boot id, tick, counter, credit, digest), so that
tests can say what may and what may not be emitted.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from openmtz.geometry import (
    TriangleMesh,
    apply_pose,
    invert_pose,
    look_along,
    pose_from_vector,
    pose_to_vector,
)
from openmtz.limits import HOST_ENVELOPE_VERSION
from openmtz.optics import angles_to_counts, point_to_angles
from openmtz.optics.profile import CO2_120UM_LOW_ENERGY as PROFILE
from openmtz.plan import TreatmentPlan
from openmtz.safety import (
    Approve,
    ArmState,
    FiredBatch,
    HeadStatus,
    Inputs,
    Interlocks,
    LoadedSpots,
    Outputs,
    PermitGrant,
    ProgressSample,
    RequestToken,
    SafetyConfig,
    SafetyMonitor,
    SafetyState,
    SetReady,
    Token,
)

BOOT = "monitor-1"


def flat_skin() -> TriangleMesh:
    """A square of 0.2 m, 5 mm cells, facing +z at 0.05 m: what the plans here are made on."""
    line = np.arange(41) * 0.005 - 0.1
    x, y = np.meshgrid(line + 0.5, line, indexing="ij")
    vertices = np.stack([x, y, np.full_like(x, 0.05)], axis=-1).reshape(-1, 3)
    a = (np.arange(40)[:, None] * 41 + np.arange(40)).ravel()
    return TriangleMesh(vertices, np.concatenate([np.c_[a, a + 41, a + 42], np.c_[a, a + 42, a + 1]]))


SKIN = flat_skin()


def make_plan(
    stations: int = 2, per_station: int = 100, passes: int = 1, seed: int = 0, **header: Any
) -> TreatmentPlan:
    """A flat field facing +z at (0.5, 0, 0.05), a square grid of spots below each station."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(per_station)))
    pitch = 0.0004
    grid = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) - side / 2) * pitch
    grid = grid[:per_station]
    above = np.array([0.0, 0.0, PROFILE.focus_distance_m])
    positions, station, pass_index, poses = [], [], [], []
    for s in range(stations):
        centre = np.array([0.5 + 0.012 * s, 0.0, 0.05])
        poses.append(pose_to_vector(look_along(centre + above, [0.0, 0.0, -1.0])))
        for p in range(passes):
            shift = np.array([pitch / 2, pitch / 2, 0]) * p
            positions.append(centre + shift + np.column_stack([grid, np.zeros(len(grid))]))
            station += [s] * len(grid)
            pass_index += [p] * len(grid)
    points = np.concatenate(positions)
    n = len(points)
    energy = rng.integers(15_000, 20_000, n).astype(np.uint32)
    values: dict[str, Any] = {
        "format_version": 1,
        "surface_id": "surface-1",
        "indication": "test",
        "profile": PROFILE.to_header(),
        "seed": seed,
        "area_cm2": n / 600.0,
        "plugin_versions": {},
        "host_envelope_version": HOST_ENVELOPE_VERSION,
        "calibration_id": "nominal",
    }
    values.update(header)
    order = np.arange(n)
    return TreatmentPlan(
        header=values,
        position_nm=np.rint(points * 1e9).astype(np.int32),
        normal_e9=np.tile(np.array([0, 0, 10**9], np.int32), (n, 1)),
        energy_uj=energy,
        pulse_us=np.rint(energy / PROFILE.power_w).astype(np.uint32),
        depth_um=np.full(n, 600, np.uint32),
        not_before_us=((order % per_station) * 1800).astype(np.uint32),
        station=np.array(station, np.uint16),
        pass_index=np.array(pass_index, np.uint8),
        station_pose=np.array(poses),
    )


def station_pose(plan: TreatmentPlan, station: int) -> np.ndarray:
    return pose_from_vector(plan.station_pose[station])


def load_group(plan: TreatmentPlan, station: int, pass_index: int, first: int | None = None) -> LoadedSpots:
    """Records as the scan-head process would make them, digests over made-up record bytes."""
    group = next(g for g in plan.groups() if (g.station, g.pass_index) == (station, pass_index))
    first = group.first if first is None else first
    rows = slice(first, group.end)
    local = apply_pose(invert_pose(station_pose(plan, station)), plan.positions_m[rows])
    counts = angles_to_counts(point_to_angles(local, PROFILE.mirror_separation_m), PROFILE.full_scale_rad)
    digest, digests = 0, []
    for i in range(first, group.end):
        digest = zlib.crc32(int(i).to_bytes(4, "little"), digest)
        digests.append(digest)
    return LoadedSpots(
        plan.sha256, station, pass_index, first, counts, plan.energy_uj[rows], plan.pulse_us[rows],
        plan.not_before_us[rows] - plan.not_before_us[first], np.array(digests, np.uint32),
    )  # fmt: skip


@dataclass
class Cell:
    """World state by fields; `step` advances time, builds inputs, steps the monitor, plays the device."""

    config: SafetyConfig = field(default_factory=SafetyConfig)
    plan: TreatmentPlan = field(default_factory=make_plan)
    dt: float = 0.005
    now: float = 100.0

    def __post_init__(self) -> None:
        self.monitor = SafetyMonitor(self.config, BOOT, self.now)
        self.lines: dict[str, bool] = {
            "emergency_stop_closed": True, "key_on": True, "door_closed": True,
            "footswitch_pressed": False, "smoke_evacuator_on": True, "eyewear_attested": True,
        }  # fmt: skip
        self.silent: set[str] = set()
        self.last: dict[str, Any] = {}
        self.run_line_ok = True
        self.surface_id = "surface-1"
        self.skin: TriangleMesh | None = SKIN
        self.shown_plan: TreatmentPlan | None = self.plan
        self.joints = np.zeros(6)
        self.pose = station_pose(self.plan, 0)
        self.boot_id, self.tick0 = 77, self.now - 5.0
        self.gate_stuck = False
        self.executed, self.loaded_until, self.selected = 0, 0, ""
        self.permit: PermitGrant | None = None
        self.counter = 0
        self.fault_code, self.connected = 0, True
        self.mute_shots = False
        self.energy_factor = 1.0
        self.shots_per_step = 3
        self.counters = dict.fromkeys((*self.config.progress_required, self.config.recorder), 0)
        self.new_loaded: list[LoadedSpots] = []
        self.new_fired: list[FiredBatch] = []
        self.digests: dict[int, int] = {}
        self.emissions: list[tuple[float, int]] = []
        self.out: Outputs | None = None
        self.log: list[tuple[float, Outputs]] = []

    # --- the device ---

    def select(self, station: int, pass_index: int = 0, first: int | None = None) -> None:
        spots = load_group(self.plan, station, pass_index, first)
        self.selected = self.plan.sha256
        self.executed = max(self.executed, spots.first)
        self.loaded_until = spots.first + len(spots)
        self.digests = {spots.first + k: int(d) for k, d in enumerate(spots.digests)}
        self.new_loaded.append(spots)

    @property
    def tick_us(self) -> int:
        return int((self.now - self.tick0) * 1e6)

    @property
    def gate_may_open(self) -> bool:
        p = self.permit
        return (
            p is not None
            and p.device_boot_id == self.boot_id
            and p.plan_sha256 == self.selected
            and self.tick_us < p.device_tick_us + p.ttl_us
            and self.lines["footswitch_pressed"]
            and self.lines["emergency_stop_closed"]
            and self.executed < p.credit_until
        )

    def _relay(self, grant: PermitGrant) -> None:
        if grant.device_boot_id != self.boot_id or grant.counter <= self.counter:
            return
        if grant.credit_until and self.digests.get(grant.credit_until - 1) != grant.digest_at_credit:
            self.fault_code = 7
            return
        self.counter, self.permit = grant.counter, grant

    def _emit(self) -> None:
        fired = []
        for _ in range(self.shots_per_step):
            if not self.gate_may_open or self.executed >= self.loaded_until:
                break
            self.emissions.append((self.now, self.executed))
            fired.append(self.executed)
            self.executed += 1
        if fired and not self.mute_shots:
            energy = self.plan.energy_uj[fired] * self.energy_factor
            self.new_fired.append(
                FiredBatch(self.selected, self.boot_id, np.array(fired, np.uint32), energy.astype(np.uint32))
            )

    # --- what the monitor sees ---

    def _latest(self, name: str, value: Any) -> Any:
        if name not in self.silent:
            self.last[name] = value
        return self.last.get(name)

    def inputs(self, *requests: Any) -> Inputs:
        t = self.now - 0.001
        progress: dict[str, ProgressSample] = {}
        for name in self.counters:
            key = f"progress {name}"
            if key not in self.silent:
                self.counters[name] += 1
            progress[name] = self._latest(key, ProgressSample(self.counters[name], t, 0.05))
        result = Inputs(
            interlocks=self._latest("interlocks", Interlocks(t, **self.lines)),
            head=self._latest(
                "head",
                HeadStatus(
                    t, self.connected, 4 if self.fault_code else 1, self.boot_id, self.tick_us - 1000,
                    self.gate_stuck or self.gate_may_open, not self.lines["emergency_stop_closed"],
                    self.loaded_until, self.executed, self.counter, self.fault_code,
                    "made up" if self.fault_code else "", self.selected,
                ),
            ),
            arm=self._latest("arm", ArmState(t, self.joints.copy(), self.pose.copy())),
            progress={k: v for k, v in progress.items() if v is not None},
            run_line_ok=self.run_line_ok,
            plan=self.shown_plan,
            surface_id=self.surface_id,
            skin=self.skin,
            loaded=tuple(self.new_loaded),
            fired=tuple(self.new_fired),
            requests=requests,
        )  # fmt: skip
        self.new_loaded, self.new_fired = [], []
        return result

    def step(self, *requests: Any) -> Outputs:
        self.now += self.dt
        self._emit()
        self.out = self.monitor.step(self.inputs(*requests), self.now)
        if self.out.grant is not None:
            self._relay(self.out.grant)
        if self.out.reset_device:
            self.fault_code = 0
        self.log.append((self.now, self.out))
        return self.out

    def run(self, seconds: float) -> Outputs:
        for _ in range(max(1, round(seconds / self.dt))):
            out = self.step()
        return out

    def ask(self, request: Any) -> Any:
        return self.step(request).replies[0]

    # --- the usual way up ---

    def to_standby(self) -> Cell:
        self.run(0.3)
        assert self.monitor.state is SafetyState.STANDBY, self.out
        return self

    def approve(self) -> Any:
        return self.ask(Approve(self.plan.sha256, BOOT, "dr test"))

    def to_ready(self) -> Cell:
        self.to_standby()
        assert self.approve().accepted, self.out
        assert self.ask(SetReady(True)).accepted, self.out
        self.run(self.config.ready_delay_s + 0.1)
        assert self.monitor.state is SafetyState.READY, self.out
        return self

    def to_emission(self, station: int = 0) -> Cell:
        self.to_ready()
        reply = self.ask(RequestToken(Token.EMISSION, station))
        assert reply.accepted, reply
        self.select(station)
        self.step()
        return self

    def to_firing(self, station: int = 0) -> Cell:
        self.to_emission(station)
        self.lines["footswitch_pressed"] = True
        self.run(0.03)
        assert self.monitor.state is SafetyState.FIRING, self.out
        return self

    def grants(self) -> list[tuple[float, PermitGrant]]:
        return [(t, o.grant) for t, o in self.log if o.grant is not None and not o.revoke]


def with_spots(plan: TreatmentPlan, **changes: Any) -> TreatmentPlan:
    return replace(plan, **changes)


def with_energy(plan: TreatmentPlan, energy_mj: float, power_w: float = PROFILE.power_w) -> TreatmentPlan:
    """Return the plan with every spot at this energy, its pulses those of a source of `power_w`."""
    energy = np.full(len(plan), energy_mj * 1000, np.uint32)
    return replace(plan, energy_uj=energy, pulse_us=np.rint(energy / power_w).astype(np.uint32))
