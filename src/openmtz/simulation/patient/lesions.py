"""Synthetic lesions carved into skin: dents of known depth, always labelled as synthetic.

Sizes follow the usual classification of atrophic acne scars (icepick < 2 mm wide and deep, boxcar
1.5-4 mm with steep walls, rolling > 4 mm and shallow; Jacob 2001 [M]) and striae distensae (bands of
a few millimetres width) [M]; depths are those of the contract of issue 2: 0.3-2 mm and 0.2-0.5 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import TriangleMesh, look_along
from openmtz.hooks import LESION_TYPES, parse_lesions

Array = NDArray[np.float64]
LESIONS = ("atrophic_scar", "icepick", "boxcar", "rolling", "striae", "none")
"""What can be carved. `atrophic_scar` is a mix of the three scar types (`SCAR_MIX`)."""
MASK_DEPTH_M = 5e-5
"""A vertex belongs to a lesion where it lies at least this deep [m]."""
SCAR_MIX = {"rolling": 0.35, "boxcar": 0.40, "icepick": 0.25}
"""Shares of the types among scars, by number, large ones first (engineering default)."""


@dataclass(frozen=True, eq=False)
class CarvedSkin:
    """Skin with lesions: `mask` `(V,)` bool, `depth_m` `(V,)` below the healthy skin along its normal,
    `label` `(V,)` int8, the index into `LESION_TYPES` of the deepest lesion there, 0 outside the mask."""

    mesh: TriangleMesh
    mask: NDArray[np.bool_]
    depth_m: Array
    label: NDArray[np.int8]


def carve_lesions(
    mesh: TriangleMesh,
    center: Array,
    outward: Array,
    radius_m: float,
    lesions: str,
    rng: np.random.Generator,
) -> CarvedSkin:
    """Return the mesh with lesions in the disc of `radius_m` around `center`.

    Depth is measured along the healthy surface's own normal. Only skin within 1.5 radii of the centre
    along `outward` is touched, so that lesions do not appear on the far side of a thin part.

    Args:
        lesions: one of `LESIONS`, or several with or without shares: `icepick+rolling`, `icepick:3+boxcar:1`.

    Raises:
        ValueError: unknown lesions; the text lists the known ones.
    """
    scars, striae = wanted_lesions(lesions)
    local = (mesh.vertices - center) @ look_along(center, outward)[:3, :3]
    near = (np.hypot(local[:, 0], local[:, 1]) < 1.6 * radius_m) & (np.abs(local[:, 2]) < 1.5 * radius_m)
    depth = np.zeros(len(mesh.vertices))
    label = np.zeros(len(mesh.vertices), np.int8)
    if scars:
        depth[near], label[near] = _scars(local[near, :2], radius_m, scars, rng)
    if striae:
        bands = _striae(local[near, :2], radius_m, rng)
        deeper = np.nonzero(near)[0][bands > depth[near]]
        depth[near] = np.maximum(depth[near], bands)
        label[deeper] = LESION_TYPES.index("stria")
    carved = TriangleMesh(mesh.vertices - depth[:, None] * mesh.vertex_normals(), mesh.faces)
    mask = depth >= MASK_DEPTH_M
    return CarvedSkin(carved, mask, depth, np.where(mask, label, 0).astype(np.int8))


def wanted_lesions(lesions: str) -> tuple[dict[str, float], bool]:
    """Return the shares of scar types (empty: no scars), large ones first, and whether there are striae.

    Raises:
        ValueError: unknown lesions, the text lists the known ones; or as `parse_lesions`.
    """
    shares = parse_lesions(lesions)
    unknown = [kind for kind in shares if kind not in LESIONS]
    if unknown:
        raise ValueError(f"unknown lesions {unknown[0]!r}; known: {', '.join(LESIONS)}")
    scars = {name: shares.get(name, 0.0) for name in SCAR_MIX}
    for name, share in SCAR_MIX.items():
        scars[name] += share * shares.get("atrophic_scar", 0.0)
    total = sum(scars.values())
    mix = {name: share / total for name, share in scars.items() if share > 0.0}
    return (SCAR_MIX if list(shares) == ["atrophic_scar"] else mix), "striae" in shares


def lesions_title(lesions: str) -> str:
    """Return lesions as a patient's name has them, always called synthetic: `synthetic striae lesions`."""
    if lesions == "none":
        return "healthy"
    return f"synthetic {lesions.replace('_', ' ').replace('+', ' + ')} lesions"


