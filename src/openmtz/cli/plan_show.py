"""`plan show` and `plan diff`: a table and pictures of a plan folder, and what two of them differ in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from openmtz import records
from openmtz.cli.errors import UserError
from openmtz.geometry import SkinSurface
from openmtz.plan import Finding, PlanError, Severity, TreatmentPlan, compare_plans, load_plan
from openmtz.planning import FieldsFileError, load_fields
from openmtz.planning.skin import SURFACE_FILE, SurfaceFileError, load_surface

MOST_LINES = 40


def show_plan(folder: Path, pictures: bool) -> None:
    """Print a plan's table and draw its pictures. Raises UserError: not a plan folder, or damaged."""
    print_plan(folder)
    if pictures:
        names = draw_pictures(folder)
        Console().print("pictures: " + ", ".join(names), highlight=False)


def print_plan(folder: Path) -> None:
    """Print what a plan is, in a short table, and its findings."""
    plan, findings = _load(folder)
    header = plan.header
    table = Table(title=f"plan {plan.sha256[:12]}  {header.get('indication', '')}", title_justify="left")
    table.add_column("what", style="dim")
    table.add_column("how much")
    for what, text in _rows(plan):
        table.add_row(what, escape(text))
    console = Console()
    console.print(table)
    colours = {Severity.INFO: "dim", Severity.WARNING: "yellow", Severity.REFUSAL: "red"}
    for finding in findings:
        fix = f": {finding.fix}" if finding.fix else ""
        line = f"[{colours[finding.severity]}]{finding.severity.name.lower()}[/] {escape(finding.text + fix)}"
        console.print(line, highlight=False, soft_wrap=True)


def _rows(plan: TreatmentPlan) -> list[tuple[str, str]]:
    header, energy = plan.header, plan.energy_uj / 1e3
    dose: dict[str, Any] = header.get("dose") or {}
    optics: dict[str, Any] = header.get("optics") or {}
    groups = plan.groups()
    firing = sum(int(plan.not_before_us[g.end - 1]) for g in groups) * 1e-6
    rows = [
        ("spots", f"{len(plan)} in {len(plan.station_pose)} stations, {header.get('passes', 1)} passes"),
        ("skin", f"{header.get('area_cm2', 0):.2f} cm2, {header.get('site') or 'site not stated'}"),
        ("profile", str((header.get("profile") or {}).get("name", "unknown"))),
        ("energy", f"{energy.min():.1f} to {energy.max():.1f} mJ, depth {plan.depth_um.min()} to"
                   f" {plan.depth_um.max()} um"),
        ("firing time", f"{firing:.1f} s, and {sum(g.wait_s for g in groups):.0f} s of waits for the skin to"
                        " cool; motion between stations not counted, it passes waits too"),
    ]  # fmt: skip
    if dose:
        rows.append(("dose", ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in dose.items())))
    if optics:
        rows.append(("optics", ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in optics.items())))
    order = header.get("firing_order") or {}
    if order:
        compared = ", ".join(f"{c['name']} {c['omega_relative']:g}" for c in order.get("compared", []))
        rows.append(("order", f"{order.get('name')}; Omega relative: {compared or 'not compared'}"))
    refused = {k: v for k, v in (header.get("refused") or {}).items() if v}
    rows.append(("refused", ", ".join(f"{k} {v}" for k, v in refused.items()) or "none"))
    if untreated := header.get("untreated"):
        rows.append(("without spots", without_spots(untreated)))
    rows.append(
        ("calibration", f"{header.get('calibration_id')}, envelope {header.get('host_envelope_version')}")
    )
    return rows


def without_spots(untreated: dict[str, Any]) -> str:
    """Say how much of the region and of its lesions gets no spots, by the header's `untreated`."""
    if not untreated.get("region_cm2") and not untreated.get("lesion_cm2"):
        return "nothing of the region"
    region_cm2, region, lesion_cm2, lesions, deepest = (
        untreated.get(key, 0.0)
        for key in ("region_cm2", "region_share", "lesion_cm2", "lesion_share", "deepest_mm")
    )
    text = (
        f"{region_cm2:.2f} cm2 of the region ({region:.1%}), {lesion_cm2:.2f} cm2 of lesions ({lesions:.1%})"
    )
    return text + (f", up to {deepest:.2f} mm deep" if deepest else "")


def draw_pictures(folder: Path) -> list[str]:
    """Draw a plan's pictures into its folder; return the file names. Raises UserError."""
    plan, _ = _load(folder)
    if len(plan) == 0:
        return []
    surface, fields = _surface(folder), _fields(folder)
    drawn = records.draw_plan(
        plan, surface, fields.get("density_per_cm2"), fields.get("refused_m"), fields.get("refused_cause"),
        fields.get("no_fire_m"), fields.get("untreated_cause"),
    )  # fmt: skip
    names = []
    for name, picture in drawn.items():
        try:
            (folder / f"{name}.png").write_bytes(picture.data)
        except OSError as error:
            raise UserError(f"{folder}: {error}") from error
        names.append(f"{name}.png")
    return names


def diff_plans(a: Path, b: Path) -> bool:
    """Print what differs between two plans; return True where nothing does. Raises UserError."""
    one, two = _load(a)[0], _load(b)[0]
    found = compare_plans(one, two)
    console = Console()
    console.print(
        f"a {one.sha256[:12]} {escape(str(a))}\nb {two.sha256[:12]} {escape(str(b))}", highlight=False
    )
    if found.nothing:
        console.print("the same plan" if one.sha256 == two.sha256 else "the same spots; only stations differ")
        return one.sha256 == two.sha256
    table = Table("header", "a", "b")
    for key, left, right in found.header[:MOST_LINES]:
        table.add_row(escape(key), escape(_short(left)), escape(_short(right)))
    if found.header:
        console.print(table)
    if len(found.header) > MOST_LINES:
        console.print(f"and {len(found.header) - MOST_LINES} more fields", highlight=False)
    spots = Table("spots", "count")
    spots.add_row("same", str(found.same))
    spots.add_row("same place, other energy, pulse, depth or pass", str(found.changed))
    spots.add_row(
        f"moved (median {found.moved_um[0]:.0f}, most {found.moved_um[1]:.0f} um)", str(found.moved)
    )
    spots.add_row("only in a", str(found.removed))
    spots.add_row("only in b", str(found.added))
    console.print(spots)
    order = "the same order" if found.order_same else "another order"
    before, after = (value / 1e3 for value in found.energy_mj)
    console.print(
        f"energy in all: {before:.2f} J and {after:.2f} J; what both share is fired in {order}",
        highlight=False,
    )
    return False


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _load(folder: Path) -> tuple[TreatmentPlan, list[Finding]]:
    try:
        return load_plan(folder)
    except PlanError as error:
        raise UserError(str(error)) from error


def _surface(folder: Path) -> SkinSurface | None:
    if not (folder / SURFACE_FILE).exists():
        return None
    try:
        return load_surface(folder / SURFACE_FILE)
    except (SurfaceFileError, OSError) as error:
        raise UserError(f"{folder}: {error}") from error


def _fields(folder: Path) -> dict[str, Any]:
    try:
        return load_fields(folder)
    except FieldsFileError as error:
        raise UserError(str(error)) from error
