"""A region drawn as a polygon on the skin, and the whole of the captured skin as a region."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface
from openmtz.planning.skin.normals import smooth_normals

FAR_M = 0.003
"""A corner farther from the skin than this was not drawn on it [m]."""
MAX_CORNERS = 500
MOST_TURN_COS = 0.2
"""Skin that turns away from the mean normal by more than 78 degrees is not seen by who draws."""


@dataclass(frozen=True)
class PolygonRegion:
    """The skin inside a closed polygon of `corners_m` `(K, 3)` [m, world], drawn on the skin in order.

    Raises:
        ValueError: fewer than three corners, too many, or not finite.
    """

    corners_m: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        corners = np.asarray(self.corners_m, np.float64)
        if corners.ndim != 2 or corners.shape[1] != 3 or not 3 <= len(corners) <= MAX_CORNERS:
            raise ValueError(
                f"a polygon needs 3 to {MAX_CORNERS} corners (x, y, z), got shape {corners.shape}"
            )
        if not np.isfinite(corners).all():
            raise ValueError("a polygon's corners must be finite")
        object.__setattr__(self, "corners_m", tuple(tuple(float(v) for v in row) for row in corners))


@dataclass(frozen=True)
class WholeSkin:
    """All captured skin but its ragged rim."""


class Outline:
    """A polygon laid into the plane of the skin it was drawn on."""

    def __init__(self, surface: SkinSurface, region: PolygonRegion) -> None:
        """Raises ValueError: a corner off the skin, no area, or sides that cross; the text says which."""
        corners = np.asarray(region.corners_m)
        distance, nearest = cKDTree(surface.mesh.vertices).query(corners)
        worst = int(np.argmax(distance))
        if distance[worst] > FAR_M:
            at = np.round(surface.mesh.vertices[nearest[worst]], 4).tolist()
            raise ValueError(
                f"corner {worst} of the polygon lies {distance[worst] * 1e3:.1f} mm from the captured skin;"
                f" the nearest skin is at {at} m: draw it on the skin, in metres in the world frame"
            )
        self.center = corners.mean(axis=0)
        normals = smooth_normals(surface.mesh, corners, 0.004)
        self.normal = normals.sum(axis=0)
        length = float(np.linalg.norm(self.normal))
        if length < 0.3 * len(corners):
            raise ValueError(
                "the polygon goes around the body: draw it on one side, or ask for the whole skin"
            )
        self.normal /= length
        hint = np.eye(3)[int(np.argmin(np.abs(self.normal)))]
        x = np.cross(hint, self.normal)
        x /= np.linalg.norm(x)
        self._axes = np.stack([x, np.cross(self.normal, x)], axis=1)
        self.uv = (corners - self.center) @ self._axes
        if crossing := first_crossing(self.uv):
            first, second = crossing
            raise ValueError(
                f"the polygon crosses itself: side {first} (from corner {first}) meets side {second};"
                " list the corners in order around the region"
            )
        u, v = self.uv.T
        if abs(float(u @ np.roll(v, -1) - v @ np.roll(u, -1))) < 2e-6:
            raise ValueError("the polygon encloses less than 1 mm2")

    def inside(self, points_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return `(N,)` bool: points `(N, 3)` [m] whose foot in the polygon's plane lies inside
        (even-odd)."""
        p = (points_m - self.center) @ self._axes
        result = np.zeros(len(p), np.bool_)
        for a, b in zip(self.uv, np.roll(self.uv, -1, axis=0), strict=True):
            spans = (a[1] > p[:, 1]) != (b[1] > p[:, 1])
            if spans.any():
                at = a[0] + (p[:, 1] - a[1]) / (b[1] - a[1] if b[1] != a[1] else 1.0) * (b[0] - a[0])
                result ^= spans & (p[:, 0] < at)
        return result


def first_crossing(uv: NDArray[np.float64]) -> tuple[int, int] | None:
    """Return the first pair of sides of the closed polygon `(K, 2)` that meet without being neighbours."""
    count = len(uv)
    for i, j in combinations(range(count), 2):
        if j == i + 1 or (i == 0 and j == count - 1):
            continue
        a, b, c, d = uv[i], uv[(i + 1) % count], uv[j], uv[(j + 1) % count]
        one, two = _side(a, b, c), _side(a, b, d)
        three, four = _side(c, d, a), _side(c, d, b)
        if one * two <= 0 and three * four <= 0 and (one != two or _overlap(a, b, c, d)):
            return i, j
    return None


def _side(a: NDArray[np.float64], b: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    value = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    return float(np.sign(value) if abs(value) > 1e-15 else 0.0)


def _overlap(*corners: NDArray[np.float64]) -> bool:
    a, b, c, d = corners
    low, high = np.maximum(np.minimum(a, b), np.minimum(c, d)), np.minimum(np.maximum(a, b), np.maximum(c, d))
    return bool((low <= high).all())
