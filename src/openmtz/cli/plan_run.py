"""What `plan` does: read, plan with progress, write, show."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from openmtz import files, robot
from openmtz.cli.errors import UserError
from openmtz.cli.plan_show import draw_pictures, print_plan
from openmtz.cli.plan_surface import Placed, read_surface, refined
from openmtz.geometry import SkinSurface, apply_pose
from openmtz.hooks import PluginError, UnknownIndication
from openmtz.optics import CalibrationError, FieldCalibration
from openmtz.plan import PlanError, save_plan
from openmtz.planning import (
    PlanningError,
    PlanningResult,
    PlanningSetup,
    PlanRequest,
    RequestError,
    as_model,
    plan_treatment,
    save_fields,
)
from openmtz.planning.skin import SURFACE_FILE, region as skin, save_surface
from openmtz.planning.stations import Reachable

MOST_JSON_MB = 10.0
"""Of a request or a drawn polygon [MB]."""


@dataclass(frozen=True)
class PlanOrder:
    """What the command line asked for; `disc`, `polygon` in the file's metres, `outward` in its axes."""

    surface: Path
    scale: float
    in_world: bool
    indication: str
    out: Path
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    disc: tuple[float, ...] | None = None
    polygon: Path | None = None
    whole: bool = False
    outward: str | None = None
    request: Path | None = None
    calibration: Path | None = None
    reach: bool = True
    pictures: bool = True


def run_plan(order: PlanOrder) -> None:
    """Plan and write the folder; prints a table.

    Raises:
        UserError: whatever the user can mend, in one line.
    """
    console = Console(stderr=True)
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        raise UserError(f"--out {order.out} exists and is not an empty folder; plans are never overwritten")
    stated = _read_json(order.request, "--request") if order.request else {}
    drawn = _read_json(order.polygon, "--polygon") if order.polygon else None
    calibration = _calibration(order.calibration)
    started = time.monotonic()

    def say(step: str, _fraction: float = 0.0) -> None:
        console.print(f"  {time.monotonic() - started:5.1f} s  {step}", highlight=False)

    say("reading the surface")
    middle = _middle(order, drawn)
    placed = read_surface(order.surface, order.scale, middle, order.in_world, order.outward)
    request = _request(order, stated, drawn, placed)
    surface = _refine(placed.surface, request)
    try:
        setup = PlanningSetup(
            _arm(surface) if order.reach else None, calibration, progress=say, known=placed.findings
        )
        result = plan_treatment(
            surface, order.indication, request.facts, order.seed, None, request.as_region(),
            request.overrides, setup,
        )  # fmt: skip
    except PlanningError as error:
        for finding in error.findings:
            if finding.fix:
                console.print(f"  {finding.code}: {finding.fix}", highlight=False, soft_wrap=True)
        raise UserError(str(error)) from error
    except (RequestError, UnknownIndication, PluginError) as error:
        raise UserError(str(error)) from error
    try:
        write_folder(result, surface, order.out)
    except (OSError, PlanError) as error:
        raise UserError(f"--out {order.out}: {error}") from error
    if order.pictures:
        say("drawing")
        draw_pictures(order.out)
    print_plan(order.out)


def write_folder(result: PlanningResult, surface: SkinSurface, folder: Path) -> None:
    """Write plan, fields and surface. Raises OSError, PlanError."""
    save_plan(result.plan, result.findings, folder)
    save_surface(surface, folder / SURFACE_FILE)
    save_fields(result, folder)


def _read_json(path: Path, option: str) -> Any:
    try:
        return json.loads(files.read_text(path, MOST_JSON_MB))
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror or error}") from error
    except files.UnsafeFileError as error:
        raise UserError(f"{option}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{option} {path} is no JSON: {error}") from error


def _calibration(path: Path | None) -> FieldCalibration | None:
    if path is None:
        return None
    try:
        return FieldCalibration.load(path)
    except (CalibrationError, OSError) as error:
        raise UserError(f"--calibration: {error}") from error


def _middle(order: PlanOrder, drawn: Any) -> NDArray[np.float64] | None:
    if order.disc is not None:
        return np.array(order.disc[:3])
    if drawn is None:
        return None
    try:
        corners = np.asarray(drawn, np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"--polygon {order.polygon}: {error}") from error
    if corners.ndim != 2 or corners.shape[1:] != (3,) or not np.isfinite(corners).all():
        raise UserError(
            f"--polygon {order.polygon}: needs [[x, y, z], ...] in metres, got shape {corners.shape}"
        )
    return np.asarray(corners.mean(axis=0), np.float64)


def _request(order: PlanOrder, stated: Any, drawn: Any, placed: Placed) -> PlanRequest:
    """Return the request with the command line's options over the file's."""
    if not isinstance(stated, dict):
        raise UserError(f"--request {order.request}: needs a JSON object with facts, region, overrides")
    values = dict(stated)
    for part, more in (("facts", order.facts), ("overrides", order.overrides)):
        known = values.get(part) or {}
        if not isinstance(known, dict):
            raise UserError(f"--request {order.request}: {part} must be an object")
        values[part] = {**known, **more}
    if order.disc is not None:
        center = apply_pose(placed.world_T_file, np.array(order.disc[:3]))
        values["region"] = {"center_m": center.tolist(), "radius_m": order.disc[3]}
    elif drawn is not None:
        values["region"] = {"polygon_m": apply_pose(placed.world_T_file, np.asarray(drawn)).tolist()}
    elif order.whole:
        values["region"] = {"whole": True}
    try:
        request: PlanRequest = as_model(PlanRequest, values, "the request")
    except RequestError as error:
        raise UserError(str(error)) from error
    return request


def _refine(surface: SkinSurface, request: PlanRequest) -> SkinSurface:
    wanted = request.region
    if wanted is None:
        return refined(surface, skin.middle(surface), skin.EXAMINED_RADIUS_M)
    if wanted.center_m is not None:
        return refined(surface, np.array(wanted.center_m), wanted.radius_m)
    points = surface.mesh.vertices if wanted.polygon_m is None else np.asarray(wanted.polygon_m)
    center = points.mean(axis=0)
    return refined(surface, center, float(np.linalg.norm(points - center, axis=1).max()))


def _arm(surface: SkinSurface) -> Reachable:
    return robot.StationCheck(robot.ArmKinematics(), robot.CellCollision(patient=surface.mesh))
