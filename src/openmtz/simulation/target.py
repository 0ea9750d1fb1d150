"""Where patients are placed in the cell."""

from __future__ import annotations

PATIENT_TARGET_M = (0.50, 0.0, 0.05)
"""Where the centre of the region scanned is placed, in `world` [m]; the skin there faces +z."""
