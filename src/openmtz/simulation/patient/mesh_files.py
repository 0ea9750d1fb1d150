"""A mesh or point cloud file of a body part as the simulated patient's skin."""

from __future__ import annotations

from pathlib import Path

from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError
from openmtz.surfaces import SurfaceError, load_skin


def load_mesh(path: str | Path, scale_m_per_unit: float) -> TriangleMesh:
    """Return the skin of a whole file [m], faces counter-clockwise from outside; see `surfaces.load_skin`.

    Raises:
        PatientError: a file that gives no skin, with cause and fix.
    """
    try:
        return load_skin(path, scale_m_per_unit).mesh
    except SurfaceError as error:
        raise PatientError(error.cause, error.fix) from error
