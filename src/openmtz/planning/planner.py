"""From captured skin to a plan: region, assessment, prescription, spots, stations, order, checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface
from openmtz.hooks import Assessment, PatientFacts, PluginManager, Prescription, Refused, Region, load_plugins
from openmtz.optics import HandpieceProfile
from openmtz.plan import Finding, Severity, TreatmentPlan
from openmtz.planning import region as skin
from openmtz.planning.assemble import assemble, split_passes
from openmtz.planning.dose import predict_dose
from openmtz.planning.placement import PlacementError, SpotPlacement, place_spots
from openmtz.planning.request import Overrides, parse
from openmtz.planning.stations import CAUSES, FIXES, Reachable, Stations, plan_stations

SOURCE = "planner"
MAX_REFUSED_SHARE = 0.2
NEAREST_M = 100e-6
"""Two spots nearer than this would merge: below any pitch in use (205 um at 1768 per cm2), above the
host envelope's limit."""
PLACEMENT_ATTEMPTS = 8
SEED_STRIDE = 1_000_003
Step = Callable[[str, float], None]


class PlanningError(RuntimeError):
    """No plan. `findings` say why, each with the nearest fix."""

    def __init__(self, text: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(text)
        self.findings = tuple(findings)


@dataclass(frozen=True, eq=False)
class PlanningResult:
    """A plan and what led to it.

    `areas` [cm2]: `surface`, `examined`, `region`, `treated`. Per vertex `(V,)`: `region` bool,
    `density_per_cm2` (all passes), `severity`, `deficit_depth_m`. `refused_m` `(R, 3)` [m] spots not planned,
    `refused_cause` `(R,)`.
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
    rationale: str


def plan_treatment(
    surface: SkinSurface,
    indication: str,
    facts: PatientFacts | dict[str, Any] | None = None,
    seed: int = 0,
    manager: PluginManager | None = None,
    region: Region | None = None,
    reachable: Reachable | None = None,
    overrides: Overrides | dict[str, Any] | None = None,
    *,
    calibration_id: str = "nominal",
    progress: Step | None = None,
) -> PlanningResult:
    """Plan one treatment. The same arguments give the same plan hash.

    Args:
        surface: captured skin, world frame. indication: a name the installed plugins provide.
        facts: about the patient. seed: of the placement. manager: default, all installed plugins.
        region: default, the most affected disc near the middle of the surface.
        reachable: asks the arm about a world pose `(4, 4)` of scan_head; see `stations.Reachable`.
        overrides: see `Overrides`. progress: called with (step, fraction).

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
    area, treat, assessment = _look(surface, indication, stated, manager, region)
    findings += assessment.findings
    step("prescribing", 0.25)
    try:
        prescription = manager.prescribe(surface, treat, indication, stated, assessment)
    except Refused as refusal:
        finding = Finding(Severity.REFUSAL, indication, refusal.code, refusal.reason, refusal.fix)
        raise PlanningError(f"{indication}: {refusal.reason}", [*findings, finding]) from refusal
    findings += prescription.findings
    profile = _profile(manager, prescription, wanted)
    passes = wanted.passes or prescription.passes
    scaled = np.asarray(prescription.density_per_cm2, np.float64) * wanted.density_scale
    density: NDArray[np.float64] = np.round(np.where(treat, scaled, 0.0), 1).astype(np.float64)
    step("placing spots", 0.35)
    positions, owners, bary, treated_cm2 = _place(surface, density, passes, seed, findings)
    normals = skin.smooth_normals(surface.mesh, positions)
    field = prescription.energy_mj if wanted.energy_mj is None else np.full(len(density), wanted.energy_mj)
    energy = _energy(surface, field, density, owners, bary, profile, findings)
    step("choosing stations", 0.6)
    stations = plan_stations(positions, normals, profile, reachable)
    planned = stations.station >= 0
    findings += _refusals(stations, planned, wanted, findings)
    step("ordering", 0.8)
    dose = predict_dose(positions[planned], energy[planned], treated_cm2, profile)
    header = {
        "format_version": 1,
        "surface_id": surface.surface_id,
        "indication": indication,
        "profile": profile.to_header(),
        "seed": int(seed),
        "density_definition": prescription.definition,
        "area_cm2": round(treated_cm2, 4),
        "plugin_versions": manager.versions,
        "calibration_id": calibration_id,
        "facts": stated.model_dump(mode="json"),
        "site": stated.site,
        "passes": passes,
        "overrides": wanted.model_dump(mode="json"),
        "rationale": prescription.rationale,
        "dose": {key: float(f"{value:.4g}") for key, value in asdict(dose).items()},
        "refused": {cause: int((stations.cause[~planned] == cause).sum()) for cause in CAUSES},
        **_envelope_version(),
    }
    kept = Stations(stations.poses, stations.station[planned], stations.cause[planned])
    plan = assemble(
        header, positions[planned], normals[planned], energy[planned],
        split_passes(positions[planned], passes), kept, profile,
    )  # fmt: skip
    step("checking", 0.95)
    findings += manager.check_plan(plan, stated)
    findings += _envelope_findings(plan)
    stop = [f for f in findings if f.severity == Severity.REFUSAL and f.code not in CAUSES]
    if stop:
        raise PlanningError("; ".join(f"{f.source}: {f.text}" for f in stop), findings)
    step("done", 1.0)
    vertex_cm2 = surface.mesh.vertex_areas() * 1e4
    return PlanningResult(
        plan=plan,
        findings=tuple(findings),
        areas={
            "surface": surface.area_cm2,
            "examined": float(vertex_cm2[area].sum()),
            "region": float(vertex_cm2[treat].sum()),
            "treated": treated_cm2,
        },
        region=treat,
        density_per_cm2=density * passes,
        severity=assessment.severity,
        deficit_depth_m=assessment.deficit_depth_m,
        refused_m=positions[~planned],
        refused_cause=stations.cause[~planned],
        rationale=prescription.rationale,
    )


def _look(
    surface: SkinSurface, indication: str, facts: PatientFacts, manager: PluginManager, region: Region | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Assessment]:
    """Return the vertices examined and to treat `(V,)` bool, and the assessment."""
    try:
        if region is None:
            center = skin.middle(surface)
            area = skin.disc(surface, Region(tuple(center), skin.EXAMINED_RADIUS_M), keep_edge=True)
        else:
            wide = Region(region.center_m, min(region.radius_m + skin.EXAMINED_MARGIN_M, 0.25))
            area = skin.disc(surface, wide, keep_edge=True)
        assessment = manager.assess(surface, area, indication, facts)
        if region is None:
            near = np.linalg.norm(surface.mesh.vertices - center, axis=1) < (
                skin.EXAMINED_RADIUS_M - skin.DEFAULT_RADIUS_M
            )
            chosen = skin.most_affected(surface, area & near, assessment.severity, skin.DEFAULT_RADIUS_M)
            region = Region(tuple(chosen), skin.DEFAULT_RADIUS_M)
        return area, skin.disc(surface, region), assessment
    except skin.RegionError as error:
        fix = "give a region on the captured skin, or capture again"
        raise PlanningError(
            str(error), [Finding(Severity.REFUSAL, SOURCE, "no-skin-in-region", str(error), fix)]
        ) from error


def _profile(manager: PluginManager, prescription: Prescription, wanted: Overrides) -> HandpieceProfile:
    name = wanted.profile or prescription.profile
    if name not in manager.profiles:
        text = f"unknown handpiece profile {name!r}; available: {', '.join(manager.profiles)}"
        raise PlanningError(text, [Finding(Severity.REFUSAL, SOURCE, "unknown-profile", text)])
    return manager.profiles[name]


def _place(
    surface: SkinSurface, density: NDArray[np.float64], passes: int, seed: int, findings: list[Finding]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], float]:
    """Return positions `(N, 3)` [m], corner vertices `(N, 3)`, barycentric `(N, 3)`, treated cm2."""
    mesh = surface.mesh
    # only whole triangles: density never bleeds over the border of what is to be treated
    inside = np.asarray(density[mesh.faces].min(axis=1) > 0.0, np.bool_)
    if not inside.any():
        text = "nothing to treat: the prescribed density is zero in the whole region"
        fix = "choose a region with findings, or another indication"
        raise PlanningError(
            text, [*findings, Finding(Severity.REFUSAL, SOURCE, "nothing-to-treat", text, fix)]
        )
    part, old = mesh.submesh(inside)
    try:
        spots = _place_apart(part.vertices, part.faces, density[old] * passes, seed)
    except PlacementError as error:
        finding = Finding(Severity.REFUSAL, SOURCE, "placement-failed", str(error))
        raise PlanningError(str(error), [*findings, finding]) from error
    owners = old[part.faces[spots.face_index]]
    return spots.positions, owners, spots.barycentric, float(part.face_areas().sum() * 1e4)


