"""A mesh or point cloud file of a body part as the simulated patient's skin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError
from openmtz.surfaces import LoadedSkin, Outward, SurfaceError, load_skin


def load_mesh(path: str | Path, scale_m_per_unit: float) -> TriangleMesh:
    """Return the skin of a whole file [m], faces counter-clockwise from outside.

    Raises:
        PatientError: as `load_patient_skin`.
    """
    return load_patient_skin(path, scale_m_per_unit).mesh


def load_patient_skin(
    path: str | Path, scale_m_per_unit: float, outward: Sequence[Outward] = ()
) -> LoadedSkin:
    """Return the skin of a whole file [m] and what is to be said of it; see `openmtz.surfaces.load_skin`.

    Raises:
        PatientError: a file that gives no skin, with cause and fix.
    """
    try:
        return load_skin(path, scale_m_per_unit, outward)
    except SurfaceError as error:
        raise PatientError(error.cause, error.fix) from error
