"""Flat patches of skin and the spots on them: ours and those of peers, of the same count, for the order
benchmark."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from peers import PEERS, Peer
from scipy.spatial import cKDTree

from openmtz.planning import place_spots
from openmtz.planning.order import flatten
from openmtz.tissue.mid_gaps import gaps, sample

Points = NDArray[np.float64]
STRIP_RATIO = 4.0
SHAPES = ("square", "strip", "disc")
PROBES = 2000
SAME_COUNT = 0.005
"""A peer's count may differ by half a per cent: its radius is tried until it does."""
TRIES = 8
PLACERS = ("pymeshlab, radius given", "libigl blue noise", "Open3D Poisson-disk", "point-cloud-utils Lloyd")
"""Of the peers of `peers.py`, those that take minutes for 50,000 spots are left out; a flat grid is added."""
DISKS = ("pymeshlab", "libigl", "Open3D")
"""Poisson-disk placements: they hold the prescribed density on curved skin (benchmarks, placement). Lloyd
is off it by 12 % in places, a flat grid exists on flat skin only."""


class Patch(NamedTuple):
    """A flat shape as triangles, and how many spots it holds at a density [1/cm2]."""

    title: str
    vertices: Points
    faces: NDArray[np.int64]
    density: float
    count: int


class Scene(NamedTuple):
    """Spots `(N, 3)` [m] on a flat patch and where they are looked at."""

    title: str
    points: Points
    uv: Points
    pitch: float
    probes: Points


def patch(shape: str, density: float, count: int, sides: int = 24) -> Patch:
    """Return a square, a strip 4 times as long as wide, or a disc that holds `count` spots."""
    line = np.linspace(-0.5, 0.5, sides + 1)
    x, y = np.meshgrid(line, line, indexing="ij")
    index = np.arange((sides + 1) ** 2).reshape(sides + 1, sides + 1)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    if shape == "strip":
        x, y = x * STRIP_RATIO**0.5, y / STRIP_RATIO**0.5
    if shape == "disc":  # squares about the middle become circles
        ring, round_ = np.maximum(np.abs(x), np.abs(y)), np.hypot(x, y)
        x, y = (v * ring / np.maximum(round_, 1e-12) for v in (x, y))
    flat = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    p, q, r = (flat[faces[:, k]] for k in range(3))
    area = float(np.abs(np.cross(q - p, r - p)[:, 2]).sum() / 2.0)
    flat *= np.sqrt(count / (density * 1e4) / area)
    return Patch(f"{shape}, {count}", flat, faces, density, count)


def ours(on: Patch, seed: int = 0) -> Scene:
    """Place spots as the planner does."""
    return _scene(on, place_spots(on.vertices, on.faces, on.density, seed=seed).positions)


def by_peer(on: Patch, peer: Peer) -> Scene:
    """Place spots by a peer, at the density at which their number is ours within half a per cent.

    Raises:
        ImportError, PackageNotFoundError: it is not installed.
    """
    low, high, best = 0.7, 1.4, np.zeros((0, 3))
    for _ in range(TRIES):
        factor = (low * high) ** 0.5 if len(best) else 1.0
        placed = peer.place(on.vertices, on.faces, np.full(len(on.vertices), on.density * factor), on.count)
        if abs(len(placed) - on.count) < abs(len(best) - on.count):
            best = placed
        if abs(len(best) - on.count) <= max(SAME_COUNT * on.count, 1.0):
            break
        low, high = (factor, high) if len(placed) < on.count else (low, factor)
    return _scene(on, best)


def square_grid(on: Patch) -> Scene:
    """What a commercial scanner does: a square grid, of the pitch whose count in the shape is nearest."""
    low, high = on.vertices[:, :2].min(axis=0), on.vertices[:, :2].max(axis=0)
    inside = _inside(on)
    best = np.zeros((0, 3))
    for factor in np.linspace(0.97, 1.03, 61):
        step = factor * np.sqrt(1.0 / (on.density * 1e4))
        shape = np.floor((high - low) / step).astype(int) + 1
        start = 0.5 * (low + high) - 0.5 * (shape - 1) * step
        grid = start + step * np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 2)
        grid = grid[inside(grid)]
        if abs(len(grid) - on.count) < abs(len(best) - on.count):
            best = np.column_stack([grid, np.zeros(len(grid))])
    return _scene(on, best)


def rivals(on: Patch, names: tuple[str, ...] = PLACERS) -> dict[str, Scene]:
    """Return the spots of every installed peer, by its name and version, and of a square grid."""
    found = {"square grid": square_grid(on)}
    for peer in PEERS:
        if peer.name not in names or peer.package is None:
            continue
        try:
            found[f"{peer.name} ({version(peer.package)})"] = by_peer(on, peer)
        except (ImportError, PackageNotFoundError):
            print(f"{peer.name} is not installed: pip install -r requirements/bench.txt", flush=True)
    return found


def _inside(on: Patch) -> Callable[[Points], NDArray[np.bool_]]:
    if on.title.startswith("disc"):
        radius = float(np.linalg.norm(on.vertices, axis=1).max())
        return lambda points: np.linalg.norm(points, axis=1) <= radius
    high = np.abs(on.vertices[:, :2]).max(axis=0)
    return lambda points: np.asarray((np.abs(points) <= high).all(axis=1))


def _scene(on: Patch, points: Points) -> Scene:
    apart: Any = cKDTree(points).query(points, k=2)[0][:, 1]
    points = points[apart > 1e-6]  # a peer may give a spot twice
    uv = flatten(points)
    pitch = float(np.sqrt(2.0 / (np.sqrt(3.0) * on.density * 1e4)))
    most = PROBES if len(points) < 20_000 else PROBES // 2
    return Scene(
        f"{on.title} at {on.density:g}/cm2: {len(points)} spots", points, uv, pitch,
        sample(gaps(uv).middle, most),
    )  # fmt: skip
