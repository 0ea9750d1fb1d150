"""Pictures of a surface without a graphics card: an orthographic z-buffer in numpy, and its shading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from openmtz.geometry import TriangleMesh

Floats = NDArray[np.floating]
SKIN = np.array([0.89, 0.835, 0.79])
"""Base colour: warm clay. Deliberately nobody's skin type."""
_SIZES = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096])
_BATCH = 3_000_000


@dataclass(frozen=True, eq=False)
class View:
    """Orthographic camera: looks against `toward` at `center_m`; the picture is `width_m` by `height_m`."""

    center_m: Floats
    right: Floats
    up: Floats
    toward: Floats
    width_m: float
    height_m: float

    @classmethod
    def look(cls, center_m: Floats, toward: Floats, up_hint: Floats, width_m: float, height_m: float) -> View:
        """Build a view from where the viewer stands (`toward`) and what shall be upwards."""
        toward = np.asarray(toward, float) / np.linalg.norm(toward)
        for hint in (np.asarray(up_hint, float), np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])):
            up = hint - toward * (hint @ toward)
            if np.linalg.norm(up) > 1e-3:
                break
        up = up / np.linalg.norm(up)
        return cls(np.asarray(center_m, float), np.cross(up, toward), up, toward, width_m, height_m)

    def project_mm(self, points_m: Floats) -> Floats:
        """Return `(N, 2)` picture coordinates [mm], origin in the middle, y upwards."""
        delta = np.asarray(points_m) - self.center_m
        return np.stack([delta @ self.right, delta @ self.up], axis=-1) * 1e3

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top [mm], as `imshow` takes it."""
        w, h = self.width_m * 500, self.height_m * 500
        return -w, w, -h, h


@dataclass(frozen=True, eq=False)
class Raster:
    """What each pixel sees. `shape` is (rows, columns), row 0 the top; `P` pixels see skin.

    `pixel` `(P,)` flat index, `corners` `(P, 3)` vertices of the face seen, `weights` `(P, 3)` of them.
    """

    mesh: TriangleMesh
    view: View
    shape: tuple[int, int]
    pixel: NDArray[np.int64]
    corners: NDArray[np.int32]
    weights: NDArray[np.float32]

    def field(self, values: Floats) -> NDArray[np.float32]:
        """Return a per-vertex field `(V,)` or `(V, K)` at the pixels that see skin, `(P,)` or `(P, K)`."""
        columns = np.asarray(values, np.float32).reshape(len(values), -1).T
        w, c = self.weights, self.corners
        mixed = [f[c[:, 0]] * w[:, 0] + f[c[:, 1]] * w[:, 1] + f[c[:, 2]] * w[:, 2] for f in columns]
        return mixed[0] if np.ndim(values) == 1 else np.stack(mixed, axis=1)

    def image(self, at_pixels: Floats, empty: float = 0.0) -> NDArray[np.float32]:
        """Return `(P,)` or `(P, K)` spread over the picture, `(rows, columns[, K])`."""
        rows, columns = self.shape
        flat = np.full((rows * columns, *np.shape(at_pixels)[1:]), empty, np.float32)
        flat[self.pixel] = at_pixels
        return flat.reshape(rows, columns, *flat.shape[1:])


def rasterize(mesh: TriangleMesh, view: View, width_px: int) -> Raster:
    """Return what an orthographic view sees, `width_px` wide, pixels square."""
    height_px = max(1, round(width_px * view.height_m / view.width_m))
    scale = width_px / view.width_m
    delta = mesh.vertices - view.center_m
    x = delta @ view.right * scale + width_px / 2
    y = height_px / 2 - delta @ view.up * scale
    fx, fy = x[mesh.faces], y[mesh.faces]
    fz = (delta @ view.toward).astype(np.float32)[mesh.faces]
    x0 = np.maximum(np.ceil(fx.min(1) - 0.5), 0)
    y0 = np.maximum(np.ceil(fy.min(1) - 0.5), 0)
    w = np.minimum(np.floor(fx.max(1) - 0.5), width_px - 1) - x0 + 1
    h = np.minimum(np.floor(fy.max(1) - 0.5), height_px - 1) - y0 + 1
    # Weight of corner k at the pixel i right of and j below the first: base + i * along + j * down.
    rx, ry = fx - x0[:, None] - 0.5, fy - y0[:, None] - 0.5
    bx, by, cx, cy = (np.roll(r, -k, axis=1) for k in (1, 2) for r in (rx, ry))
    area2 = (bx * cy - cx * by).sum(axis=1)
    keep = np.flatnonzero((w > 0) & (h > 0) & (np.abs(area2) > 1e-6))
    safe = np.where(np.abs(area2) > 1e-6, area2, 1.0)[:, None]
    base, along, down = (
        v.astype(np.float32) for v in ((bx * cy - cx * by) / safe, (by - cy) / safe, (cx - bx) / safe)
    )
    depth = np.full(width_px * height_px, -np.inf, np.float32)
    face = np.full(width_px * height_px, -1, np.int32)
    weights = np.zeros((width_px * height_px, 3), np.float32)
    cw, ch = (_SIZES[np.searchsorted(_SIZES, np.minimum(v[keep], 4096))] for v in (w, h))
    start = (y0 * width_px + x0).astype(np.int64)
    for size_x, size_y in np.unique(np.stack([cw, ch], 1), axis=0):
        members = keep[(cw == size_x) & (ch == size_y)]
        step = max(1, _BATCH // int(size_x * size_y))
        j, i = (v.ravel() for v in np.mgrid[0:size_y, 0:size_x])
        fi, fj = i.astype(np.float32), j.astype(np.float32)
        for at in range(0, len(members), step):
            f = members[at : at + step]
            covered = (i < w[f, None]) & (j < h[f, None])
            for k in range(3):
                covered &= base[f, k, None] + fi * along[f, k, None] + fj * down[f, k, None] >= -1e-4
            row, n = np.nonzero(covered)
            ids = f[row]
            bary = base[ids] + fi[n, None] * along[ids] + fj[n, None] * down[ids]
            pixel = start[ids] + j[n] * width_px + i[n]
            z = (bary * fz[ids]).sum(axis=1)
            front = np.flatnonzero(z > depth[pixel])
            front = front[np.argsort(z[front], kind="stable")]  # the nearest is written last
            depth[pixel[front]], face[pixel[front]] = z[front], ids[front]
            weights[pixel[front]] = bary[front]
    seen = np.flatnonzero(face >= 0)
    return Raster(mesh, view, (height_px, width_px), seen, mesh.faces[face[seen]], weights[seen])


def shade(
    raster: Raster, normals: Floats, hollow: Floats | None = None, color: Floats | None = None
) -> NDArray[np.float32]:
    """Return a picture `(rows, columns, 4)`, 0 to 1, lit from the upper left.

    Args:
        normals: `(V, 3)`. color: `(P, 3)` albedo of the pixels that see skin, clay if omitted.
        hollow: `(V,)` -1 to 1 from `hollows`: shallow scars show by this rather than by the light.
    """
    view = raster.view
    n = raster.field(normals)
    n /= np.maximum(np.sqrt(np.einsum("pk,pk->p", n, n)), 1e-9)[:, None]
    n[n @ view.toward.astype(np.float32) < 0] *= -1  # both sides of an open surface
    key = _unit(-0.55 * view.right + 0.6 * view.up + 0.75 * view.toward)
    fill = _unit(0.8 * view.right + 0.1 * view.up + 0.6 * view.toward)
    lit = np.clip(n @ np.stack([key, fill, _unit(key + view.toward)], 1).astype(np.float32), 0, 1)
    light = 0.36 + 0.58 * lit[:, 0] + 0.14 * lit[:, 1]
    gloss = 0.08 * lit[:, 2] ** 20
    if hollow is not None:
        light *= 1 - 0.5 * raster.field(hollow)
    albedo = SKIN.astype(np.float32) if color is None else color
    pixels = np.ones((len(raster.pixel), 4), np.float32)
    pixels[:, :3] = np.clip(albedo * light[:, None] + gloss[:, None], 0, 1)
    return raster.image(pixels)


def smooth_vertices(mesh: TriangleMesh, width_m: float) -> NDArray[np.float64]:
    """Return `(V, 3)` vertices averaged over about `width_m` (1 sigma); the border stays where it is."""
    count = len(mesh.vertices)
    pairs = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    length = np.linalg.norm(mesh.vertices[pairs[:, 0]] - mesh.vertices[pairs[:, 1]], axis=1)
    ones = np.ones(len(pairs))
    half = sparse.csr_matrix((ones, pairs.T), shape=(count, count))
    border = np.unique((half - half.T).nonzero()[0])  # an edge with one triangle has no opposite
    both = ((half + half.T) > 0).astype(np.float64)
    average = sparse.diags(1.0 / np.maximum(both.sum(axis=1).A1, 1.0)) @ both
    points = mesh.vertices.copy()
    edge = max(float(np.median(length)), 1e-9)
    for _ in range(int(np.clip(round(2.0 * (width_m / edge) ** 2), 1, 300))):
        moved = 0.5 * points + 0.5 * (average @ points)
        moved[border] = points[border]
        points = moved
    return points


def hollows(mesh: TriangleMesh, normals: Floats, full_mm: float = 0.25) -> Floats:
    """Return `(V,)` -0.1 to 1: how far the skin lies below its surroundings of a few mm.

    1 stands for `full_mm` [mm] below; the curvature of the whole is taken out by the median.
    """
    edges = mesh.vertices[mesh.faces[:, 0]] - mesh.vertices[mesh.faces[:, 1]]
    if np.median(np.linalg.norm(edges, axis=1)) > 2e-3:
        return np.zeros(len(mesh.vertices))  # too coarse a mesh to have any
    fine, coarse = smooth_vertices(mesh, 0.5e-3), smooth_vertices(mesh, 3.5e-3)
    below_mm = ((coarse - fine) * normals).sum(axis=1) * 1e3
    return np.clip((below_mm - np.median(below_mm)) / full_mm, -0.1, 1.0)


def _unit(v: Floats) -> Floats:
    return v / np.linalg.norm(v)
