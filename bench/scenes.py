"""Surfaces and measures of the placement benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
BALL_M = 0.005
FACE_RADIUS_M = 0.06
FACE_DENSITY = 442.0
HEAD_UNIT_M = 0.05
HEAD = Path(__file__).resolve().parents[2] / "shared" / "data" / "lps_head" / "LeePerrySmith.glb"


class Scene(NamedTuple):
    """Mesh in metres with the density per vertex `(V,)` [1/cm2]."""

    name: str
    title: str
    vertices: Points
    faces: NDArray[np.int64]
    density: Points


class Measured(NamedTuple):
    """Spacing in local hexagonal pitches (`facing`: of spots on the same side of a fold); density error over
    5 mm balls [%], at least 5 mm from the border and (`border_*`) anywhere."""

    count: int
    spacing: float
    facing: float
    rms: float
    worst: float
    border_rms: float
    border_worst: float


def pitch_m(density: Any) -> Any:
    """Return the hexagonal pitch [m] at a density [1/cm2]."""
    return np.sqrt(2.0 / (np.sqrt(3.0) * np.asarray(density) * 1e4))


def face_areas_cm2(vertices: Points, faces: NDArray[np.int64]) -> Points:
    """Return `(F,)` [cm2]."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2 * 1e4)


def patch(spots: int, *, graded: bool = False, sides: int = 200) -> Scene:
    """An undulating patch of 110 cm2, radii 70 to 180 mm, 2 `sides`^2 triangles."""
    line = np.linspace(-0.5, 0.5, sides + 1) * 102.9e-3
    x, y = np.meshgrid(line, line, indexing="ij")
    z = -(x**2) / 0.28 - y**2 / 0.36 + 1.5e-3 * np.sin(x / 16e-3) * np.cos(y / 20e-3)
    vertices = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    index = np.arange((sides + 1) ** 2).reshape(sides + 1, sides + 1)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    area = float(face_areas_cm2(vertices, faces).sum())
    if graded:
        density = 200.0 + 700.0 * (vertices[:, 0] - line[0]) / (line[-1] - line[0])
        title = f"density 200 to 900 per cm2 on the patch of {area:.0f} cm2"
        return Scene("graded", title, vertices, faces, density)
    title = f"{spots} spots, uniform, on a patch of {area:.0f} cm2 and {len(faces)} triangles"
    return Scene("patch", title, vertices, faces, np.full(len(vertices), spots / area))


def head_face(path: Path = HEAD, radius_m: float = FACE_RADIUS_M) -> Scene | None:
    """The face of the real head scan around the tip of the nose, subdivided once; None if it is not there."""
    if not path.is_file():
        return None
    import trimesh

    loaded: Any = trimesh.load(path)
    mesh = loaded.to_geometry() if hasattr(loaded, "to_geometry") else loaded.dump(concatenate=True)
    vertices, faces = trimesh.remesh.subdivide(
        np.asarray(mesh.vertices) * HEAD_UNIT_M, np.asarray(mesh.faces)
    )
    _, first, to = np.unique(np.round(vertices * 1e7), axis=0, return_index=True, return_inverse=True)
    vertices, faces = vertices[first], to.reshape(-1)[faces]
    nose = vertices[np.argmax(np.where(np.abs(vertices[:, 0]) < 0.02, vertices[:, 2], -np.inf))]
    faces = faces[np.linalg.norm(vertices[faces].mean(axis=1) - nose, axis=1) < radius_m]
    links = sparse.coo_matrix(
        (np.ones(3 * len(faces)), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())),
        shape=(len(vertices),) * 2,
    )
    _, label = connected_components(links, directed=False)
    faces = faces[label[faces[:, 0]] == np.argmax(np.bincount(label[faces[:, 0]]))]
    old, new = np.unique(faces, return_inverse=True)
    vertices, faces = vertices[old], new.reshape(-1, 3)
    area = float(face_areas_cm2(vertices, faces).sum())
    title = f"{FACE_DENSITY:.0f} per cm2 on the face of the head scan, {area:.0f} cm2, {len(faces)} triangles"
    return Scene("face", title, vertices, faces, np.full(len(vertices), FACE_DENSITY))


class Ruler:
    """Measures placements on one scene against a fine sampling of its prescribed density."""

    def __init__(self, scene: Scene, *, sub: int = 4, balls: int = 1500) -> None:
        self._scene = scene
        thirds = [
            ((i + t / 3) / sub, (j + t / 3) / sub)
            for i in range(sub) for j in range(sub - i) for t in (1, 2) if t == 1 or i + j < sub - 1
        ]  # fmt: skip
        bary = np.array([(1 - u - v, u, v) for u, v in thirds])
        corners = scene.vertices[scene.faces]
        self._points = np.einsum("sk,fkd->fsd", bary, corners).reshape(-1, 3)
        dense = scene.density[scene.faces] @ bary.T
        mass = (dense * (face_areas_cm2(scene.vertices, scene.faces) / sub**2)[:, None]).ravel()
        self._density = dense.ravel()
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        cross /= np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30)
        self._normals = np.repeat(cross, len(bary), axis=0)
        self._tree = cKDTree(self._points)
        rng = np.random.default_rng(0)
        self._centres = self._points[rng.choice(len(self._points), 2 * balls, p=mass / mass.sum())]
        edges = np.sort(np.concatenate([scene.faces[:, [k, (k + 1) % 3]] for k in range(3)]), axis=1)
        unique, uses = np.unique(edges, axis=0, return_counts=True)
        border = scene.vertices[np.unique(unique[uses == 1])]
        self._inner = np.ones(len(self._centres), bool)
        if len(border):
            self._inner = cKDTree(border).query(self._centres)[0] > BALL_M
        self._wanted = np.array([mass[i].sum() for i in self._tree.query_ball_point(self._centres, BALL_M)])

    def measure(self, positions: Points) -> Measured:
        """Return spacing and density error of spots `(N, 3)` [m]."""
        at = self._tree.query(positions)[1]
        pitch, normals = pitch_m(self._density[at]), self._normals[at]
        tree = cKDTree(positions)
        distance, other = tree.query(positions, k=8)
        scaled = distance[:, 1:] / (0.5 * (pitch[:, None] + pitch[other[:, 1:]]))
        facing = (normals[:, None, :] * normals[other[:, 1:]]).sum(axis=2) > 0.0
        error = tree.query_ball_point(self._centres, BALL_M, return_length=True) / self._wanted - 1.0
        inner = error[self._inner]
        return Measured(
            len(positions), float(scaled[:, 0].min()), float(np.where(facing, scaled, np.inf).min()),
            100 * float(np.sqrt((inner**2).mean())), 100 * float(np.abs(inner).max()),
            100 * float(np.sqrt((error**2).mean())), 100 * float(np.abs(error).max()),
        )  # fmt: skip
