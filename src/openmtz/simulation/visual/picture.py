"""Pictures of the cell without display or graphics card: Embree rays, one light, its shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from openmtz.capture import load_open3d
from openmtz.geometry import TriangleMesh
from openmtz.simulation.visual.cell import CellShapes, Shape
from openmtz.simulation.visual.snapshot import Snapshot

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]
SKIN = (0.87, 0.68, 0.58)
SKY = np.array([0.965, 0.97, 0.98])
SPOT_RGB, BEAM_RGB, INK = (178, 18, 26), (255, 70, 60), (60, 66, 74)
LIGHT = np.array([0.35, -0.45, 0.82]) / np.linalg.norm([0.35, -0.45, 0.82])
AMBIENT, DIFFUSE, SHADOWED = 0.50, 0.55, 0.45
SMOOTH = 2
"""Rays per pixel and direction, averaged: without, edges have steps."""
LIFT_M = 1e-4
"""Shadow rays begin this far off the surface."""


@dataclass(frozen=True)
class Look:
    """From where, at what, how wide: `eye`, `at` [m, world], vertical field of view [deg]."""

    eye: tuple[float, float, float]
    at: tuple[float, float, float]
    fov_deg: float = 32.0

    def rays(self, width: int, height: int) -> tuple[Array, Array]:
        """Return the eye `(3,)` and unit directions `(height, width, 3)`.

        Raises:
            ValueError: eye and target in one place, or one above the other.
        """
        eye, axes = self._axes()
        half = np.tan(np.deg2rad(self.fov_deg) / 2)
        u = (np.arange(width) + 0.5 - width / 2) / (height / 2) * half
        v = (height / 2 - np.arange(height) - 0.5) / (height / 2) * half
        rays = axes[2] + u[None, :, None] * axes[0] + v[:, None, None] * axes[1]
        return eye, rays / np.linalg.norm(rays, axis=-1, keepdims=True)

    def project(self, points_m: Array, width: int, height: int) -> tuple[Array, Array]:
        """Return pixels `(N, 2)` and distance `(N,)` [m] along the view of points `(N, 3)`."""
        eye, axes = self._axes()
        seen = (points_m - eye) @ axes.T
        depth = np.maximum(seen[:, 2], 1e-9)
        scale = (height / 2) / np.tan(np.deg2rad(self.fov_deg) / 2)
        pixel = np.stack([width / 2 + scale * seen[:, 0] / depth, height / 2 - scale * seen[:, 1] / depth], 1)
        return pixel, np.linalg.norm(points_m - eye, axis=1)

    def _axes(self) -> tuple[Array, Array]:
        eye, at = np.asarray(self.eye, np.float64), np.asarray(self.at, np.float64)
        forward = at - eye
        right = np.cross(forward, [0.0, 0.0, 1.0])
        if np.linalg.norm(right) < 1e-9:
            raise ValueError(f"a look from {self.eye} at {self.at} has no upright: move the eye to the side")
        forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
        return eye, np.array([right, np.cross(right, forward), forward])


CELL_LOOK = Look((1.15, -1.02, 0.62), (0.36, -0.02, 0.08), 34.0)
"""The whole arm over the patient."""


class _Solid:
    """Shapes ready for rays, each with its colour."""

    def __init__(self, parts: Sequence[tuple[TriangleMesh, tuple[float, float, float]]]) -> None:
        open3d = load_open3d()
        self._tensor: Any = open3d.core.Tensor
        self._scene = open3d.t.geometry.RaycastingScene(nthreads=1)
        self._colors = np.array([color for _, color in parts])
        for mesh, _ in parts:
            self._scene.add_triangles(
                self._tensor(np.float32(mesh.vertices)), self._tensor(np.uint32(mesh.faces))
            )

    def hit(self, eye: Array, rays: Array) -> tuple[Array, Array, Array]:
        """Return distance (inf: none), normals towards the eye, colours, of rays `(..., 3)`."""
        packed = np.concatenate([np.broadcast_to(eye, rays.shape), rays], axis=-1).astype(np.float32)
        found = self._scene.cast_rays(self._tensor(packed), nthreads=1)
        distance = found["t_hit"].numpy().astype(np.float64)
        normal = found["primitive_normals"].numpy().astype(np.float64)
        normal *= -np.sign(np.einsum("...i,...i->...", normal, rays))[..., None]
        which = found["geometry_ids"].numpy()
        return distance, normal, self._colors[np.minimum(which, len(self._colors) - 1)]

    def shades(self, points: Array) -> NDArray[np.bool_]:
        """Return which of points `(N, 3)` this keeps the light from."""
        packed = np.concatenate([points, np.broadcast_to(LIGHT, points.shape)], axis=-1).astype(np.float32)
        blocked: NDArray[np.bool_] = self._scene.test_occlusions(self._tensor(packed), nthreads=1).numpy()
        return blocked


class CellPainter:
    """Paints snapshots from one place. What stands still is looked at once."""

    def __init__(
        self,
        patient: TriangleMesh | None,
        look: Look = CELL_LOOK,
        size: tuple[int, int] = (640, 480),
        spot_px: float = 1.6,
        label: bool = True,
    ) -> None:
        """`size`: width, height [px]; `spot_px`: radius a spot is drawn with; `label`: time and count on it.

        Raises:
            ValueError: a size that is no picture.
        """
        if min(size) < 16 or max(size) > 4096:
            raise ValueError(f"size must be 16 to 4096 px wide and high, got {size}")
        self._cell, self._look, self.size, self._spot_px = CellShapes(), look, size, spot_px
        self._eye, self._rays = look.rays(SMOOTH * size[0], SMOOTH * size[1])
        self._patient, self._label = patient, label

    @cached_property
    def _still(self) -> tuple[_Solid, Array, Array, Array, NDArray[np.bool_]]:
        parts = [(s.mesh, s.color) for s in self._cell.fixed]
        if self._patient is not None:
            parts.append((self._patient, SKIN))
        solid = _Solid(parts)
        distance, normal, color = solid.hit(self._eye, self._rays)
        seen = np.isfinite(distance)
        shade = np.zeros(distance.shape, bool)
        shade[seen] = solid.shades(self._points(distance, normal)[seen])
        return solid, distance, normal, color, shade

    def _points(self, distance: Array, normal: Array) -> Array:
        reach = np.where(np.isfinite(distance), distance, 0.0)
        points: Array = self._eye + reach[..., None] * self._rays + LIFT_M * normal
        return points

    def paint(self, snapshot: Snapshot, spots_m: Array) -> Image.Image:
        """Return the picture: the arm at the snapshot's joints, all `spots_m` `(N, 3)` fired so far, and the
        beam where the snapshot has new ones."""
        rest, distance, normal, color, shade = self._still
        arm = _Solid(
            [
                _placed(s, p)
                for s, p in zip(self._cell.moving, self._cell.poses(snapshot.joints_rad), strict=True)
            ]
        )
        near, arm_normal, arm_color = arm.hit(self._eye, self._rays)
        front = near < distance
        distance = np.where(front, near, distance)
        normal = np.where(front[..., None], arm_normal, normal)
        color = np.where(front[..., None], arm_color, color)
        points = self._points(distance, normal)
        shade = shade & ~front
        seen = np.isfinite(distance)
        shade[front] = rest.shades(points[front])
        shade[seen] |= arm.shades(points[seen])
        lit = np.clip(normal @ LIGHT, 0.0, None) * np.where(shade, SHADOWED, 1.0)
        bright = AMBIENT + DIFFUSE * lit
        picture = np.where(seen[..., None], np.clip(color * bright[..., None], 0.0, 1.0), SKY)
        width, height = self.size
        small = picture.reshape(height, SMOOTH, width, SMOOTH, 3).mean(axis=(1, 3))
        image = Image.fromarray(np.rint(255 * small).astype(np.uint8), "RGB")
        self._mark(image, snapshot, np.asarray(spots_m, np.float64).reshape(-1, 3), distance)
        return image

    def _mark(self, image: Image.Image, snapshot: Snapshot, spots: Array, distance: Array) -> None:
        draw = ImageDraw.Draw(image)
        if len(spots):
            pixel, away = self._look.project(spots, *self.size)
            row = np.clip(np.rint(SMOOTH * pixel[:, 1]).astype(int), 0, distance.shape[0] - 1)
            column = np.clip(np.rint(SMOOTH * pixel[:, 0]).astype(int), 0, distance.shape[1] - 1)
            visible = away < distance[row, column] + 0.002
            r = self._spot_px
            for x, y in pixel[visible]:
                draw.ellipse((x - r, y - r, x + r, y + r), fill=SPOT_RGB)
        if len(snapshot.new_spots_m):
            ends = np.stack([self._cell.window(snapshot.joints_rad), snapshot.new_spots_m[-1]])
            line = self._look.project(ends, *self.size)[0]
            draw.line([tuple(line[0]), tuple(line[1])], fill=BEAM_RGB, width=2)
        if not self._label:
            return
        label = f"{snapshot.time_s:6.1f} s   {len(spots)} spots" + (
            f"   {snapshot.text}" if snapshot.text else ""
        )
        draw.text((8, 6), label, fill=INK, font_size=max(11, self.size[1] // 32))


def _placed(shape: Shape, pose: Array) -> tuple[TriangleMesh, tuple[float, float, float]]:
    vertices = shape.mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
    return TriangleMesh(vertices, shape.mesh.faces), shape.color
