"""The cell to look at: in a browser (viser) and as pictures and films without a display (Embree)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME_OF = {
    "CellShapes": "cell",
    "Shape": "cell",
    "Snapshot": "snapshot",
    "Viewer": "viewer",
    "ViewerError": "viewer",
    "Look": "picture",
    "CellPainter": "picture",
    "film": "filming",
    "snapshots_of_record": "record",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"openmtz.simulation.visual.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
