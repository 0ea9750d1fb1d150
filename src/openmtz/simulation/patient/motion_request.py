"""Motion asked for in words: names such as `breathing+tremor`, or a JSON list of parts with their numbers."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from openmtz.simulation.patient.motion import (
    Breathing,
    Drift,
    MotionError,
    MotionPart,
    PatientMotion,
    Pulse,
    SuddenMove,
    Tremor,
)

MOTION_KINDS: dict[str, type[MotionPart]] = {
    "breathing": Breathing,
    "pulse": Pulse,
    "tremor": Tremor,
    "sudden_move": SuddenMove,
    "drift": Drift,
}
PRESETS: dict[str, tuple[dict[str, Any], ...]] = {
    "none": (),
    "breathing": ({"kind": "breathing"},),
    "shallow_breathing": ({"kind": "breathing", "amplitude_m": 0.001},),
    "pulse": ({"kind": "pulse"},),
    "tremor": ({"kind": "tremor"},),
    "drift": ({"kind": "drift", "velocity_m_s": 5e-5},),
    "sudden_move": ({"kind": "sudden_move", "at_s": 60.0, "translation_m": (0.004, 0.003, 0.0)},),
    "restless": (
        {"kind": "breathing", "amplitude_m": 0.001},
        {"kind": "pulse"},
        {"kind": "tremor"},
        {"kind": "drift", "velocity_m_s": 2e-5},
    ),
}
"""What a name stands for. Amounts are engineering defaults [M]."""


def motion_from_text(text: str, seed: int = 0) -> PatientMotion:
    """Return the motion of preset names joined by `+`, or of a JSON list of parts.

    `seed`: of the parts that take one and name none.

    Raises:
        MotionError: an unknown name (the nearest and all known ones are listed), or parts that cannot be.
    """
    stripped = text.strip()
    if stripped.startswith(("[", "{")):
        try:
            parts = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            raise MotionError(f"motion: not JSON: {error}") from error
        return motion_from_parts([parts] if isinstance(parts, dict) else parts, seed)
    chosen: list[Mapping[str, Any]] = []
    for name in stripped.split("+"):
        known = name.strip()
        if known not in PRESETS:
            raise MotionError(f"motion: {_unknown('motion', known, PRESETS)}; or a JSON list of parts")
        chosen.extend(PRESETS[known])
    return motion_from_parts(chosen, seed)


def motion_from_parts(parts: Any, seed: int = 0) -> PatientMotion:
    """Return the motion of a list of parts such as `{"kind": "breathing", "amplitude_m": 0.003}`.

    `seed`: of the parts that take one and name none.

    Raises:
        MotionError: which part, which field, what is possible.
    """
    if isinstance(parts, (str, bytes)) or not isinstance(parts, Sequence):
        raise MotionError(f"motion: must be a list of parts, got {type(parts).__name__}")
    return PatientMotion.of([_part(index, given, seed) for index, given in enumerate(parts)])


def _part(index: int, given: Any, seed: int) -> MotionPart:
    place = f"motion part {index}"
    if not isinstance(given, Mapping):
        raise MotionError(f"{place} must be an object with a `kind`, got {given!r}")
    values = dict(given)
    kind = values.pop("kind", None)
    if not isinstance(kind, str) or kind not in MOTION_KINDS:
        raise MotionError(f"{place}: {_unknown('kind', str(kind), MOTION_KINDS)}")
    cls = MOTION_KINDS[kind]
    takes = [f for f in fields(cls) if f.init]  # type: ignore[arg-type]
    offered = [f.name for f in takes]
    for name, value in values.items():
        if name not in offered:
            raise MotionError(f"{place} ({kind}): {_unknown('field', name, offered)}")
        if isinstance(value, list):
            values[name] = tuple(value)
    missing = [f.name for f in takes if f.default is MISSING and f.name not in values]
    if missing:
        raise MotionError(f"{place} ({kind}) needs {', '.join(missing)}")
    if "seed" in offered:
        values.setdefault("seed", seed)
    try:
        return cls(**values)
    except MotionError as error:
        raise MotionError(f"{place}: {error}") from error


def _unknown(what: str, name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"no {what} {name!r}{hint}; there are: {', '.join(known)}"
