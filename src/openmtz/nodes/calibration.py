"""The field calibration a node is given by file; every node that needs it reads its own copy."""

from __future__ import annotations

import numpy as np

from openmtz.nodes.errors import NodeError
from openmtz.optics import COUNTS_MAX, CalibrationError, FieldCalibration

CORNERS = [(x, y) for x in (-COUNTS_MAX, COUNTS_MAX) for y in (-COUNTS_MAX, COUNTS_MAX)]


def load_calibration(path: str, node: str, name: str = "calibration_file") -> FieldCalibration | None:
    """Return the calibration of a file, None for an empty path. `name` is the parameter's.

    Raises:
        NodeError: it cannot be read, or is no calibration.
    """
    if not path:
        return None
    try:
        return FieldCalibration.load(path)
    except (CalibrationError, OSError) as error:
        raise NodeError(f"{node}: parameter {name}: {error}") from error


def load_galvo_map(path: str, node: str, name: str = "galvo_map_file") -> FieldCalibration | None:
    """Return where a simulated head's counts truly point, None (as the profile says) for an empty path.

    Raises:
        NodeError: as `load_calibration`, or the map does not cover every count: mirrors obey them all.
    """
    found = load_calibration(path, node, name)
    if found is not None and not np.isfinite(found.at_counts(CORNERS)[0]).all():
        raise NodeError(
            f"{node}: parameter {name}: {path}: a galvo map must cover all counts from -{COUNTS_MAX} to"
            f" {COUNTS_MAX}; extend its grid to the edges"
        )
    return found
