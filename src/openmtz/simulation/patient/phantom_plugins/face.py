"""A face: an ellipsoid with nose, eye sockets, brows, cheekbones, lips and chin as smooth features.

Own frame: x to the subject's left, y up, z to the front, origin inside the head. Sizes are those of an
adult, engineering defaults [M]; each amplitude varies with the seed by up to 15 %.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openmtz.hooks import PhantomSkin
from openmtz.simulation.patient.lesions import carve_lesions
from openmtz.simulation.patient.phantom_plugins.grid import graded_axis, grid_mesh
from openmtz.simulation.patient.phantom_plugins.smooth import with_ripple

Array = NDArray[np.float64]
HALF_AXES_M = (0.072, 0.115, 0.090)
REACH_RAD = (1.25, 1.0)
"""The skin ends this far round the head, sideways and up or down [rad]."""
TARGET_M = (0.046, -0.028)
"""Middle of the left cheek: x and y on the ellipsoid [m]."""
FEATURES: tuple[tuple[str, float, float, float, float, float], ...] = (
    # name, x, y, width along x, width along y (1 sigma), height along z [m]; each also at -x
    ("eye socket", 0.032, 0.027, 0.012, 0.008, -0.009),
    ("eyelid", 0.032, 0.026, 0.009, 0.006, 0.005),
    ("brow", 0.028, 0.043, 0.015, 0.005, 0.003),
    ("cheekbone", 0.044, 0.002, 0.016, 0.013, 0.004),
    ("nostril wing", 0.013, -0.021, 0.005, 0.005, 0.006),
    ("upper lip", 0.008, -0.048, 0.010, 0.0035, 0.0025),
    ("lower lip", 0.008, -0.060, 0.010, 0.0035, 0.0025),
    ("mouth", 0.010, -0.054, 0.012, 0.0018, -0.0016),
    ("philtrum", 0.0, -0.039, 0.0025, 0.005, -0.0006),
    ("fold under the lip", 0.008, -0.071, 0.012, 0.004, -0.0015),
    ("chin", 0.0, -0.086, 0.014, 0.011, 0.004),
)
NOSE_TIP_M, NOSE_TOP_M, NOSE_HEIGHT_M = -0.022, 0.027, 0.022


def build_face(lesions: str, seed: int, region_radius_m: float) -> PhantomSkin:
    """Return a face whose left cheek holds the lesions and is the target."""
    rng = np.random.default_rng([seed, 3, 0x9E37])
    wide, tall, deep = HALF_AXES_M
    middle = np.arcsin(TARGET_M[1] / tall)
    aside = np.arcsin(TARGET_M[0] / (wide * np.cos(middle)))
    fine = region_radius_m + 0.007
    # Angles times these lengths are about arc lengths at the target.
    arc_x = float(np.hypot(wide * np.cos(aside), deep * np.sin(aside)) * np.cos(middle))
    arc_y = tall
    u = graded_axis(-REACH_RAD[0] * arc_x, REACH_RAD[0] * arc_x, fine, float(aside * arc_x), coarsest_m=0.002)
    v = graded_axis(
        -REACH_RAD[1] * arc_y, REACH_RAD[1] * arc_y, fine, float(middle * arc_y), coarsest_m=0.002
    )
    theta, phi = np.meshgrid(u / arc_x, v / arc_y)
    x, y = wide * np.sin(theta) * np.cos(phi), tall * np.sin(phi)
    z = deep * np.cos(theta) * np.cos(phi) + _features(x, y, rng)
    z = with_ripple(z, x, y, 0.0003, rng)
    healthy = grid_mesh(np.stack([x, y, z], axis=-1).reshape(-1, 3), len(u), len(v))
    row = int(np.argmin(np.abs(v / arc_y - middle)))
    column = int(np.argmin(np.abs(u / arc_x - aside)))
    target = healthy.vertices[row * len(u) + column].copy()
    near = np.linalg.norm(healthy.vertices - target, axis=1) < region_radius_m
    out = (healthy.vertex_normals() * healthy.vertex_areas()[:, None])[near].sum(axis=0)
    out /= np.linalg.norm(out)
    carved = carve_lesions(healthy, target, out, region_radius_m, lesions, rng)
    return PhantomSkin(
        carved.mesh.vertices,
        carved.mesh.faces,
        carved.mask,
        carved.depth_m,
        carved.label,
        (float(target[0]), float(target[1]), float(target[2])),
        (float(out[0]), float(out[1]), float(out[2])),
    )


def _features(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return how far features raise the skin along z [m] at `x`, `y` [m]."""
    total = np.zeros(x.shape)
    for _, at_x, at_y, wide, tall, height in FEATURES:
        height *= rng.uniform(0.85, 1.15)
        for side in (-1.0, 1.0):
            total += height * np.exp(-0.5 * ((x - side * at_x) / wide) ** 2 - 0.5 * ((y - at_y) / tall) ** 2)
    # The nose: a ridge that widens and rises from the root to the tip, then falls off within 10 mm.
    height = NOSE_HEIGHT_M * rng.uniform(0.85, 1.15)
    down = (NOSE_TOP_M - y) / (NOSE_TOP_M - NOSE_TIP_M)
    rise = np.clip(down, 0.0, 1.0) ** 1.3
    fall = np.exp(-0.5 * (np.minimum(y - NOSE_TIP_M, 0.0) / 0.0045) ** 2)
    width = 0.005 + 0.004 * np.clip(down, 0.0, 1.0)
    return total + height * rise * fall * np.exp(-0.5 * (x / width) ** 2)