def _scars(
    xy: Array, radius_m: float, mix: dict[str, float], rng: np.random.Generator
) -> tuple[Array, NDArray[np.int8]]:
    """Return depth `(N,)` [m] and label at tangent coordinates `(N, 2)`: about 4 scars per cm2, apart."""
    wanted = max(5, round(4.0 * np.pi * (radius_m * 100.0) ** 2))
    names, limits = list(mix), np.cumsum(list(mix.values()))
    placed = np.zeros((wanted, 3))  # x, y, half width
    count = 0
    depth = np.zeros(len(xy))
    label = np.zeros(len(xy), np.int8)
    tree = cKDTree(xy)
    for attempt in range(60 * wanted):
        if count >= wanted:
            break
        share = (count + 0.5) / wanted  # large ones first, or they find no room
        name = names[min(int(np.searchsorted(limits, share, side="right")), len(names) - 1)]
        size = {"rolling": (2.0, 3.2), "boxcar": (0.9, 1.8), "icepick": (0.5, 0.9)}[name]
        half = rng.uniform(*size) * 1e-3
        deepest = {"rolling": (0.3, 0.8), "boxcar": (0.4, 1.0), "icepick": (0.9, 2.0)}[name]
        bottom = rng.uniform(*deepest) * 1e-3
        stretch, heading = rng.uniform(0.85, 1.2), rng.uniform(0.0, np.pi)
        reach = max(radius_m - half, 0.0) * np.sqrt(rng.uniform())
        angle = rng.uniform(0.0, 2.0 * np.pi)
        x, y = reach * np.cos(angle), reach * np.sin(angle)
        others = placed[:count]
        apart = np.hypot(x - others[:, 0], y - others[:, 1])
        if (apart < 0.85 * (half + others[:, 2])).any() and attempt < 59 * wanted:
            continue
        placed[count] = x, y, half
        count += 1
        # Stretched by 1.2 at most, a scar reaches no further than this.
        near = np.asarray(tree.query_ball_point((x, y), 1.25 * half), np.int64)
        dx, dy = xy[near, 0] - x, xy[near, 1] - y
        along = (dx * np.cos(heading) + dy * np.sin(heading)) * stretch
        across = (-dx * np.sin(heading) + dy * np.cos(heading)) / stretch
        r = np.hypot(along, across) / half
        if name == "rolling":
            form = np.where(r < 1.0, np.cos(0.5 * np.pi * np.minimum(r, 1.0)) ** 2, 0.0)
        elif name == "boxcar":
            wall = 0.35e-3 / half
            form = 1.0 - _smooth_step((r - (1.0 - wall)) / wall)
        else:
            form = np.maximum(1.0 - r, 0.0) ** 0.8
        deeper = bottom * form > depth[near]
        label[near[deeper]] = LESION_TYPES.index(name)
        depth[near] = np.maximum(depth[near], bottom * form)
    return depth, label


def _striae(xy: Array, radius_m: float, rng: np.random.Generator) -> Array:
    """Return depth `(N,)` [m]: roughly parallel wavy bands, 2-3.5 mm wide, 0.2-0.5 mm deep."""
    heading = rng.uniform(-0.35, 0.35)
    s = xy[:, 0] * np.cos(heading) + xy[:, 1] * np.sin(heading)
    t = -xy[:, 0] * np.sin(heading) + xy[:, 1] * np.cos(heading)
    count = max(2, round(2.0 * radius_m / 0.0055))
    depth = np.zeros(len(xy))
    for k in range(count):
        middle = (k + 0.5) / count * 2.0 * radius_m - radius_m + rng.uniform(-4e-4, 4e-4)
        chord = np.sqrt(max(radius_m**2 - middle**2, (0.35 * radius_m) ** 2))
        length = chord * rng.uniform(0.8, 1.0)
        half = rng.uniform(1.0, 1.75) * 1e-3
        bottom = rng.uniform(0.25, 0.5) * 1e-3
        wave, phase = rng.uniform(0.015, 0.03), rng.uniform(0.0, 2.0 * np.pi)
        line = middle + 6e-4 * np.sin(2.0 * np.pi * s / wave + phase)
        taper = 1.0 - _smooth_step((np.abs(s) - 0.6 * length) / (0.4 * length))
        r = np.minimum(np.abs(t - line) / half, 1.0)
        depth = np.maximum(depth, bottom * taper * np.cos(0.5 * np.pi * r) ** 2)
    return depth


def _smooth_step(x: Array) -> Array:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
