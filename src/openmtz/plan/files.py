"""A plan as a folder: `plan.omtz` (the canonical bytes), `plan.json` (to read), `spots.ply` (to look at).

Only `plan.omtz` is read back; `plan.json` repeats its hash and `spots.ply` is compared with it, so that a
folder put together from two plans is noticed. docs/plan_format.md describes all three.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from openmtz import files
from openmtz.plan.finding import Finding, Severity
from openmtz.plan.layout import READABLE_VERSIONS, PlanError
from openmtz.plan.plan import TreatmentPlan
from openmtz.plan.reading import plan_from_bytes

PLAN_FILE, JSON_FILE, SPOTS_FILE = "plan.omtz", "plan.json", "spots.ply"
MOST_MB = {PLAN_FILE: 300.0, JSON_FILE: 50.0, SPOTS_FILE: 400.0}
"""Larger is no plan [MB]: the most spots that are read have 215 and 320 (43 and 64 bytes each)."""


def save_plan(plan: TreatmentPlan, findings: Iterable[Finding], folder: str | Path) -> Path:
    """Write a plan's three files into a folder, made if missing. Each file appears whole or not at all.

    Raises:
        PlanError: the folder already holds another plan. OSError: it cannot be written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    data = plan.canonical_bytes()
    existing = target / PLAN_FILE
    if existing.exists() and existing.read_bytes() != data:
        raise PlanError(
            f"{target} already holds another plan; plans are never overwritten, choose a new folder"
        )
    _write(target / SPOTS_FILE, spots_ply(plan))
    text = json.dumps(_describe(plan, list(findings)), indent=2, sort_keys=True, allow_nan=False) + "\n"
    _write(target / JSON_FILE, text.encode())
    _write(existing, data)
    return target


def load_plan(folder: str | Path) -> tuple[TreatmentPlan, list[Finding]]:
    """Read a plan folder back.

    Raises:
        PlanError: files missing, damaged, of another version, or not of the same plan.
    """
    source = Path(folder)
    try:
        data = files.read_bytes(source / PLAN_FILE, MOST_MB[PLAN_FILE])
        described = json.loads(files.read_text(source / JSON_FILE, MOST_MB[JSON_FILE]))
    except FileNotFoundError as error:
        raise PlanError(f"{source} is no plan folder: {Path(str(error.filename)).name} is missing") from error
    except (OSError, ValueError, RecursionError) as error:
        raise PlanError(f"{source} cannot be read as a plan folder: {error}") from error
    version = described.get("format_version") if isinstance(described, dict) else None
    if version not in READABLE_VERSIONS:
        raise PlanError(
            f"{source / JSON_FILE}: version {version!r}; this software reads"
            f" {' and '.join(map(str, READABLE_VERSIONS))}"
        )
    digest = hashlib.sha256(data).hexdigest()
    if described.get("plan_sha256") != digest:
        raise PlanError(
            f"{source}: {PLAN_FILE} has the hash {digest[:12]}..., {JSON_FILE} names"
            f" {str(described.get('plan_sha256'))[:12]}...: damaged, or files of two plans"
        )
    plan = plan_from_bytes(data)
    if plan.header["format_version"] != version:
        raise PlanError(
            f"{source}: {JSON_FILE} is of version {version}, {PLAN_FILE} of version"
            f" {plan.header['format_version']}: changed by hand; save the plan anew"
        )
    _check_spots(source / SPOTS_FILE, plan)
    try:
        findings = [
            Finding(**{**f, "severity": Severity[f["severity"]]}) for f in described.get("findings", [])
        ]
    except (KeyError, TypeError) as error:
        raise PlanError(f"{source / JSON_FILE}: findings cannot be read: {error}") from error
    return plan, findings


def _check_spots(file: Path, plan: TreatmentPlan) -> None:
    """Look at the PLY too, where there is one: people judge a plan by it."""
    try:
        data = files.read_bytes(file, MOST_MB[SPOTS_FILE])
    except FileNotFoundError:
        return
    except (OSError, files.UnsafeFileError) as error:
        raise PlanError(f"{file} cannot be read: {error}") from error
    if data != spots_ply(plan):
        raise PlanError(
            f"{file} does not show this plan: truncated, changed, or of another plan; delete it, or save the"
            " plan anew"
        )


def spots_ply(plan: TreatmentPlan) -> bytes:
    """Return the spots as binary PLY: x y z [m], normal, energy_mj, depth_um, station, pass and order."""
    row = np.dtype(
        [("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("nx", "<f4"), ("ny", "<f4"), ("nz", "<f4"),
         ("energy_mj", "<f4"), ("depth_um", "<f4"), ("station", "<i4"), ("pass", "<i4"), ("order", "<i4")]
    )  # fmt: skip
    table = np.zeros(len(plan), row)
    for k, axis in enumerate("xyz"):
        table[axis] = plan.positions_m[:, k]
        table[f"n{axis}"] = plan.normals[:, k]
    table["energy_mj"], table["depth_um"] = plan.energy_uj / 1000.0, plan.depth_um
    table["station"], table["pass"], table["order"] = plan.station, plan.pass_index, np.arange(len(plan))
    kinds = {"<f8": "double", "<f4": "float", "<i4": "int"}
    properties = [f"property {kinds[str(row[name].str)]} {name}" for name in row.names or ()]
    head = ["ply", "format binary_little_endian 1.0", f"comment OpenMTZ plan {plan.sha256}"]
    head += ["comment metres, world frame", f"element vertex {len(plan)}", *properties, "end_header", ""]
    return "\n".join(head).encode() + table.tobytes()


def _describe(plan: TreatmentPlan, findings: list[Finding]) -> dict[str, Any]:
    groups = [
        {"station": g.station, "pass": g.pass_index, "first": g.first, "end": g.end, "wait_s": g.wait_s}
        for g in plan.groups()
    ]
    return {
        "format_version": plan.header["format_version"],
        "plan_sha256": plan.sha256,
        "header": plan.header,
        "spots": len(plan),
        "firing_groups": groups,
        "station_pose_xyz_m_qxyzw": plan.station_pose.tolist(),
        "findings": [{**asdict(f), "severity": f.severity.name} for f in findings],
    }


def _write(path: Path, data: bytes) -> None:
    """Write beside and rename: a full disk or a crash leaves no half file."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