def _place_apart(
    vertices: NDArray[np.float64], faces: NDArray[np.int32], density: NDArray[np.float64], seed: int
) -> SpotPlacement:
    """Place, and place anew from a derived seed where two spots share a fold: merging zones are refused.

    On the steep wall of a scar two sheets lie so near that a pair can end up closer in space than it is
    along the skin. Few seeds have one; the choice depends on nothing but the seed.
    """
    for attempt in range(PLACEMENT_ATTEMPTS):
        spots = place_spots(vertices, faces, density, seed=seed + attempt * SEED_STRIDE)
        if not len(cKDTree(spots.positions).query_pairs(NEAREST_M, output_type="ndarray")):
            break
    return spots


def _energy(
    surface: SkinSurface,
    field: NDArray[np.float64],
    density: NDArray[np.float64],
    owners: NDArray[np.int64],
    bary: NDArray[np.float64],
    profile: HandpieceProfile,
    findings: list[Finding],
) -> NDArray[np.float64]:
    """Return `(N,)` [mJ], interpolated, within the profile's limits; says so where it had to cut."""
    energy = np.round((field[owners] * bary).sum(axis=1), 2)
    over, under = energy > profile.energy_max_mj, energy < profile.energy_min_mj
    if over.any():
        text = f"prescribed energy above the {profile.energy_max_mj:g} mJ of {profile.name}: cut to it"
        fix = "choose a profile for deeper work"
        findings.append(Finding(Severity.WARNING, SOURCE, "energy-cut", text, fix, int(over.sum())))
    if under.any():
        text = (
            f"{int(under.sum())} spots need less than the {profile.energy_min_mj:g} mJ of {profile.name}:"
            f" least {energy.min():g} mJ"
        )
        finding = Finding(
            Severity.REFUSAL,
            SOURCE,
            "energy-below-profile",
            text,
            "choose another profile or more energy",
            int(under.sum()),
        )
        raise PlanningError(text, [*findings, finding])
    return np.minimum(energy, profile.energy_max_mj)


def _refusals(
    stations: Stations, planned: NDArray[np.bool_], wanted: Overrides, before: list[Finding]
) -> list[Finding]:
    found = []
    for cause, text in CAUSES.items():
        count = int((stations.cause[~planned] == cause).sum())
        if count:
            detail = f"{count} spots not planned: {text}" + (
                f" ({stations.detail})" if stations.detail else ""
            )
            found.append(Finding(Severity.REFUSAL, SOURCE, cause, detail, FIXES[cause], count))
    share = float((~planned).mean())
    if share == 1.0 or (share > MAX_REFUSED_SHARE and not wanted.allow_partial):
        text = f"{share:.0%} of the spots cannot be planned: " + "; ".join(f.text for f in found)
        raise PlanningError(text, [*before, *found])
    return found


def _envelope_version() -> dict[str, Any]:
    from openmtz.safety import envelope

    return {"host_envelope_version": envelope.HOST_ENVELOPE_VERSION}


def _envelope_findings(plan: TreatmentPlan) -> list[Finding]:
    """What the host's absolute limits say; imported late, as planning is a library without it."""
    from openmtz.safety import envelope

    return list(envelope.check_plan(plan))
