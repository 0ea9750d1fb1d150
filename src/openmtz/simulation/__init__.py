"""The simulated world: patient, arm, camera, scan head, and what every shot truly hit.

Names are loaded on first use: the simulated scan-head device imports this package and must stay lean.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME_OF = {
    "Patient": "patients",
    "PATIENT_TARGET_M": "patients",
    "World": "world",
    "evaluate_shots": "shots",
    "ShotHits": "shots",
    "PatientMotion": "motion",
    "TrueSkin": "skin",
    "Pacer": "clock",
}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"openmtz.simulation.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
