"""Draw the density error on the face of the head scan: OpenMTZ, the best peer and a projected flat grid.

    PYTHONPATH=src python bench/draw_placement.py docs/images/placement_density.png

Each vertex is coloured by the count in the 5 mm ball around it against the integral of the density there.
"""

from __future__ import annotations

import sys

import matplotlib
import numpy as np
from peers import flat_grid, meshlab_radius
from planning import ours
from scenes import BALL_M, Points, Scene, face_areas_cm2, head_face
from scipy.spatial import cKDTree

matplotlib.use("Agg")
from matplotlib import pyplot as plt

SHOWN_PERCENT = 10.0


def error_percent(scene: Scene, positions: Points, wanted: Points) -> Points:
    """Return the density error `(V,)` [%] in the ball around each vertex."""
    counts = cKDTree(positions).query_ball_point(scene.vertices, BALL_M, return_length=True)
    return np.asarray(100.0 * (counts / wanted - 1.0))


def wanted_spots(scene: Scene, samples: int = 400_000) -> Points:
    """Return the integral `(V,)` of the density over the ball around each vertex, by even random samples."""
    rng = np.random.default_rng(0)
    mass = face_areas_cm2(scene.vertices, scene.faces) * scene.density[scene.faces].mean(axis=1)
    face = np.searchsorted(np.cumsum(mass) / mass.sum(), (np.arange(samples) + rng.random()) / samples)
    u, v = rng.random((2, samples))
    u, v = np.where(u + v > 1.0, 1.0 - u, u), np.where(u + v > 1.0, 1.0 - v, v)
    a, b, c = (scene.vertices[scene.faces[np.minimum(face, len(mass) - 1), k]] for k in range(3))
    points = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    counts = cKDTree(points).query_ball_point(scene.vertices, BALL_M, return_length=True)
    return np.asarray(counts * (mass.sum() / samples))


def main(path: str) -> int:
    """Draw; 1 if the head scan is not there."""
    scene = head_face()
    if scene is None:
        print("the head scan is not beside this checkout (../shared/data)")
        return 1
    wanted = wanted_spots(scene)
    spots = ours(scene).positions
    drawn = {"OpenMTZ": spots}
    try:
        drawn["MeshLab Poisson-disk"] = meshlab_radius(scene.vertices, scene.faces, scene.density, len(spots))
    except ImportError:
        print("pymeshlab is not installed: left out")
    drawn["flat grid, projected"] = flat_grid(scene.vertices, scene.faces, scene.density, len(spots))
    figure, axes = plt.subplots(1, len(drawn), figsize=(3.4 * len(drawn), 4.2), constrained_layout=True)
    for axis, (name, positions) in zip(axes, drawn.items(), strict=True):
        error = error_percent(scene, positions, wanted)
        order = np.argsort(scene.vertices[scene.faces].mean(axis=1)[:, 2])
        picture = axis.tripcolor(
            scene.vertices[:, 0] * 1e3, scene.vertices[:, 1] * 1e3, scene.faces[order], error,
            cmap="RdBu_r", vmin=-SHOWN_PERCENT, vmax=SHOWN_PERCENT, shading="gouraud", rasterized=True,
        )  # fmt: skip
        axis.set_title(f"{name}\n{len(positions)} spots, RMS {np.sqrt((error**2).mean()):.1f} %", fontsize=9)
        axis.set_aspect("equal")
        axis.axis("off")
    figure.colorbar(picture, ax=axes, label="density error in 5 mm balls [%]", shrink=0.8)
    figure.savefig(path, dpi=90)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
