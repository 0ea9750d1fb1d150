"""One depth image -> denoised -> the nearest body part -> triangle mesh in the optical frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from openmtz.capture import CameraIntrinsics, largest_piece, taubin
from openmtz.geometry import TriangleMesh
from openmtz.simulation.patient.errors import PatientError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
PART_AREA_MIN_M2 = 0.0012
"""A body part must show at least this area [m2] across the view; smaller pieces are stray pixels."""


def edge_limit(depth: Array, intrinsics: CameraIntrinsics) -> Array:
    """Return `(H, W)` the step [m] between neighbouring pixels that still is one surface.

    Five pixel pitches, a slope of 79 degrees, and never less than 4 mm.
    """
    return np.maximum(0.004, 5.0 * depth / min(intrinsics.fx, intrinsics.fy))


def nearest_part(depth: Array, intrinsics: CameraIntrinsics) -> Mask:
    """Return `(H, W)` bool: the piece nearest to the camera that is large enough to be a body part.

    What a person shows to the camera is in front of the rest of the person; clothes and background
    lie behind and are separated by a depth step.

    Raises:
        PatientError: no piece is large enough.
    """
    valid = depth > 0
    limit = edge_limit(depth, intrinsics)
    index = np.arange(depth.size).reshape(depth.shape)
    links = []
    for a, b in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        joined = valid[a] & valid[b] & (np.abs(depth[a] - depth[b]) <= limit[a])
        links.append(np.stack([index[a][joined], index[b][joined]]))
    i, j = np.concatenate(links, axis=1)
    count = depth.size
    graph = coo_matrix((np.ones(len(i), np.int8), (i, j)), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    label = label.reshape(depth.shape)
    area = np.bincount(label[valid], weights=(depth[valid] ** 2) / (intrinsics.fx * intrinsics.fy))
    large = np.nonzero(area > PART_AREA_MIN_M2)[0]
    if len(large) == 0:
        raise PatientError(
            f"no connected piece of skin of {PART_AREA_MIN_M2 * 1e4:.0f} cm2 or more in the depth frame",
            "hold the body part nearer to the camera, or check fx,fy and the depth unit",
        )
    near = [np.percentile(depth[valid & (label == k)], 20) for k in large]
    return valid & (label == large[int(np.argmin(near))])


def fill_small_holes(depth: Array, part: Mask, largest_px: int = 30) -> tuple[Array, Mask]:
    """Return depth and mask with holes of at most `largest_px` pixels inside the part filled smoothly."""
    holes, _ = ndimage.label(ndimage.binary_fill_holes(part) & ~part)
    small = np.bincount(holes.ravel()) <= largest_px
    small[0] = False
    fill = small[holes]
    filled = np.where(part, depth, 0.0)
    known = part.copy()
    kernel = np.ones((3, 3))
    while (fill & ~known).any():  # grow inwards from the rim, one ring at a time
        weight = ndimage.convolve(known.astype(float), kernel, mode="constant")
        total = ndimage.convolve(np.where(known, filled, 0.0), kernel, mode="constant")
        ring = fill & ~known & (weight > 0)
        if not ring.any():
            break
        filled[ring] = total[ring] / weight[ring]
        known |= ring
    return np.where(known, filled, 0.0), known


def denoise(
    depth: Array, part: Mask, iterations: int = 2, sigma_px: float = 1.6, sigma_m: float = 0.003
) -> Array:
    """Return the depth of the part, outliers replaced by medians and bilaterally smoothed, 0 elsewhere."""
    rows, columns = np.nonzero(part)
    window = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    smooth = np.zeros(depth.shape)
    smooth[window] = _denoise_window(depth[window], part[window], iterations, sigma_px, sigma_m)
    return smooth


def _denoise_window(depth: Array, part: Mask, iterations: int, sigma_px: float, sigma_m: float) -> Array:
    values = np.where(part, depth, np.nan)
    around = np.sort(_neighbours(values, 1)[:, part], axis=0)  # NaN last
    known = np.isfinite(around).sum(axis=0)
    middle = np.zeros(depth.shape)
    middle[part] = around[known // 2, np.arange(around.shape[1])]
    values = np.where(part & (np.abs(values - middle) > 0.002), middle, values)
    radius = int(np.ceil(2 * sigma_px))
    span = range(-radius, radius + 1)
    offsets = [(dy, dx) for dy in span for dx in span if dy > 0 or (dy == 0 and dx >= 0)]
    for _ in range(iterations):
        padded = np.pad(np.where(part, values, np.nan), radius, constant_values=np.nan)
        total, weight = np.zeros(depth.shape), np.zeros(depth.shape)
        for dy, dx in offsets:
            # Opposite neighbours in pairs: on a slope their differences cancel; a lone one (at the
            # rim) would pull the surface, so it is left out.
            pair = 0.5 * (_shifted(padded, radius, dy, dx) + _shifted(padded, radius, -dy, -dx))
            w = np.exp(-(dx * dx + dy * dy) / (2 * sigma_px**2) - (pair - values) ** 2 / (2 * sigma_m**2))
            good = np.isfinite(pair) & np.isfinite(w)
            total[good] += (w * pair)[good]
            weight[good] += w[good]
        values = np.where(part & (weight > 0), total / np.maximum(weight, 1e-12), values)
    return np.where(part, values, 0.0)


def _shifted(padded: Array, radius: int, dy: int, dx: int) -> Array:
    height, width = padded.shape[0] - 2 * radius, padded.shape[1] - 2 * radius
    return padded[radius + dy : radius + dy + height, radius + dx : radius + dx + width]


def _neighbours(values: Array, radius: int) -> Array:
    padded = np.pad(values, radius, constant_values=np.nan)
    size = 2 * radius + 1
    h, w = values.shape
    return np.stack([padded[i : i + h, j : j + w] for i in range(size) for j in range(size)])


def depth_to_mesh(
    depth: Array, part: Mask, intrinsics: CameraIntrinsics, smoothing: int = 10
) -> TriangleMesh:
    """Return the largest piece of the part as a mesh in the optical frame, facing the camera.

    Raises:
        PatientError: nothing connected remains.
    """
    points = intrinsics.directions() * depth[..., None]
    index = np.full(depth.shape, -1, np.int64)
    index[part] = np.arange(np.count_nonzero(part))
    corners = (np.s_[:-1, :-1], np.s_[:-1, 1:], np.s_[1:, :-1], np.s_[1:, 1:])
    whole = np.logical_and.reduce([part[c] for c in corners])
    heights = np.stack([depth[c] for c in corners])
    spread = heights.max(axis=0) - heights.min(axis=0)
    whole &= spread <= 1.5 * edge_limit(depth, intrinsics)[:-1, :-1]
    a, b, c, d = (index[corner][whole] for corner in corners)
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    if len(faces) < 100:
        raise PatientError(
            "the depth frame holds no connected surface",
            "check the depth unit: steps between pixels are huge",
        )
    mesh = largest_piece(TriangleMesh(points[part], faces.astype(np.int32)))
    return taubin(mesh, smoothing)
