"""What can be seen of pieces of skin: how much sky lies before them and behind them, and what backs them.

Rays by Embree (Open3D). The outside of a body is where the head comes from: skin that sees no sky within the
head's reach is not seen from outside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import load_open3d
from openmtz.surfaces.raw import Array, Faces

SKY_M = 0.4
"""Nothing within this distance [m] is sky: the scan head, its camera and the arm's wrist fit in between."""
WALL_M = 0.012
"""Two sheets no further apart than this [m], back to back, may be the two sides of one wall: walls of hollow
exports are 0.5 to 10 mm thick."""
LIFT_M = 5e-5
"""Rays start so far off the skin [m]."""
SAMPLES = 400
FEWEST_SAMPLES = 24
MOST_SAMPLES = 40_000
DIRECTIONS = 32
BACK_TO_BACK = -0.5
"""Cosine between the normals of two sides of a wall: below it they look away from each other."""
VIEW_RAYS = 300


class Sight(NamedTuple):
    """Of `P` pieces: mean share of the sky seen `before` `(P,)` and `behind` `(P,)` them; `backed` `(P, P)`
    share of row piece's samples that have column piece's back within `WALL_M` behind them."""

    before: Array
    behind: Array
    backed: Array


class Scene:
    """The triangles as wound after `turned`; vertices `(V, 3)` [m], faces `(F, 3)`, piece `label` `(F,)`."""

    def __init__(self, vertices: Array, faces: Faces, label: NDArray[np.int64]) -> None:
        open3d = load_open3d()
        self.faces, self.label = faces, label
        self._middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
        self.vertices = vertices - self._middle
        self.size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
        a, b, c = (self.vertices[faces[:, k]] for k in range(3))
        self.cross = np.cross(b - a, c - a)
        self.areas = 0.5 * np.linalg.norm(self.cross, axis=1)
        self._tensor: Any = open3d.core.Tensor
        self._scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            self._tensor(self.vertices.astype(np.float32)), self._tensor(faces.astype(np.uint32))
        )

    def cast(self, origins: Array, directions: Array) -> tuple[Array, NDArray[np.int64]]:
        """Return distance `(N,)` [m] (inf: nothing) and face `(N,)` (-1) of the first hit of each ray."""
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        found = self._scene.cast_rays(self._tensor(rays), nthreads=1)
        distance = found["t_hit"].numpy().astype(np.float64)
        face = found["primitive_ids"].numpy().astype(np.int64)
        return distance, np.where(np.isfinite(distance), face, -1)

    def normals(self, rows: NDArray[np.int64]) -> Array:
        """Return unit normals `(N, 3)` of faces."""
        cross = self.cross[rows]
        return np.asarray(cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-30))

    def turn(self, flip: NDArray[np.bool_]) -> None:
        """Turn the faces `flip` `(F,)` bool over."""
        self.faces = np.where(flip[:, None], self.faces[:, ::-1], self.faces)
        self.cross = np.where(flip[:, None], -self.cross, self.cross)

    def nearest_face(self, point_m: Array) -> int:
        """Return the face nearest to a point `(3,)` [m]."""
        query = self._tensor((np.asarray(point_m) - self._middle).astype(np.float32)[None])
        return int(self._scene.compute_closest_points(query)["primitive_ids"].numpy()[0])

    def middle_of(self, rows: NDArray[np.bool_]) -> Array:
        """Return the middle `(3,)` [m] of the faces `rows` `(F,)` bool, in the frame of the file."""
        weight = np.maximum(self.areas[rows], 1e-30)
        centres = self.vertices[self.faces[rows]].mean(axis=1)
        return np.asarray(np.average(centres, axis=0, weights=weight) + self._middle)

    def spread(self, pieces: int) -> NDArray[np.int64]:
        """Return faces `(N,)` spread over each piece by area, more on large ones; the same every time."""
        solid = np.flatnonzero((self.areas > 0.0) & (self.label < pieces))
        order = solid[np.argsort(self.label[solid], kind="stable")]
        total = np.bincount(self.label[solid], self.areas[solid], pieces)
        many = np.clip(SAMPLES * np.sqrt(total / max(float(total.max()), 1e-30)), FEWEST_SAMPLES, SAMPLES)
        many = np.maximum(many * min(1.0, MOST_SAMPLES / many.sum()), 1.0).astype(np.int64)
        many[total <= 0.0] = 0
        piece = np.repeat(np.arange(pieces), many)
        step = np.arange(len(piece)) - np.repeat(np.cumsum(many) - many, many)
        before = np.cumsum(total) - total
        at = before[piece] + (step + 0.5) / many[piece] * total[piece]
        return order[np.minimum(np.searchsorted(np.cumsum(self.areas[order]), at), len(order) - 1)]


