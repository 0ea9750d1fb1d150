"""Is the captured surface fit to plan on? What is wrong is named; what can be left out is left out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.plan import Finding, Severity

SOURCE = "planner"
MAX_TRIANGLES = 1_000_000
"""More are cut to what lies around the region first; without a region they are refused: 300 cm2 at the 0.35
mm edges of the finest captures here are 600,000. Engineering default."""
SLIVER_M = 2e-6
"""A triangle lower than this has no direction: vertices are rounded to 1 um."""
MAX_BAD_SHARE = 0.01
"""More flipped or non-manifold triangles than this share is a broken mesh, not a blemish. Engineering
default."""


class Checked(NamedTuple):
    """`faces_ok` `(F,)` bool, triangles to plan on; `doubled` `(F,)` bool, those that lie on others;
    `findings`, refusals among them where it must not go on."""

    faces_ok: NDArray[np.bool_]
    doubled: NDArray[np.bool_]
    findings: tuple[Finding, ...]


def crop(
    surface: SkinSurface, center_m: NDArray[np.float64], radius_m: float
) -> tuple[SkinSurface, NDArray[np.int64]]:
    """Return the surface within `radius_m` [m] of a point and the old row of each of its vertices.

    The id stays that of the whole surface. Raises ValueError: nothing there.
    """
    near = np.linalg.norm(surface.mesh.vertices - center_m, axis=1) <= radius_m
    faces = near[surface.mesh.faces].all(axis=1)
    if not faces.any():
        raise ValueError("no captured skin within reach of the region")
    mesh, old = surface.mesh.submesh(faces)
    return SkinSurface(
        mesh, surface.normals[old], surface.quality[old], surface.voxel_m, surface.surface_id
    ), old


def check_surface(surface: SkinSurface) -> Checked:
    """Look for what would make a plan wrong: double, flipped, non-manifold and flat triangles, bad
    normals."""
    mesh = surface.mesh
    found: list[Finding] = []
    bad_normals = ~(np.abs(np.linalg.norm(surface.normals, axis=1) - 1.0) < 1e-3)
    used = np.zeros(len(mesh.vertices), np.bool_)
    used[mesh.faces.ravel()] = True
    count = int((bad_normals & used).sum())
    if count:
        text = f"{count} of {int(used.sum())} vertex normals are missing, NaN or not of unit length"
        found.append(
            _finding(
                Severity.REFUSAL,
                "surface-normals",
                text,
                "capture again, or let the file's normals go",
                count,
            )
        )
    good = _solid(mesh)
    if flat := int((~good).sum()):
        text = f"{_triangles(flat)} without area (slivers) left out"
        found.append(_finding(Severity.INFO, "surface-slivers", text, "", flat))
    doubled = _duplicates(mesh.faces)
    double = doubled & good
    if count := int(double.sum()):
        text = f"{_triangles(count)} on others with the same corners: left out"
        found.append(_finding(Severity.WARNING, "surface-duplicates", text, "merge duplicate faces", count))
    good &= ~double
    flipped, crowded = _edges(mesh, good)
    against = good & ((mesh.face_cross() * surface.normals[mesh.faces].sum(axis=1)).sum(axis=1) < 0.0)
    flipped |= against
    for mask, code, text, fix in (
        (flipped, "surface-flipped", "facing the other way than their neighbours or normals",
         "orient the mesh consistently, outward"),
        (crowded & ~flipped, "surface-non-manifold", "sharing an edge with two or more others",
         "separate the sheets, or capture again"),
    ):  # fmt: skip
        count = int(mask.sum())
        if count:
            share = count / max(int(good.sum()), 1)
            severity = Severity.REFUSAL if share > MAX_BAD_SHARE else Severity.WARNING
            found.append(
                _finding(
                    severity,
                    code,
                    f"{_triangles(count)} {text} ({share:.1%}); nothing is planned on them",
                    fix,
                    count,
                )
            )
    good &= ~(flipped | crowded)
    if not good.any():
        found.append(
            _finding(Severity.REFUSAL, "surface-empty", "no sound triangle is left", "capture again")
        )
    return Checked(good, doubled, tuple(found))


def _solid(mesh: TriangleMesh) -> NDArray[np.bool_]:
    corners = mesh.vertices[mesh.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    return np.asarray(2.0 * mesh.face_areas() > SLIVER_M * longest, np.bool_)


def _duplicates(faces: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return `(F,)` bool: a triangle with the same corners, in any order, came before."""
    ordered = np.sort(faces, axis=1).astype(np.int64)
    order = np.lexsort(ordered.T[::-1])
    same = (ordered[order][1:] == ordered[order][:-1]).all(axis=1)
    result = np.zeros(len(faces), np.bool_)
    result[order[1:][same]] = True
    return result


def _edges(mesh: TriangleMesh, good: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return `(F,)` bool: the smaller side of edges run through twice in one direction; on edges of three."""
    rows = np.flatnonzero(good)
    faces = mesh.faces[rows].astype(np.int64)
    start, end = faces.T.ravel(), np.roll(faces, -1, axis=1).T.ravel()
    owner = np.tile(rows, 3)
    key = np.minimum(start, end) * len(mesh.vertices) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    key, owner, up = key[order], owner[order], (start < end)[order]
    first = np.concatenate([[True], key[1:] != key[:-1]])
    group = np.cumsum(first) - 1
    size, rising = np.bincount(group), np.bincount(group, up)
    crowded = np.zeros(len(good), np.bool_)
    crowded[owner[(size > 2)[group]]] = True
    against = (size == 2) & (rising != 1)
    flipped = np.zeros(len(good), np.bool_)
    if against.any():
        flipped = _odd_ones(owner, group, against, size, len(good), rows)
    return flipped, crowded


def _odd_ones(
    owner: NDArray[np.int64],
    group: NDArray[np.int64],
    against: NDArray[np.bool_],
    size: NDArray[np.int64],
    count: int,
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return `(F,)` bool: triangles of pieces that hang together by sound edges, cut off by unsound ones, all
    but the largest piece of what hangs together by any edge."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    def pieces(groups: NDArray[np.bool_]) -> NDArray[np.int64]:
        pair = owner[groups[group]].reshape(-1, 2)
        links = sparse.coo_matrix((np.ones(len(pair)), pair.T), shape=(count, count))
        return np.asarray(connected_components(links, directed=False)[1], np.int64)

    sound, whole = pieces((size == 2) & ~against), pieces(size == 2)
    weight = np.bincount(sound[rows], minlength=int(sound.max()) + 1)
    largest = np.full(int(whole.max()) + 1, -1, np.int64)
    order = rows[np.argsort(weight[sound[rows]], kind="stable")]
    largest[whole[order]] = sound[order]
    result = np.zeros(count, np.bool_)
    result[rows] = sound[rows] != largest[whole[rows]]
    return result


def _triangles(count: int) -> str:
    return "1 triangle" if count == 1 else f"{count} triangles"


def _finding(severity: Severity, code: str, text: str, fix: str, count: int = 0) -> Finding:
    return Finding(severity, SOURCE, code, text, fix, count)
