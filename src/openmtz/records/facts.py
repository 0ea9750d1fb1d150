"""The run in numbers and sentences: what the report says besides its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from openmtz.limits import needs_word
from openmtz.plan import Finding, Severity
from openmtz.records.delivery import SpotStatus
from openmtz.records.run_data import RunData
from openmtz.records.verification import Verification


@dataclass(frozen=True)
class Verdict:
    """`level`: good, warn or bad. `title`: the result in a few words. `text`: why."""

    level: str
    title: str
    text: str


@dataclass(frozen=True)
class Tile:
    value: str
    unit: str
    label: str
    level: str = ""


def verdict(data: RunData) -> Verdict:
    """Return the result of the run as a person would put it."""
    check = data.verification
    if data.ok and check is not None:
        return _good(data, check)
    done = ""
    if check is not None and check.spots_planned:
        done = f" {_n(check.delivered)} of {_n(check.spots_planned)} planned spots had been delivered."
    elif check is None and data.plan is not None:
        done = " No spot's delivery was verified."
    elif data.plan is None:
        done = " There was no plan yet, so nothing could be fired."
    reason = _sentence(data.reason or "No reason was recorded.")
    if data.outcome == "stopped":
        return Verdict("warn", "Stopped", reason + done)
    if check is not None and check.unverified and not check.missing:
        found = next(f.text for f in check.findings if f.code == "evidence-missing")
        return Verdict("bad", "Evidence missing", f"{found}{done}")
    if data.outcome != "done":
        return Verdict("bad", "Failed", reason + done)
    worst = "; ".join(
        f.text.rstrip(".") for f in (check.findings if check else ()) if f.severity == Severity.REFUSAL
    )
    return Verdict(
        "bad", "Not as planned", (worst + "." if worst else data.reason or "Nothing was verified.") + done
    )


def _good(data: RunData, check: Verification) -> Verdict:
    """Delivered as planned: also say what the plan itself left out, and on whose word."""
    judged = "" if check.by_truth else " The device's own report says so; positions were not verified."
    text = (
        f"Every one of the {_n(check.spots_planned)} planned spots was delivered once,"
        f" and nothing outside the plan.{judged}"
    )
    untreated = data.plan.header.get("untreated") if data.plan is not None else None
    untreated = untreated if isinstance(untreated, dict) else {}
    if left := _number(untreated.get("region_cm2")):
        share = _number(untreated.get("region_share"))
        text += (
            f" The plan leaves {left:.2f} cm² of the region ({share:.1%}) without spots: see the findings."
        )
    if needs_word(untreated):
        return Verdict(
            "warn", "Delivered as planned, part of it left out", text + " The operator allowed it."
        )
    return Verdict("good", "Delivered as planned", text)


def limits_in_words(check: Verification | None) -> str:
    """Return what the dashes of the distributions mean, and how tilt and focus are judged."""
    text = "Red dashes: limits. Dark line: median. Every shot is shown."
    if check is None or not check.met:
        return text
    tilt, focus = check.met
    judged = "; ".join(
        f"{rule.beyond / max(rule.known, 1):.1%} {name} (at most {rule.worst:.2g}{rule.unit}), up to"
        f" {rule.share:.0%} may: {'within the rule' if rule.ok else 'rule broken'}"
        for name, rule in (("beyond the tilt", tilt), ("out of focus", focus))
    )
    return (
        f"{text} Miss and energy are judged shot by shot. So are tilt and focus in the plan, on the skin as"
        " captured over about a millimetre; the true skin is steeper and deeper in narrow scars, so here"
        f" their share is judged. {judged}."
    )


def tiles(data: RunData) -> list[Tile]:
    """Return the figures that matter most, in the order in which one asks for them."""
    found: list[Tile] = []
    check, plan = data.verification, data.plan
    if check is not None:
        level = "good" if check.delivered == check.spots_planned and check.spots_planned else "bad"
        found.append(Tile(_n(check.delivered), f"/ {_n(check.spots_planned)}", "spots delivered", level))
        found.append(Tile(_n(check.repeated), "", "fired again", "good" if not check.repeated else "bad"))
        found.append(
            Tile(_n(check.outside_plan), "", "outside plan", "good" if not check.outside_plan else "bad")
        )
        if np.isfinite(check.miss_percentile_m(50)):
            found.append(Tile(_mm(check.miss_percentile_m(50)), "mm", "median miss"))
    elif plan is not None:
        found.append(Tile(_n(len(plan)), "", "spots planned"))
    if plan is not None:
        area = _number(plan.header.get("area_cm2"))
        if area:
            found.append(Tile(f"{area:.2f}", "cm²", "skin treated" if check is not None else "skin to treat"))
            found.append(Tile(f"{len(plan) / area:.0f}", "/cm²", "mean density"))
    elif data.surface is not None:
        found.append(Tile(f"{data.surface.area_cm2:.0f}", "cm²", "skin captured"))
    length = max((e.t for e in data.timeline if np.isfinite(e.t)), default=0.0)
    if length:
        found.append(Tile(f"{length:.0f}", "s", "start to end"))
    laser = laser_seconds(data)
    if laser:
        found.append(Tile(f"{laser:.1f}", "s", "laser firing"))
    return found


def story(data: RunData) -> str:
    """Return the run in three or four plain sentences."""
    said: list[str] = []
    plan, check = data.plan, data.verification
    if data.surface is not None:
        frames = data.capture.get("frames_fused")
        source = f" of the {data.patient}" if data.patient else ""
        fused = f" from {frames} depth frames" if frames else ""
        said.append(f"{data.surface.area_cm2:.0f} cm² of skin{source} were captured{fused}.")
    if plan is not None and len(plan):
        stations = len(np.unique(plan.station))
        passes = int(plan.pass_index.max()) + 1
        area = _number(plan.header.get("area_cm2"))
        where = f" on {area:.2f} cm²" if area else ""
        said.append(
            f"The plan places {_n(len(plan))} micro-thermal zones{where}, in {passes}"
            f" pass{'es' if passes > 1 else ''} from {stations} station{'s' if stations > 1 else ''}, with"
            f" {_span(plan.energy_uj / 1e3, 'mJ')} each, reaching {_span(plan.depth_um, 'µm')} deep"
            " by the handpiece's depth curve."
        )
    if check is not None and check.by_truth and np.isfinite(check.miss_percentile_m(50)):
        half, most, all_of_them = (_mm(check.miss_percentile_m(q)) for q in (50, 95, 100))
        said.append(
            f"Half of the spots landed within {half} mm of their planned place, 95\u202f% within {most} mm;"
            f" the farthest was {all_of_them} mm off (limit {_mm(check.tolerance_m)} mm)."
        )
    return " ".join(said)


def key_figures(data: RunData) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return titled tables of (name, value)."""
    tables: list[tuple[str, list[tuple[str, str]]]] = []
    plan, check = data.plan, data.verification
    rows: list[tuple[str, str]] = [("Indication", data.indication.replace("_", " "))]
    if data.patient:
        rows.append(("Patient", data.patient))
    if plan is not None and len(plan):
        profile = plan.header.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        area = _number(plan.header.get("area_cm2"))
        joules = float(plan.energy_uj.sum()) / 1e6
        rows += [("Handpiece", str(profile.get("name", "unknown")).replace("_", " "))]
        if area:
            rows += [("Area", f"{area:.2f} cm²"), ("Density", f"{len(plan) / area:.0f} spots/cm²")]
            spot_cm = _number(profile.get("spot_um")) * 1e-4
            if spot_cm:
                covered = 100 * len(plan) / area * np.pi * spot_cm**2 / 4
                rows.append(("Nominal coverage", f"{covered:.1f} % (by beam area)"))
        rows += [
            ("Energy per spot", _span(plan.energy_uj / 1e3, "mJ")),
            ("Pulse", _span(plan.pulse_us, "µs")),
            ("Predicted depth", _span(plan.depth_um, "µm")),
            ("Energy in total", f"{joules:.1f} J" + (f", {joules / area:.1f} J/cm²" if area else "")),
        ]
    tables.append(("Treatment", rows))
    if check is not None:
        rows = [
            ("Planned", _n(check.spots_planned)),
            ("Delivered as planned", _n(check.delivered)),
            ("Missing", _n(check.missing)),
            ("Without evidence", _n(check.unverified)),
            ("Misplaced", _n(check.misplaced) if check.by_truth else "not measured"),
            ("Energy off by over 20\u202f%", _n(check.off_energy)),
            ("Fired twice or more", _n(check.repeated)),
            ("Outside the plan", _n(check.outside_plan)),
            ("Judged by", "ground truth" if check.by_truth else "the device's report"),
        ]
        rows += [(f"Fired, by {who}", _n(count)) for who, count in check.evidence.counts]
        if np.isfinite(check.miss_percentile_m(50)):
            p = [_mm(check.miss_percentile_m(q)) for q in (50, 95, 100)]
            rows.append(("Miss: median, 95\u202f%, worst", f"{p[0]}, {p[1]}, {p[2]} mm"))
        laser = laser_seconds(data)
        if laser:
            rows.append(("Spots per second of firing", f"{check.emissions_total / laser:.0f}"))
        tables.append(("Delivery", rows))
    if data.capture:
        names = {
            "frames_received": "Frames received",
            "frames_fused": "Frames fused",
            "frames_rejected": "Frames not used",
            "rejections": "Why not",
            "area_cm2": "Area captured",
            "depth_noise_mm": "Residual of the frames",
            "duration_s": "Duration",
        }
        units = {"area_cm2": " cm²", "depth_noise_mm": " mm", "duration_s": " s"}
        rows = []
        for key, value in data.capture.items():
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else _text(value)
            if text:
                rows.append((names.get(key, key.replace("_", " ")), text + units.get(key, "")))
        tables.append(("Capture", rows))
    return [(title, rows) for title, rows in tables if rows]


