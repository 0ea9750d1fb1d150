"""The report: one HTML file with everything in it, for a person, on a screen, a phone or paper.

No script, no font, no picture from elsewhere. It is written for failed runs too, with what there is;
a picture that cannot be drawn leaves a note in its place and never costs the report.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from openmtz.plan import Severity
from openmtz.records import charts, facts, maps
from openmtz.records.lanes import build_timeline
from openmtz.records.patient_rows import patient_rows, rationale_rows
from openmtz.records.run_data import RunData
from openmtz.records.style import STATION_COLORS, Picture

NOTICE = (
    "OpenMTZ is a research tool, not a medical device. Nothing here is a treatment recommendation,"
    " and nothing here may be used to treat a person."
)


@dataclass(frozen=True)
class Figure:
    """A picture with its words; `picture` is None and `note` says why where it could not be drawn."""

    title: str
    caption: str
    picture: Picture | None
    note: str = ""
    wide: bool = False

    @property
    def uri(self) -> str:
        if self.picture is None:
            return ""
        return f"data:{self.picture.media_type};base64,{base64.b64encode(self.picture.data).decode()}"


def write_report(out_dir: str | os.PathLike[str], data: RunData) -> Path:
    """Write `out_dir/report.html` and return its path.

    Raises:
        OSError: the file cannot be written. Nothing in `data` raises: what is missing or wrong is
            left out, with a note.
    """
    path = Path(out_dir) / "report.html"
    partial = path.with_name(f".report.html.{os.getpid()}")
    try:
        partial.write_text(render_report(data), encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def render_report(data: RunData) -> str:
    """Return the report's HTML."""
    folder = resources.files("openmtz.records") / "templates"
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    style = (folder / "report.css").read_text(encoding="utf-8")
    plan = data.plan
    return template.render(
        css=Markup(style),
        notice=NOTICE,
        data=data,
        when=_when(data.started_utc),
        simulated=data.simulated or data.truth is not None,
        verdict=facts.verdict(data),
        tiles=facts.tiles(data),
        story=facts.story(data),
        tables=facts.key_figures(data),
        figures=_figures(data),
        patient_rows=patient_rows(data),
        rationale=rationale_rows(data),
        stations=facts.station_rows(data),
        station_colors=STATION_COLORS,
        timeline=build_timeline(data),
        findings=facts.all_findings(data),
        severities={Severity.INFO: "info", Severity.WARNING: "warning", Severity.REFUSAL: "refusal"},
        plan_sha256=plan.sha256 if plan is not None else "",
        environment=_environment(data),
    )


def _figures(data: RunData) -> list[Figure]:
    """Draw what the data allow, each picture on its own so that one failure costs one picture."""
    drawn: list[Figure] = []

    def add(title: str, caption: str, draw: Callable[[], Picture], wide: bool = False) -> None:
        try:
            drawn.append(Figure(title, caption, draw(), wide=wide))
        except Exception as error:  # whatever it is, the rest of the report is worth more
            note = f"This picture could not be drawn: {type(error).__name__}: {error}"
            drawn.append(Figure(title, caption, None, note, wide))

    plan, check = data.plan, data.verification
    scene: maps.Scene | None = None
    if data.surface is not None:
        try:
            scene = maps.Scene(data.surface, plan.positions_m if plan is not None else None)
        except Exception as error:
            note = f"The surface could not be drawn: {type(error).__name__}: {error}"
            drawn.append(Figure("Captured skin", "", None, note))
    has_spots = plan is not None and len(plan) > 0
    if scene is not None:
        ready = scene
        painted = data.severity is not None
        add(
            "Captured skin",
            "Relief of the fused surface."
            + (" Colour: severity found by the indication." if painted else "")
            + (" The line encloses the treated region." if has_spots else ""),
            lambda: maps.draw_surface(ready, data),
        )
        if has_spots:
            add(
                "Density on the skin",
                "Planned spots per cm² of the curved surface (within about 1 mm), not of its projection.",
                lambda: maps.draw_density(ready, data),
            )
            fired = check is not None and bool((check.emissions > 0).any())
            caption = "Every spot to scale. Colours and numbers: stations, fired in the order of the numbers."
            if fired and check is not None and check.missing:
                caption += " Red rings: planned, not delivered."
            if check is not None and check.misplaced:
                caption += " Red lines: from the planned place to the hit."
            title = "Planned and delivered spots" if fired else "Planned spots"
            add(title, caption, lambda: maps.draw_spots(ready, data))
    if has_spots and check is not None and check.emissions.any():
        if check.by_truth:
            add(
                "Where the shots landed",
                "Each dot is a shot, seen relative to its planned place in the plane of the skin [mm]."
                " Colours as above.",
                lambda: charts.draw_aim(data),
            )
        add(
            "Delivery against its limits",
            facts.limits_in_words(check),
            lambda: charts.draw_deliveries(data),
        )
    if has_spots:
        add(
            "Energy and depth",
            "As planned. The depth is predicted by the depth curve of the handpiece.",
            lambda: charts.draw_prescription(data),
        )
    return drawn


def _environment(data: RunData) -> Mapping[str, str]:
    rows = {"Seed": str(data.seed)}
    if data.plan is not None:
        header = data.plan.header
        rows["Plan (SHA-256)"] = data.plan.sha256
        if data.surface is not None or header.get("surface_id"):
            rows["Surface"] = str(header.get("surface_id", ""))
        for key in ("host_envelope_version", "calibration_id"):
            if key in header:
                rows[key.replace("_", " ").capitalize()] = str(header[key])
        plugins = header.get("plugin_versions")
        if isinstance(plugins, dict):
            rows["Plugins"] = ", ".join(f"{k} {v}" for k, v in sorted(plugins.items()))
    elif data.surface is not None:
        rows["Surface"] = data.surface.surface_id
    return {**rows, **{str(k): str(v) for k, v in data.environment.items()}}


def _when(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
