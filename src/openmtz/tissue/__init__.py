"""What light does to skin: ablation, coagulation, heat. Models with stated bands, never a promise.

Names of the heat model are loaded when first used: `heat` compiles with numba.
"""

from __future__ import annotations

from typing import Any

_WHERE = {
    "ARRHENIUS_SETS": "damage",
    "Arrhenius": "damage",
    "HeatModel": "heat",
    "MidGapHeat": "heat",
    "gaps": "mid_gaps",
    "mid_gap_heat": "heat",
    "temperature_rise": "heat",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
