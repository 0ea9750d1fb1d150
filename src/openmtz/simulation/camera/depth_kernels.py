"""Numba kernels of the depth camera: triangles to depth, smooth noise, and depth to what is measured.

One thread, no fast-math: the same picture has the same bits whichever process renders it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

Array = Any
NOTHING = -1
"""In place of a face: the ray meets nothing."""
IN_FRONT = -2
"""In place of a face: something in front of the meshes that faces the camera."""
FAR_M = 10.0
"""Depth that a pixel without a hit counts as beside one with a hit [m]: further than any camera here sees."""
STEEPEST_RAD = math.radians(85.0)
"""Noise grows no further beyond this incidence."""


class Seen(NamedTuple):
    """What the camera truly sees, as `rasterise` gives it: `depth` `(h, w)` [m], the `face` there, unit
    `normals` `(F, 3)`; through which `lens` fx, fy, cx, cy [px], in which `window` u0, v0, w, h [px]."""

    depth: Array
    face: Array
    normals: Array
    lens: Array
    window: Array


class Draws(NamedTuple):
    """What chance brings to each pixel: `white` `(h, w)` normal, `slow` `(h, w)` smooth, `chance` `(2, h, w)`
    of 0 to 1; and what is there whatever chance: `beside` a step `(h, w)` bool, `bias` `(h, w)` [m]."""

    white: Array
    slow: Array
    chance: Array
    beside: Array
    bias: Array


class Errors(NamedTuple):
    """How large the camera's errors are: lengths [m], angles [rad], shares of 0 to 1.

    `white`, `correlated` at the depth `reference`, more by `gain` on slanted skin, nothing beyond `limit` of
    incidence; depth told in steps of `quantum`, between `nearest` and `farthest`, times `scale`. Lost:
    `dropout` of all pixels, `edge_dropout` of those beside a step, and skin that mirrors the projector, which
    stands `projector` beside the camera and half its `parallax` away, within `gloss`.
    """

    white: float
    correlated: float
    reference: float
    gain: float
    limit: float
    quantum: float
    dropout: float
    edge_dropout: float
    nearest: float
    farthest: float
    gloss: float
    projector: float
    parallax: float
    scale: float


@njit(cache=True, error_model="numpy")
def rasterise(
    vertices: Array, faces: Array, pose: Array, lens: Array, window: Array
) -> tuple[Array, Array, Array]:
    """Return depth `(h, w)` [m] (inf: nothing), the face there `(h, w)` and unit normals `(F, 3)`.

    `vertices` `(V, 3)` in `world`, `pose` world_T_camera `(4, 4)`, `lens` fx, fy, cx, cy [px], `window`
    u0, v0, w, h [px]. Normals are in the optical frame. The nearest face wins, the first of equals.

    A ray of z = 1 is inside a triangle where it lies on one side of the planes through the eye and its
    edges (Olano and Greer, Graphics Hardware 1997). Two faces get exactly opposite numbers for the edge
    they share, so that no ray slips between them; nothing has to be clipped at the eye.
    """
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    u0, v0, width, height = window[0], window[1], window[2], window[3]
    depth = np.full((height, width), np.inf)
    face_at = np.full((height, width), NOTHING, np.int32)
    normals = np.zeros((len(faces), 3))
    seen = np.empty((len(vertices), 5))
    for i in range(len(vertices)):
        x, y, z = vertices[i, 0] - pose[0, 3], vertices[i, 1] - pose[1, 3], vertices[i, 2] - pose[2, 3]
        px = pose[0, 0] * x + pose[1, 0] * y + pose[2, 0] * z
        py = pose[0, 1] * x + pose[1, 1] * y + pose[2, 1] * z
        pz = pose[0, 2] * x + pose[1, 2] * y + pose[2, 2] * z
        seen[i, 0], seen[i, 1], seen[i, 2] = px, py, pz
        seen[i, 3], seen[i, 4] = fx * px / pz + cx - u0, fy * py / pz + cy - v0
    for f in range(len(faces)):
        a, b, c = seen[faces[f, 0]], seen[faces[f, 1]], seen[faces[f, 2]]
        if a[2] <= 0.0 and b[2] <= 0.0 and c[2] <= 0.0:
            continue
        left, right, top, bottom = 0, width - 1, 0, height - 1
        if a[2] > 1e-6 and b[2] > 1e-6 and c[2] > 1e-6:
            # A little margin: the bounds are rounded otherwise than the planes below.
            low_u, high_u = min(a[3], b[3], c[3]) - 1e-6, max(a[3], b[3], c[3]) + 1e-6
            low_v, high_v = min(a[4], b[4], c[4]) - 1e-6, max(a[4], b[4], c[4]) + 1e-6
            if not (high_u >= 0.0 and low_u <= width - 1.0 and high_v >= 0.0 and low_v <= height - 1.0):
                continue
            left, right = math.ceil(max(low_u, 0.0)), int(min(high_u, width - 1.0))
            top, bottom = math.ceil(max(low_v, 0.0)), int(min(high_v, height - 1.0))
            if left > right or top > bottom:
                continue
        nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1])
        ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2])
        nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        length = math.sqrt(nx * nx + ny * ny + nz * nz)
        away = nx * a[0] + ny * a[1] + nz * a[2]
        if length == 0.0 or away == 0.0:
            continue
        normals[f, 0], normals[f, 1], normals[f, 2] = nx / length, ny / length, nz / length
        ax, ay, az = b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]
        bx, by, bz = c[1] * a[2] - c[2] * a[1], c[2] * a[0] - c[0] * a[2], c[0] * a[1] - c[1] * a[0]
        gx, gy, gz = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
        for v in range(top, bottom + 1):
            y = (v + v0 - cy) / fy
            row_a, row_b, row_g, row_n = ay * y + az, by * y + bz, gy * y + gz, ny * y + nz
            for u in range(left, right + 1):
                x = (u + u0 - cx) / fx
                ea, eb, eg = ax * x + row_a, bx * x + row_b, gx * x + row_g
                if (ea >= 0.0 and eb >= 0.0 and eg >= 0.0) or (ea <= 0.0 and eb <= 0.0 and eg <= 0.0):
                    t = away / (nx * x + row_n)
                    if 0.0 < t < depth[v, u]:
                        depth[v, u] = t
                        face_at[v, u] = f
    return depth, face_at, normals


@njit(cache=True, error_model="numpy")
def smooth(field: Array, weights: Array) -> Array:
    """Return `field` `(h, w)` filtered along both axes; `weights` of distance 0 to r, mirrored at the rim."""
    height, width = field.shape
    reach = len(weights) - 1
    out = np.empty_like(field)
    padded = np.empty(width + 2 * reach, field.dtype)
    for v in range(height):
        across = padded[reach : reach + width]
        _weigh(across, field[v], field[v], 0.5 * weights[0], False)
        for k in range(1, reach + 1):
            _weigh(across, field[_mirrored(v - k, height)], field[_mirrored(v + k, height)], weights[k], True)
        for k in range(reach):
            padded[k] = across[_mirrored(k - reach, width)]
            padded[reach + width + k] = across[_mirrored(width + k, width)]
        _weigh(out[v], across, across, 0.5 * weights[0], False)
        for k in range(1, reach + 1):
            before, behind = padded[reach - k : reach - k + width], padded[reach + k : reach + k + width]
            _weigh(out[v], before, behind, weights[k], True)
    return out


@njit(cache=True)
def _weigh(total: Array, first: Array, second: Array, weight: float, more: bool) -> None:
    """Put `weight` times the sum of two rows into `total`, on top of what is there if `more`."""
    factor = np.float32(weight)
    if more:
        for u in range(len(total)):
            total[u] += factor * (first[u] + second[u])
    else:
        for u in range(len(total)):
            total[u] = factor * (first[u] + second[u])


@njit(cache=True)
def _mirrored(i: int, count: int) -> int:
    """The first beyond the rim repeats the last within it, and so on: reflection at the pixels' edges."""
    i %= 2 * count
    return i if i < count else 2 * count - 1 - i


