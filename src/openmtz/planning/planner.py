"""From captured skin to a plan: region, assessment, prescription, spots, stations, order, checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface
from openmtz.hooks import PatientFacts, PluginManager, load_plugins
from openmtz.optics import FieldCalibration
from openmtz.plan import PLAN_FORMAT_VERSION, Finding, Severity, TreatmentPlan
from openmtz.planning.assemble import assemble
from openmtz.planning.dose import CorrectedEnergy, Footprints, dose_of, energy_correction, merging_spots
from openmtz.planning.errors import PlanningError
from openmtz.planning.prescribed import Dosed, look, prescribe
from openmtz.planning.refusals import Cause, refusal_findings, refused_counts
from openmtz.planning.request import Overrides, parse
from openmtz.planning.skin import AnyRegion, fine_normals, smooth_normals
from openmtz.planning.spots import PlacedSpots, place
from openmtz.planning.stations import Reachable, Stations, fit_spots, nearest_shift, plan_stations

SOURCE = "planner"
MAX_REFUSED_SHARE = 0.2
Step = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class PlanningResult:
    """A plan and what led to it.

    `areas` [cm2]: `surface`, `examined`, `region`, `treated`. Per vertex `(V,)`: `region` bool,
    `density_per_cm2` (all passes), `severity`, `deficit_depth_m`. `refused_m` `(R, 3)` [m] spots not planned,
    `refused_cause` `(R,)` values of `Cause`. `no_fire_m` `(K, 3)` [m] all over the skin that no-fire volumes
    took away before spots were placed.
    """

    plan: TreatmentPlan
    findings: tuple[Finding, ...]
    areas: dict[str, float]
    region: NDArray[np.bool_]
    density_per_cm2: NDArray[np.float64]
    severity: NDArray[np.float64]
    deficit_depth_m: NDArray[np.float64]
    refused_m: NDArray[np.float64]
    refused_cause: NDArray[np.str_]
    no_fire_m: NDArray[np.float64]
    rationale: str


def plan_treatment(
    surface: SkinSurface,
    indication: str,
    facts: PatientFacts | dict[str, Any] | None = None,
    seed: int = 0,
    manager: PluginManager | None = None,
    region: AnyRegion | None = None,
    reachable: Reachable | None = None,
    overrides: Overrides | dict[str, Any] | None = None,
    *,
    calibration_id: str = "nominal",
    calibration: FieldCalibration | None = None,
    progress: Step | None = None,
) -> PlanningResult:
    """Plan one treatment. The same arguments give the same plan hash.

    Args:
        surface: captured skin, world frame. indication: a name the installed plugins provide.
        facts: about the patient. seed: of the placement. manager: default, all installed plugins.
        region: default, the most affected disc near the middle of the surface; also a polygon drawn on the
            skin, or all of it.
        reachable: asks the arm about a world pose `(4, 4)` of scan_head; see `stations.Reachable`.
        overrides: see `Overrides`. progress: called with (step, fraction).
        calibration: of the scan head's field; its id goes into the header instead of `calibration_id`.

    Raises:
        PlanningError: refused, with findings. RequestError: facts or overrides that cannot be read.
        openmtz.hooks.UnknownIndication, openmtz.hooks.PluginError: no (working) plugin for it.
    """
    step = progress or (lambda _name, _fraction: None)
    stated: PatientFacts = parse(PatientFacts, facts, "the patient facts")
    wanted: Overrides = parse(Overrides, overrides, "the overrides")
    manager = manager or load_plugins()
    manager.provider(indication)
    findings = [
        Finding(Severity.WARNING, f.name, "plugin-failed", str(f), "repair or remove the plugin")
        for f in manager.failures
    ]
    step("assessing", 0.05)
    looked = look(surface, indication, stated, manager, region, wanted.allow_partial)
    findings += looked.findings
    step("prescribing", 0.25)
    dosed = prescribe(looked, indication, stated, manager, wanted, findings)
    profile, mesh = dosed.profile, looked.surface.mesh
    step("placing spots", 0.35)
    spots = place(looked.surface, dosed, wanted, seed, findings)
    normals = smooth_normals(mesh, spots.positions)
    fine = fine_normals(mesh, spots.positions, normals)
    step("choosing stations", 0.55)
    stations = plan_stations(
        spots.positions, normals, profile, reachable, skin=surface.mesh, calibration=calibration
    )
    step("correcting energy", 0.7)
    fit = fit_spots(spots.positions, fine, stations, profile, calibration)
    most_mj = _energy_limit_mj(stated)
    energy = _energy(dosed, spots, fit.defocus_m, fit.incidence_rad, most_mj, wanted, findings)
    cause = np.where(fit.cause == "", energy.cause, fit.cause)

    def footprints(rows: NDArray[np.int64]) -> Footprints:
        return Footprints.of_spots(
            spots.positions[rows], energy.energy_mj[rows], profile, normals=normals[rows],
            defocus_m=fit.defocus_m[rows], incidence_rad=fit.incidence_rad[rows], beam=fit.beam[rows],
        )  # fmt: skip

    rows = np.flatnonzero(cause == "")
    if len(rows):
        zones = footprints(rows)
        merged = merging_spots(zones)
        if len(merged):
            cause[rows[merged]] = Cause.MERGING.value
            zones = footprints(np.flatnonzero(cause == ""))
    planned = cause == ""
    counts = refused_counts(cause)
    counts[Cause.MERGING.value] += spots.dropped
    counts[Cause.NO_FIRE_VOLUME.value] += spots.excluded
    findings += _refusals(cause, counts, stations, reachable, wanted, looked.trimmed_cm2, dosed, findings)
    step("ordering", 0.8)
    dose = dose_of(zones, spots.area_cm2, profile)
    header = {
        "format_version": PLAN_FORMAT_VERSION,
        "surface_id": surface.surface_id,
        "indication": indication,
        "profile": profile.to_header(),
        "seed": int(seed),
        "density_definition": dosed.prescription.definition,
        "area_cm2": round(spots.area_cm2, 4),
        "plugin_versions": manager.versions,
        "calibration_id": calibration.calibration_id if calibration else calibration_id,
        "facts": stated.model_dump(mode="json"),
        "site": stated.site,
        "passes": dosed.passes,
        "overrides": wanted.model_dump(mode="json"),
        "rationale": dosed.prescription.rationale,
        "dose": {key: float(f"{value:.4g}") for key, value in asdict(dose).items()},
        "refused": counts,
        "optics": _optics(fit.incidence_rad[planned], fit.defocus_m[planned], fine.scale_m),
        **_envelope_version(),
    }
    used, station = np.unique(stations.station[planned], return_inverse=True)
    kept = Stations(stations.poses[used], station.reshape(-1), cause[planned])
    plan = assemble(
        header, spots.positions[planned], normals[planned], energy.energy_mj[planned],
        energy.depth_um[planned], spots.pass_index[planned], kept, profile,
    )  # fmt: skip
    step("checking", 0.95)
    findings += manager.check_plan(plan, stated)
    findings += _envelope_findings(plan, calibration)
    causes = {c.value for c in Cause}
    stop = [f for f in findings if f.severity == Severity.REFUSAL and f.code not in causes]
    if stop:
        raise PlanningError("; ".join(f"{f.source}: {f.text}" for f in stop), findings)
    step("done", 1.0)
    vertex_cm2 = mesh.vertex_areas() * 1e4
    areas = {
        "surface": surface.area_cm2,
        "examined": float(vertex_cm2[looked.examined].sum()),
        "region": float(vertex_cm2[looked.region].sum()),
        "treated": spots.area_cm2,
    }

    def whole(values: NDArray[Any]) -> NDArray[Any]:
        full = np.zeros(len(surface.mesh.vertices), values.dtype)
        full[looked.old] = values
        return full

    return PlanningResult(
        plan=plan,
        findings=tuple(findings),
        areas=areas,
        region=whole(looked.region),
        density_per_cm2=whole(dosed.density_per_cm2 * dosed.passes),
        severity=whole(looked.assessment.severity),
        deficit_depth_m=whole(looked.assessment.deficit_depth_m),
        refused_m=spots.positions[~planned],
        refused_cause=cause[~planned],
        no_fire_m=spots.no_fire_m,
        rationale=dosed.prescription.rationale,
    )


def _energy(
    dosed: Dosed,
    spots: PlacedSpots,
    defocus_m: NDArray[np.float64],
    incidence_rad: NDArray[np.float64],
    most_mj: float,
    wanted: Overrides,
    findings: list[Finding],
) -> CorrectedEnergy:
    """Return the energy of each spot, interpolated between vertices and corrected; says where it was cut."""
    profile = dosed.profile
    meant = np.round((dosed.energy_mj[spots.corners] * spots.bary).sum(axis=1), 2)
    top = min(profile.energy_max_mj, most_mj)
    over = meant > top
    if over.any():
        text = f"prescribed energy above the {top:g} mJ that {profile.name} and the site allow: cut to it"
        fix = "choose a profile for deeper work"
        findings.append(Finding(Severity.WARNING, SOURCE, "energy-cut", text, fix, int(over.sum())))
    flat = np.zeros(len(meant))
    if not wanted.correct_energy:
        return energy_correction(profile, meant, flat, flat, most_mj)
    return energy_correction(profile, meant, defocus_m, incidence_rad, most_mj)


def _refusals(
    cause: NDArray[np.str_],
    counts: dict[str, int],
    stations: Stations,
    reachable: Reachable | None,
    wanted: Overrides,
    trimmed_cm2: float,
    dosed: Dosed,
    before: list[Finding],
) -> list[Finding]:
    fixes = {}
    detail = {Cause.OUT_OF_REACH.value: stations.detail}
    if counts[Cause.OUT_OF_REACH.value] and reachable is not None and stations.refused_poses is not None:
        shift = nearest_shift(stations.refused_poses, reachable)
        if shift is None:
            fixes[Cause.OUT_OF_REACH.value] = (
                "no move of the patient up to 0.3 m on the bed helps: turn the patient, or mount the arm"
                " elsewhere"
            )
        else:
            fixes[Cause.OUT_OF_REACH.value] = (
                f"move the patient by ({shift[0] * 1e3:+.0f}, {shift[1] * 1e3:+.0f}) mm in x and y of the"
                " world, capture and plan again"
            )
    if counts[Cause.ENERGY_BELOW.value]:
        profile = dosed.profile
        detail[Cause.ENERGY_BELOW.value] = f"{profile.name} starts at {profile.energy_min_mj:g} mJ"
    found = refusal_findings(counts, detail, fixes)
    if trimmed_cm2 > 0.05:
        text = f"{trimmed_cm2:.2f} cm2 of the region lie within 2 mm of the captured skin's rim: not planned"
        fix = "capture a larger area"
        found.append(Finding(Severity.INFO, SOURCE, "near-edge", text, fix))
    share = float((cause != "").mean())
    if share == 1.0 or (share > MAX_REFUSED_SHARE and not wanted.allow_partial):
        text = f"{share:.0%} of the spots cannot be planned: " + "; ".join(f.text for f in found)
        raise PlanningError(text, [*before, *found])
    return found


def _optics(
    incidence_rad: NDArray[np.float64], defocus_m: NDArray[np.float64], scale_m: float
) -> dict[str, float]:
    degrees = np.rad2deg(incidence_rad)
    return {
        "incidence_deg_median": round(float(np.median(degrees)), 1),
        "incidence_deg_most": round(float(degrees.max()), 1),
        "incidence_scale_mm": round(scale_m * 1e3, 2),
        "defocus_mm_most": round(float(np.abs(defocus_m).max()) * 1e3, 3),
    }


def _energy_limit_mj(facts: PatientFacts) -> float:
    """Return the host envelope's energy limit [mJ] at the site: correction never exceeds it."""
    from openmtz.safety import envelope

    limit = envelope.LIMITS["energy_mj"].value
    return min(limit, envelope.LIMITS["neck_energy_mj"].value) if facts.site == "neck" else limit


def _envelope_version() -> dict[str, Any]:
    from openmtz.safety import envelope

    return {"host_envelope_version": envelope.HOST_ENVELOPE_VERSION}


def _envelope_findings(plan: TreatmentPlan, calibration: FieldCalibration | None) -> list[Finding]:
    """What the host's absolute limits say; imported late, as planning is a library without it."""
    from openmtz.safety import envelope

    return list(envelope.check_plan(plan, calibration))
