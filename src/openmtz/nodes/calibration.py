"""The field calibration a node is given by file; every node that needs it reads its own copy."""

from __future__ import annotations

from openmtz.nodes.support import NodeError
from openmtz.optics import CalibrationError, FieldCalibration


def load_calibration(path: str, node: str) -> FieldCalibration | None:
    """Return the calibration of a file, None for an empty path.

    Raises:
        NodeError: it cannot be read, or is no calibration.
    """
    if not path:
        return None
    try:
        return FieldCalibration.load(path)
    except (CalibrationError, OSError) as error:
        raise NodeError(f"{node}: parameter calibration_file: {error}") from error