def station_rows(data: RunData) -> list[dict[str, str]]:
    """Return one row per station of the plan, for a table."""
    plan, check = data.plan, data.verification
    if plan is None or len(plan) == 0:
        return []
    rows = []
    for station in np.unique(plan.station):
        mask = plan.station == station
        row = {
            "station": str(int(station)),
            "planned": _n(int(mask.sum())),
            "energy": _span(plan.energy_uj[mask] / 1e3, "mJ"),
            "delivered": "",
            "miss": "",
            "tilt": "",
        }
        if check is not None:
            row["delivered"] = _n(int((check.status[mask] == SpotStatus.DELIVERED).sum()))
            miss, tilt = check.miss_m[mask], check.incidence_rad[mask]
            if np.isfinite(miss).any():
                row["miss"] = f"{_mm(float(np.nanmedian(miss)))} / {_mm(float(np.nanmax(miss)))} mm"
            if np.isfinite(tilt).any():
                row["tilt"] = f"{np.rad2deg(np.nanmax(tilt)):.0f}°"
        rows.append(row)
    return rows


def all_findings(data: RunData) -> list[Finding]:
    """Return findings of plan and verification, the gravest first."""
    found = [*data.findings, *(data.verification.findings if data.verification else ())]
    return sorted(found, key=lambda f: -int(f.severity))


def laser_seconds(data: RunData) -> float:
    """Return the time [s] during which spots followed each other by less than 0.1 s."""
    times = data.shot_times_s
    if times is None and data.truth is not None:
        times = data.truth.time_s
    if times is None or np.size(times) < 2:
        return 0.0
    gaps = np.diff(np.sort(np.asarray(times, float)))
    return float(gaps[gaps < 0.1].sum())


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else 0.0


def _n(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def _mm(value_m: float) -> str:
    """Return millimetres with two digits that mean something: 0.31, but 0.004 for a few micrometres."""
    value = value_m * 1e3
    return f"{value:.2f}" if not 0.0 < abs(value) < 0.1 else f"{value:.3f}"


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _span(values: np.ndarray, unit: str) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    if f"{low:.3g}" == f"{high:.3g}":
        return f"{low:.3g} {unit}"
    return f"{low:.3g} to {high:.3g} {unit}"
