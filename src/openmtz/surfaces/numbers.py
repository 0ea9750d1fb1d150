"""Are a file's numbers fine enough, and its size that of a body part? Judged by what is skin alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.raw import WRITTEN, Array, RawSurface, float32_step

MOST_STEP_M = 10e-6
"""Coarser steps between the numbers of a file are refused [m]: the surface is a staircase of this height, and
on 1 mm triangles 10 um are 0.6 degrees of the normal. Ten times the quantum of a surface (1 um)."""
SIZE_M = (0.02, 3.0)
"""Largest extent of a body part or a person [m] [M]."""
UNITS = ((0.001, "millimetres"), (1.0, "metres"), (0.01, "centimetres"), (0.0254, "inches"))
"""Metres per unit of the units that meshes are exported in, the most common first."""
_SAMPLE = 2000
_MOST_DECIMALS = 12
_MANY = 20
_FAR = 1e4
"""Numbers that large, in their own steps, spend their digits on an offset. Engineering default."""


def check_step(raw: RawSurface, vertices: Array, scale: float) -> None:
    """Refuse numbers that are too coarse for skin; `vertices` `(V, 3)` are those in use, file units.

    Raises:
        SurfaceError: the step, how the numbers are stored, and how to get finer ones.
    """
    step, text = raw.step, raw.step_text
    if step == 0.0 and len(vertices):
        if (vertices == vertices.astype(np.float32)).all():
            step, text = float32_step(vertices), f"{text}, but written from 32-bit floats"
        decimal = _decimal_step(vertices) if raw.step_text == WRITTEN else 0.0
        if decimal > step:
            step, text = decimal, f"rounded to {decimal:g} of the file's units"
    if step * scale <= MOST_STEP_M * (1.0 + 1e-6):
        return
    most = float(np.abs(vertices).max())
    extent = float(np.ptp(vertices, axis=0).max())
    if most > 10.0 * extent:
        fix = "subtract the offset before the export (move the mesh to the origin), or store 64-bit floats"
    else:
        check_size(vertices, scale, "it")  # a wrong unit makes the step of good numbers coarse
        fix = "export it with finer numbers: 32-bit floats, or more decimals"
    raise SurfaceError(
        f"its coordinates reach {most:g} and are {text}: at {scale:g} metres per unit their step is"
        f" {_length(step * scale)}, {_length(MOST_STEP_M)} at most can be planned on",
        fix,
    )


def _decimal_step(vertices: Array) -> float:
    """Return the step to which all coordinates of a text are rounded; 0 where none can be told.

    A step is told where all three axes hold many numbers that keep to it (a curved surface would not, by
    chance), or where an axis holds numbers that are huge beside it and spans a few steps only.
    """
    steps, rich, lost = [], [], 0.0
    for values in vertices.T:
        step = _lattice(values)
        steps.append(step)
        rich.append(len(np.unique(values[:: max(1, len(values) // _SAMPLE)])) >= _MANY)
        if step and np.abs(values).max() >= _FAR * step and np.ptp(values) < _MANY * step:
            lost = max(lost, step)
    return max(lost, min(steps) if all(rich) and all(steps) else 0.0)


def _lattice(values: NDArray[np.float64]) -> float:
    """Return the largest power of ten of which all `values` `(V,)` are multiples; 0 if there is none."""
    most = float(np.abs(values).max())
    if most == 0.0:
        return 0.0
    for decimals in range(-int(np.floor(np.log10(most))), _MOST_DECIMALS):
        factor = 10.0**decimals
        if most * factor > 1e14:
            return 0.0
        allowed = max(1e-9, most * factor * 1e-15)
        for sample in (values[:: max(1, len(values) // _SAMPLE)], values):
            scaled = sample * factor
            if (np.abs(scaled - np.rint(scaled)) > allowed).any():
                break
        else:
            return 1.0 / factor
    return 0.0


def check_size(vertices: Array, scale: float, name: str) -> None:
    """Refuse skin `vertices` `(V, 3)` in file units that no body part has the size of.

    Raises:
        SurfaceError: the size, and the sizes it would have in the usual units.
    """
    extent = float(np.ptp(vertices, axis=0).max())
    size = extent * scale
    if SIZE_M[0] <= size <= SIZE_M[1]:
        return
    likely = [(unit, what) for unit, what in UNITS if 0.03 <= extent * unit <= SIZE_M[1] and unit != scale]
    hint = "give the metres per unit of this file"
    if likely:
        first, what = likely[0]
        hint = f"a scale of {first:g} metres per unit would make it {extent * first:.2f} m ({what})"
        hint += "".join(f", {unit:g} {extent * unit:.2f} m ({what})" for unit, what in likely[1:])
        hint += ": compare with the body part"
    raise SurfaceError(f"at {scale:g} metres per unit {name} measures {_length(size)} across", hint)


def _length(size_m: float) -> str:
    if size_m >= 1.0:
        return f"{size_m:.4g} m"
    return f"{size_m * 1e3:.4g} mm" if size_m >= 1e-3 else f"{size_m * 1e6:.4g} um"