@njit(cache=True, error_model="numpy")
def beside_step(depth: Array, step_m: float) -> Array:
    """Return `(h, w)` bool: depths within one pixel of it differ by more than `step_m` [m]."""
    height, width = depth.shape
    low, high = np.empty_like(depth), np.empty_like(depth)
    row = np.empty(width + 2)
    for v in range(height):
        for u in range(width):
            row[u + 1] = depth[v, u] if depth[v, u] < np.inf else FAR_M
        row[0], row[width + 1] = row[1], row[width]
        for u in range(width):
            low[v, u] = min(row[u], row[u + 1], row[u + 2])
            high[v, u] = max(row[u], row[u + 1], row[u + 2])
    out = np.empty((height, width), np.bool_)
    for v in range(height):
        up, down = max(v - 1, 0), min(v + 1, height - 1)
        for u in range(width):
            highest = max(high[up, u], high[v, u], high[down, u])
            out[v, u] = highest - min(low[up, u], low[v, u], low[down, u]) > step_m
    return out


@njit(cache=True)
def _arc_cosine(x: float) -> float:
    """Return arccos of 0 to 1 within 2e-8 rad (Abramowitz and Stegun, 4.4.46): a third of the time."""
    p = -0.0012624911 * x + 0.0066700901
    p = ((p * x - 0.0170881256) * x + 0.0308918810) * x - 0.0501743046
    return math.sqrt(1.0 - x) * (((p * x + 0.0889789874) * x - 0.2145988016) * x + 1.5707963050)


