"""Small surfaces the placement is tested on: flat, curved, closed."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

FLAT = (np.array([[0, 0, 0], [20, 0, 0], [20, 20, 0], [0, 20, 0]]) * 1e-3, np.array([[0, 1, 2], [0, 2, 3]]))


def grid(side_mm: float, step_mm: float, shape) -> tuple[np.ndarray, np.ndarray]:
    steps = int(side_mm / step_mm) + 1
    line = np.linspace(0, side_mm, steps) * 1e-3
    x, y = np.meshgrid(line, line, indexing="ij")
    vertices = shape(x, y).reshape(-1, 3)
    index = np.arange(steps * steps).reshape(steps, steps)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def cylinder(x, y):
    return np.stack([0.03 * np.cos(x / 0.03), y, 0.03 * np.sin(x / 0.03)], axis=-1)


def saddle(x, y):
    return np.stack([x, y, ((x - 0.01) ** 2 - (y - 0.01) ** 2) / 0.06], axis=-1)


def sphere() -> tuple[np.ndarray, np.ndarray]:
    k = np.arange(1500) + 0.5
    polar, turn = np.arccos(1 - 2 * k / 1500), np.pi * (1 + 5**0.5) * k
    points = 0.012 * np.stack(
        [np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1
    )
    faces = ConvexHull(points).simplices
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return points, faces


def torus() -> tuple[np.ndarray, np.ndarray]:
    """A closed ring, radii 10 and 4 mm."""
    turns, rounds = 64, 28
    a, b = np.meshgrid(np.arange(turns), np.arange(rounds), indexing="ij")
    u, v = 2 * np.pi * a / turns, 2 * np.pi * b / rounds
    ring = 0.010 + 0.004 * np.cos(v)
    points = np.stack([ring * np.cos(u), ring * np.sin(u), 0.004 * np.sin(v)], axis=-1).reshape(-1, 3)

    def at(i, j):
        return ((i % turns) * rounds + j % rounds).ravel()

    p, q, r, s = at(a, b), at(a + 1, b), at(a + 1, b + 1), at(a, b + 1)
    return points, np.concatenate([np.stack([p, q, r], 1), np.stack([p, r, s], 1)])


def tube(x, y):
    """A forearm: an elliptic tube that narrows, open along one line."""
    turn, narrow = x / 0.02 * 2 * np.pi, 1.0 - 15.0 * y
    return np.stack([0.006 * narrow * np.cos(turn), y, 0.0045 * narrow * np.sin(turn)], axis=-1)


def nose(x, y):
    """A ridge with a tip: steep walls on both sides."""
    height = 0.007 * np.exp(-(((x - 0.01) / 0.004) ** 2)) / (1.0 + np.exp((y - 0.014) / 0.0012))
    return np.stack([x, y, height], axis=-1)


SURFACES = {
    "flat": lambda: grid(20, 1, lambda x, y: np.stack([x, y, 0 * x], axis=-1)),
    "two triangles": lambda: FLAT,
    "cylinder": lambda: grid(20, 0.7, cylinder),
    "saddle": lambda: grid(20, 1, saddle),
    "sphere": sphere,
    "torus": torus,
    "forearm tube": lambda: grid(20, 0.5, tube),
    "nose": lambda: grid(20, 0.4, nose),
}


def area_cm2(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 * 1e4)
