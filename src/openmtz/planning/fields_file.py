"""What a plan was made from, per vertex and per refused spot, as a file: `fields.npz`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from openmtz import files

if TYPE_CHECKING:
    from openmtz.planning.result import PlanningResult

FIELDS_FILE = "fields.npz"


class FieldsFileError(ValueError):
    """Not a file of fields, or one that was changed."""


def save_fields(result: PlanningResult, folder: Path) -> Path:
    """Write region, density, severity and deficit depth per vertex, where which spot was refused, where
    no-fire volumes took skin away, and why which vertex of the region gets no spots.

    Raises:
        OSError: it cannot be written.
    """
    target = folder / FIELDS_FILE
    np.savez_compressed(
        target,
        region=result.region,
        density_per_cm2=result.density_per_cm2,
        severity=result.severity,
        deficit_depth_m=result.deficit_depth_m,
        refused_m=result.refused_m,
        refused_cause=result.refused_cause,
        no_fire_m=result.no_fire_m,
        untreated_cause=result.untreated_cause,
    )
    return target


def load_fields(folder: Path) -> dict[str, Any]:
    """Return the arrays by name; empty if the folder holds none.

    Raises:
        FieldsFileError: the file is damaged.
    """
    file = folder / FIELDS_FILE
    if not file.exists():
        return {}
    try:
        return dict(files.read_npz(file))
    except (files.UnsafeFileError, OSError) as error:
        raise FieldsFileError(f"{file} is damaged: {error}") from error
