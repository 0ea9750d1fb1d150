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
BACK_TO_BACK = -0.95
"""Cosine between the normals of the two sides of a wall: 18 degrees of one another, as a wall has one
thickness. The two sides of an ear or a nostril of a real head keep to it on 0.15 to 0.4 of their area, those
of a wall on 0.85 to 1 (`bench/head_cutouts.py`)."""
VIEW_RAYS = 300


class Sight(NamedTuple):
    """What `P` pieces see.

    Attributes:
        before, behind: `(P,)` mean share of the sky seen before and behind each.
        cover: `(P,)` share of the sky before it that other pieces cover.
        blocked: `(P,)` share of it that has another piece within `WALL_M` straight before it.
        backed: `(P, P)` share of row piece that has the back of column piece within `WALL_M` behind it.
    """

    before: Array
    behind: Array
    cover: Array
    blocked: Array
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
        self._scene = open3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(
            self._tensor(self.vertices.astype(np.float32)), self._tensor(faces.astype(np.uint32))
        )

    def cast(self, origins: Array, directions: Array) -> tuple[Array, NDArray[np.int64]]:
        """Return distance `(N,)` [m] (inf: nothing) and face `(N,)` (-1) of the first hit of each ray."""
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        found = self._scene.cast_rays(self._tensor(rays))
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
    free, covered = _sky(scene, centres, normals, owner)
    behind, _ = _sky(scene, centres, -normals, owner)
    before, rear, cover = (np.bincount(owner, share, pieces) / count for share in (free, behind, covered))
    distance, face = scene.cast(centres - LIFT_M * normals, -normals)
    ahead, hit = scene.cast(centres + LIFT_M * normals, normals)
    shut = (ahead <= WALL_M) & (scene.label[hit] != owner)
    blocked = np.bincount(owner, shut, pieces) / count
    near = np.flatnonzero((face >= 0) & (distance <= WALL_M))
    facing = np.einsum("ij,ij->i", scene.normals(face[near]), normals[near])
    near = near[(facing < BACK_TO_BACK) & (scene.label[face[near]] < pieces)]
    backed = np.zeros((pieces, pieces))
    np.add.at(backed, (owner[near], scene.label[face[near]]), 1.0)
    return Sight(before, rear, cover, blocked, backed / count[:, None])


def seen_from(scene: Scene, direction: Array, pieces: int) -> tuple[Array, Array]:
    """Return the share of each piece `(P,)` that is seen from afar along `-direction`, by its front and by
    its back: of what would be seen if nothing stood before it."""
    x, y = _across(direction)
    radius = 0.5 * scene.size
    line = np.linspace(-radius, radius, VIEW_RAYS)
    u, v = (w.ravel() for w in np.meshgrid(line, line))
    origins = 2.0 * radius * direction + u[:, None] * x + v[:, None] * y
    _, face = scene.cast(origins, np.broadcast_to(-direction, origins.shape))
    face = face[face >= 0]
    face = face[scene.label[face] < pieces]
    across = 0.5 * scene.cross @ direction
    mine = scene.label < pieces
    whole = np.bincount(scene.label[mine], np.abs(across[mine]), pieces)
    cell = (line[1] - line[0]) ** 2
    front = across[face] > 0.0
    shares = [np.bincount(scene.label[face[side]], minlength=pieces) * cell for side in (front, ~front)]
    return shares[0] / np.maximum(whole, cell), shares[1] / np.maximum(whole, cell)


def _sky(scene: Scene, centres: Array, normals: Array, owner: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return `(N,)` the share of cosine-weighted directions around `normals` without a hit within `SKY_M`,
    and with a hit there on another piece than the `owner` `(N,)`."""
    k = np.arange(DIRECTIONS)
    radius = np.sqrt((k + 0.5) / DIRECTIONS)
    turn = k * np.pi * (3.0 - np.sqrt(5.0))
    x, y = (axis[:, None] for axis in _across(normals))
    u, v, w = (
        column[None, :, None]
        for column in (radius * np.cos(turn), radius * np.sin(turn), np.sqrt(1.0 - radius**2))
    )
    rays = (u * x + v * y + w * normals[:, None]).reshape(-1, 3)
    origins = np.repeat(centres + LIFT_M * normals, DIRECTIONS, axis=0)
    distance, face = scene.cast(origins, rays)
    near = distance <= SKY_M
    other = near & (scene.label[face] != np.repeat(owner, DIRECTIONS))
    shape = (-1, DIRECTIONS)
    return (~near).reshape(shape).mean(axis=1), other.reshape(shape).mean(axis=1)


def _across(normals: Array) -> tuple[Array, Array]:
    """Return two unit vectors at right angles to unit `normals` `(..., 3)` and to each other."""
    hint = np.where(np.abs(normals[..., :1]) < 0.8, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    x = hint - normals * (hint * normals).sum(axis=-1, keepdims=True)
    x = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return x, np.cross(normals, x)
