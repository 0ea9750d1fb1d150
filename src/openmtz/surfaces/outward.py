"""The user's word on where the outside is: directions out of the skin, for all of it or for one piece."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import SurfaceError

ASK = "say where the outside is: --outward x,y,z, a direction from the skin to who looks at it, in its axes"


class Outward(NamedTuple):
    """`direction` `(3,)` unit, out of the skin; `at` `(3,)` [m] a point on the piece it is said of, None: of
    every piece."""

    direction: NDArray[np.float64]
    at: NDArray[np.float64] | None


def parse_outward(text: str | None) -> tuple[Outward, ...]:
    """Return what `x,y,z` or `x,y,z@px,py,pz; ...` says: each direction of all pieces or of the one at p.

    Raises:
        SurfaceError: not three numbers each, or a direction of no length.
    """
    said = []
    for part in (text or "").split(";"):
        if not part.strip():
            continue
        direction, mark, place = part.partition("@")
        vector = _three(direction)
        length = float(np.linalg.norm(vector))
        if length < 1e-9:
            raise SurfaceError(f"the outward direction {part.strip()!r} has no length", "give x,y,z")
        said.append(Outward(vector / length, _three(place) if mark else None))
    if text is not None and not said:
        raise SurfaceError("the outward direction is empty", "give x,y,z")
    return tuple(said)


def _three(text: str) -> NDArray[np.float64]:
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        values = np.zeros(0)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise SurfaceError(
            f"the outward direction {text.strip()!r} is not three numbers",
            "give x,y,z, such as 0,0,1, or x,y,z@px,py,pz for the piece at the point p (metres)",
        )
    return values