def look(scene: Scene, pieces: int) -> Sight:
    """Return what the first `pieces` pieces see before and behind them."""
    rows = scene.spread(pieces)
    normals = scene.normals(rows)
    centres = scene.vertices[scene.faces[rows]].mean(axis=1)
    owner = scene.label[rows]
    count = np.maximum(np.bincount(owner, minlength=pieces), 1)
    shares = [
        np.bincount(owner, _sky(scene, centres, sign * normals), pieces) / count for sign in (1.0, -1.0)
    ]
    distance, face = scene.cast(centres - LIFT_M * normals, -normals)
    near = np.flatnonzero((face >= 0) & (distance <= WALL_M))
    facing = np.einsum("ij,ij->i", scene.normals(face[near]), normals[near])
    near = near[(facing < BACK_TO_BACK) & (scene.label[face[near]] < pieces)]
    backed = np.zeros((pieces, pieces))
    np.add.at(backed, (owner[near], scene.label[face[near]]), 1.0)
    return Sight(shares[0], shares[1], backed / count[:, None])


def seen_from(scene: Scene, direction: Array, pieces: int) -> tuple[Array, Array]:
    """Return how many rays from afar along `-direction` meet the front and the back of each piece `(P,)`."""
    x, y = _across(direction)
    radius = 0.5 * scene.size
    line = np.linspace(-radius, radius, VIEW_RAYS)
    u, v = (w.ravel() for w in np.meshgrid(line, line))
    origins = 2.0 * radius * direction + u[:, None] * x + v[:, None] * y
    _, face = scene.cast(origins, np.broadcast_to(-direction, origins.shape))
    face = face[face >= 0]
    face = face[scene.label[face] < pieces]
    front = scene.cross[face] @ direction > 0.0
    label = scene.label[face]
    return (
        np.bincount(label[front], minlength=pieces).astype(np.float64),
        np.bincount(label[~front], minlength=pieces).astype(np.float64),
    )


def _sky(scene: Scene, centres: Array, normals: Array) -> Array:
    """Return `(N,)` the share of cosine-weighted directions around `normals` without a hit within `SKY_M`."""
    k = np.arange(DIRECTIONS)
    radius = np.sqrt((k + 0.5) / DIRECTIONS)
    turn = k * np.pi * (3.0 - np.sqrt(5.0))
    x, y = _across(normals)
    local = np.stack([radius * np.cos(turn), radius * np.sin(turn), np.sqrt(1.0 - radius**2)], axis=1)
    rays = (
        local[None, :, :1] * x[:, None] + local[None, :, 1:2] * y[:, None] + local[None, :, 2:] * normals[:, None]
    ).reshape(-1, 3)
    origins = np.repeat(centres + LIFT_M * normals, DIRECTIONS, axis=0)
    distance, _ = scene.cast(origins, rays)
    return (distance.reshape(-1, DIRECTIONS) > SKY_M).mean(axis=1)


def _across(normals: Array) -> tuple[Array, Array]:
    """Return two unit vectors at right angles to unit `normals` `(..., 3)` and to each other."""
    hint = np.where(np.abs(normals[..., :1]) < 0.8, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    x = hint - normals * (hint * normals).sum(axis=-1, keepdims=True)
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return x, np.cross(normals, x)
