"""Walls: sheets of a hollow export of which only one is skin. What is not seen from outside is left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.edges import find_edges
from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.outward import ASK, Outward
from openmtz.surfaces.pieces import components
from openmtz.surfaces.raw import Array, Note
from openmtz.surfaces.sight import LIFT_M, WALL_M, Scene, Sight, look, seen_from

HIDDEN = 0.08
"""A piece that sees less sky than this lies within another, or under it. Engineering default."""
COVERED = 0.5
"""And that others cover more of its sky than this: the bottom of an eye socket sees little sky, but its
own."""
SHUT = 0.8
"""A piece with another close before more than this share of it lies under it. Engineering default."""
SPECK = 0.005
"""Pieces below this share of all area are no skin to look for. Engineering default."""
INNER, OUTER = 0.3, 0.5
"""Of two sheets back to back, the one that sees less sky than the first is the inner wall where the other
sees more than the second. Between, both may be skin: it is asked for."""
BACKED = 0.6
"""Share of a piece that has another close and parallel behind it, to be one side of a wall. Engineering
default, see `sight.BACK_TO_BACK`."""
AWAY = -0.5
"""Cosine below which what lies close behind a triangle is the other side, once a piece is known as a wall."""
SHARP = 0.3
"""Triangles that meet at a sharper edge than this (cosine of their normals) belong to different sides."""
SOLID = 0.75
"""What is thin and sees more sky than this all round is a finger, no wall that cannot be cut. Engineering
default."""
LEAST_SIDE = 0.15
"""A side of a wall has at least this share of the area of both. Engineering default."""
SEEN_MORE, LEAST_SEEN = 4.0, 0.15
"""Times as much of one sheet as of the other must be seen from the user's side to choose it, and at least the
second share of it."""


class Outer(NamedTuple):
    """`drop` `(F,)` bool, faces that are not seen from outside; `notes`."""

    drop: NDArray[np.bool_]
    notes: tuple[Note, ...]


def leave_inner_walls(scene: Scene, seen: Sight | None, most: int, words: Sequence[Outward]) -> Outer:
    """Return what of a scene, all of it facing outwards, is not seen from outside; `seen` is what its
    pieces see if that is known, `most` pieces are looked at.

    Raises:
        SurfaceError: of two sheets back to back neither is evidently the inner one.
    """
    seen = seen or look(scene, min(int(scene.label.max()) + 1, most))
    walls = _split_thin(scene, seen)
    total = max(int(scene.label.max()), *(max(wall) for wall in walls), 0) + 1
    count = min(total, 2 * most) if walls else len(seen.before)
    sight = look(scene, count) if walls else seen
    areas: Array = np.bincount(scene.label, scene.areas, total).astype(np.float64)
    gone = np.zeros(len(areas), np.bool_)
    gone[:count] |= (sight.before < HIDDEN) & (sight.cover > COVERED) | (sight.blocked > SHUT)
    if (gone | (areas < SPECK * areas.sum())).all():
        raise SurfaceError("its sheets face each other: none of them is seen from outside", ASK)
    gone[:count] |= _inner_of_pairs(scene, sight, gone[:count], areas[:count], words)
    for one, other, rim in walls:
        if gone[one] or gone[other]:
            gone[rim] = True  # what joins the sides, and belongs to neither
    drop = gone[scene.label]
    if not drop.any():
        return Outer(drop, ())
    text = f"{areas[gone].sum() * 1e4:.1f} cm2 in {int(gone.sum())} pieces are not seen from outside"
    return Outer(drop, (Note("surface-hidden", f"{text} (inner walls, or covered): left out"),))


def _inner_of_pairs(
    scene: Scene, sight: Sight, gone: NDArray[np.bool_], areas: Array, words: Sequence[Outward]
) -> NDArray[np.bool_]:
    """Return `(P,)` bool the inner one of each two sheets that stand back to back."""
    inner = np.zeros(len(gone), np.bool_)
    backed = sight.backed.copy()
    np.fill_diagonal(backed, 0.0)
    for k in np.argsort(areas, kind="stable"):
        other = _other_side(int(k), backed, gone | inner)
        if other is None or areas[k] < LEAST_SIDE * areas[other]:
            continue
        pair = (int(k), other)
        low, high = sorted(pair, key=lambda j: sight.before[j])
        if sight.before[low] < INNER and sight.before[high] > OUTER:
            inner[low] = True
        elif (chosen := _chosen(scene, pair, len(gone), words)) is not None:
            inner[pair[0] if chosen == pair[1] else pair[1]] = True
        else:
            raise SurfaceError(
                f"two sheets of {areas[k] * 1e4:.1f} and {areas[other] * 1e4:.1f} cm2 lie back to back less"
                f" than {WALL_M * 1e3:.0f} mm apart (a wall with two sides), and both can be seen",
                f"leave the inner one out of the export, or {ASK}",
            )
    return inner


def _other_side(k: int, backed: Array, hidden: NDArray[np.bool_]) -> int | None:
    """Return the sheet that stands back to back with sheet `k`: the next one, or, where more than two stand
    on one another and those between are hidden, the one at their other end; None: there is none."""
    behind = int(np.argmax(backed[k]))
    if hidden[k] or backed[k, behind] < BACKED:
        return None
    if not hidden[behind]:
        return behind
    ends = (backed.max(axis=1) >= BACKED) & hidden[np.argmax(backed, axis=1)] & ~hidden
    ends[k] = False
    return int(np.argmax(ends)) if ends.any() else None  # pieces are sorted by area: the largest


def _chosen(scene: Scene, pair: tuple[int, int], count: int, words: Sequence[Outward]) -> int | None:
    """Return which of two sheets is the one seen from the side that the user named."""
    for word in words:
        front, _ = seen_from(scene, word.direction, count)
        high, low = sorted(pair, key=lambda j: -front[j])
        if front[high] > max(SEEN_MORE * front[low], LEAST_SEEN):
            return high
    return None


def _split_thin(scene: Scene, sight: Sight) -> list[tuple[int, int, int]]:
    """Give the sides of walls that are joined at their rim labels of their own (changes `scene.label`), and
    return the labels of both sides and the rim of each such wall.

    Raises:
        SurfaceError: a wall that does not fall into two sides.
    """
    total = int(scene.label.max()) + 1
    walls: list[tuple[int, int, int]] = []
    for k in np.flatnonzero(np.diag(sight.backed) > BACKED):
        rows = np.flatnonzero(scene.label == k)
        side = _sides(scene, rows)
        if side is None:
            if sight.before[k] < SOLID:
                raise SurfaceError(
                    f"a wall of {scene.areas[rows].sum() * 1e4:.1f} cm2 has two sides that cannot be"
                    " told apart",
                    "leave the inner wall out of the export",
                )
            continue
        fresh = total
        total += 2
        scene.label[rows[side == 1]] = fresh
        scene.label[rows[side == 2]] = fresh + 1
        walls.append((int(k), fresh, fresh + 1))
    if not walls:
        return []
    areas = np.bincount(scene.label, scene.areas, total)
    rank = np.empty(len(areas), np.int64)
    rank[np.argsort(-areas, kind="stable")] = np.arange(len(areas))
    scene.label = rank[scene.label]
    return [(int(rank[a]), int(rank[b]), int(rank[c])) for a, b, c in walls]


def _sides(scene: Scene, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return `(K,)` 0 and 1 for the two sides of a wall, 2 for the rest (its rim); None: not two sides.

    The rim is where nothing lies close behind; without it, and cut along sharp edges, a wall falls apart.
    """
    faces = scene.faces[rows]
    normals = scene.normals(rows)
    centres = scene.vertices[faces].mean(axis=1)
    distance, hit = scene.cast(centres - LIFT_M * normals, -normals)
    wall = (hit >= 0) & (distance <= WALL_M)
    wall[wall] = np.einsum("ij,ij->i", scene.normals(hit[wall]), normals[wall]) < AWAY
    pairs = find_edges(faces, len(scene.vertices)).pairs
    smooth = np.einsum("ij,ij->i", normals[pairs[:, 0]], normals[pairs[:, 1]]) > SHARP
    pairs = pairs[smooth]
    group = components(pairs[wall[pairs].all(axis=1)], len(rows))
    areas = np.bincount(group, scene.areas[rows] * wall)
    order = np.argsort(-areas, kind="stable")[:2]
    if len(order) < 2 or areas[order[1]] < LEAST_SIDE * areas.sum():
        return None
    side = np.full(len(rows), 2, np.int64)
    side[group == order[0]] = 0
    side[group == order[1]] = 1
    return _grown(side, pairs)


def _grown(side: NDArray[np.int64], pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `(K,)` the sides 0 and 1 with what hangs on them smoothly: bumps that are no wall by themselves,
    and half of a rounded rim each."""
    side = side.copy()
    both = np.concatenate([pairs, pairs[:, ::-1]])
    for _ in range(len(side)):
        front = both[(side[both[:, 0]] < 2) & (side[both[:, 1]] == 2)]
        if len(front) == 0:
            break
        side[front[:, 1]] = side[front[:, 0]]
    return side