@njit(cache=True, error_model="numpy")
def measure(seen: Seen, draws: Draws, errors: Errors) -> Array:
    """Return what the camera says `(h, w)` float32 [m] of what it sees; 0 where it says nothing."""
    depth, face_at, normals, lens, window = seen.depth, seen.face, seen.normals, seen.lens, seen.window
    white, slow, chance, beside, bias = draws.white, draws.slow, draws.chance, draws.beside, draws.bias
    white_m, correlated_m, reference_m, gain = errors.white, errors.correlated, errors.reference, errors.gain
    limit_rad, quantum_m, gloss_rad = errors.limit, errors.quantum, errors.gloss
    dropout, edge_dropout = errors.dropout, errors.edge_dropout
    nearest_m, farthest_m = errors.nearest, errors.farthest
    projector_m, parallax_rad, scale = errors.projector, errors.parallax, errors.scale
    height, width = depth.shape
    out = np.zeros((height, width), np.float32)
    for v in range(height):
        y = (v + window[1] - lens[3]) / lens[1]
        for u in range(width):
            f = face_at[v, u]
            if f == NOTHING or chance[0, v, u] < dropout:
                continue
            if beside[v, u] and chance[1, v, u] < edge_dropout:
                continue
            z = depth[v, u]
            x = (u + window[0] - lens[2]) / lens[0]
            incidence = 0.0
            if f >= 0:
                nx, ny, nz = normals[f, 0], normals[f, 1], normals[f, 2]
                ray = math.sqrt(x * x + y * y + 1.0)
                incidence = _arc_cosine(min(1.0, abs(nx * x + ny * y + nz) / ray))
                if incidence > limit_rad:
                    continue
                # The direction half-way lies within half the projector's parallax of that to the camera.
                facing = gloss_rad > 0.0 and incidence < gloss_rad + parallax_rad
                if facing and _mirrors(x * z, y * z, z, nx, ny, nz, projector_m, gloss_rad):
                    continue
            # Triangulation: a given error in the picture is an error in depth that grows with its square.
            growth = (z / reference_m) ** 2
            away = min(incidence, STEEPEST_RAD)
            away /= 0.5 * math.pi - away
            error = white_m * (1.0 + gain * away * away) * white[v, u] + correlated_m * slow[v, u]
            told = z + growth * (error + bias[v, u])
            if quantum_m > 0.0:
                told = np.rint(told / quantum_m) * quantum_m
            if nearest_m <= told <= farthest_m:
                out[v, u] = np.float32(told) * np.float32(scale)
    return out


@njit(cache=True)
def _mirrors(
    x: float, y: float, z: float, nx: float, ny: float, nz: float, projector_m: float, gloss_rad: float
) -> bool:
    """Whether skin at x, y, z [m] with that normal, optical frame, mirrors the projector into the camera.

    It does where the normal lies within `gloss_rad` of the direction half-way between the two.
    """
    camera, beam = math.sqrt(x * x + y * y + z * z), math.sqrt((projector_m - x) ** 2 + y * y + z * z)
    hx = -x / camera + (projector_m - x) / beam
    hy, hz = -y / camera - y / beam, -z / camera - z / beam
    length = math.sqrt(hx * hx + hy * hy + hz * hz)
    return abs(hx * nx + hy * ny + hz * nz) > math.cos(gloss_rad) * length
