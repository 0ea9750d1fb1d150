"""Where the outside of each piece of skin is: known from the file or the user, or asked for, never guessed.

A closed piece encloses the body: its volume decides, whatever the winding. An open piece keeps its winding,
unless the file's own normals, the sky it sees or the user contradict it; a piece without a winding to go by
takes the normals' word, or the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import SurfaceError
from openmtz.surfaces.evidence import Evidence
from openmtz.surfaces.outward import ASK, Outward
from openmtz.surfaces.pieces import Pieces
from openmtz.surfaces.raw import Array, Note
from openmtz.surfaces.sight import Scene, Sight, seen_from

BAG_BEFORE, BAG_BEHIND, BAG_M2 = 0.12, 0.5, 0.015
"""An open piece larger than the last [m2] that sees less sky than the first on the side its winding calls
outside, and more than the second behind, is a body turned inside out: a head wound inwards with a hole at the
neck sees 0.10 and 0.78. No hollow of the skin is so large; the eye socket of a scanned head (33 cm2) sees
0.06."""
SMALL = 0.005
"""A piece below this share of all skin whose outside is not known is left out rather than asked for."""
CLEAR, LEAST_SEEN = 0.9, 0.15
"""Of what is seen of a piece from the side the user names, the first share must be one side of it, and the
second share of the piece must be seen, to tell it."""


class Turned(NamedTuple):
    """Of `P` pieces: `flip` `(P,)` bool, to be turned; `drop` `(P,)` bool, to be left out; `notes`."""

    flip: NDArray[np.bool_]
    drop: NDArray[np.bool_]
    notes: tuple[Note, ...]


def turn_outward(
    scene: Scene, pieces: Pieces, evidence: Evidence, sight: Sight, words: Sequence[Outward]
) -> Turned:
    """Return which pieces to turn so that all face outwards.

    Raises:
        SurfaceError: the outside of a piece is not known, or is told in two ways; it asks for `--outward`.
    """
    count = len(pieces.area)
    seen = len(sight.before)
    flip, drop = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    told = _told(scene, pieces, words, seen)
    notes: list[Note] = []
    asked: list[str] = []
    for k in range(count):
        if evidence.volume[k]:
            flip[k] = evidence.volume[k] < 0
            if flip[k] and not pieces.minority[k] > 0:
                notes.append(_note(f"{_piece(scene, pieces, k)} is closed and was wound inside out: turned"))
            continue
        side, doubt = _side(evidence, pieces, sight, k)
        if k < seen and told[k]:
            if side and not doubt and side != told[k] and _contested(told, evidence, words, scene, k):
                raise SurfaceError(
                    f"{_piece(scene, pieces, k)} faces the other way by its winding than --outward says,"
                    " while other pieces agree with it",
                    "say it for that piece alone: --outward 'x,y,z@px,py,pz', a direction and a point on it",
                )
            if side != told[k]:
                notes.append(_note(f"the outside of {_piece(scene, pieces, k)} is the one --outward names"))
            side, doubt = int(told[k]), ""
        if side and not doubt:
            flip[k] = side < 0
        elif pieces.area[k] < SMALL * pieces.area.sum():
            drop[k] = True
        else:
            asked.append(f"{_piece(scene, pieces, k)}: {doubt}")
    if asked:
        more = f", and {len(asked) - 2} more pieces" if len(asked) > 2 else ""
        raise SurfaceError("the outside is not known of " + "; ".join(asked[:2]) + more, ASK)
    if drop.any():
        notes.append(_note(f"{int(drop.sum())} small pieces whose outside is not known are left out"))
    return Turned(flip, drop, tuple(notes))


def _note(text: str) -> Note:
    return Note("surface-outside", text)


def _side(evidence: Evidence, pieces: Pieces, sight: Sight, k: int) -> tuple[int, str]:
    """Return +1 as wound, -1 turned, 0 not known, and what is doubtful about it."""
    normals = evidence.normals[k]
    if pieces.one_sided[k]:
        return 0, "it is a band with one side only (its triangles cannot be wound alike)"
    if np.isnan(normals):
        return 0, "the normals in the file point to both sides of it"
    if not evidence.winding[k]:
        if normals:
            return int(normals), ""
        share = pieces.minority[k]
        what = (
            f"{share:.0%} of it are wound against the rest"
            if share
            else "it stands in the file in both windings"
        )
        return 0, f"{what}, and the file holds no normals of it"
    if normals < 0:
        return 1, "the normals in the file point the other way than its winding"
    looked_at = k < len(sight.before) and pieces.area[k] > BAG_M2
    if looked_at and sight.before[k] + sight.cover[k] < BAG_BEFORE and sight.behind[k] > BAG_BEHIND:
        return 1, "its winding calls the inside of the body the outside"
    return 1, ""


def _told(scene: Scene, pieces: Pieces, words: Sequence[Outward], seen: int) -> Array:
    """Return `(seen,)` +1 or -1 where the user's word tells that the side as wound is outside or not, else
    0."""
    told = np.zeros(len(pieces.area))
    for word in sorted(words, key=lambda w: w.at is not None):  # a word on one piece comes last and holds
        front, back = seen_from(scene, word.direction, seen)
        both = front + back
        share = np.divide(front, both, out=np.full(seen, 0.5), where=both > 0)
        side = np.where(share >= CLEAR, 1.0, np.where(share <= 1.0 - CLEAR, -1.0, 0.0))
        side[both < LEAST_SEEN] = 0.0
        if word.at is None:
            told[:seen] = side
        else:
            k = piece_at(scene, word.at)
            if k < seen:
                told[k] = side[k] or _by_direction(scene, word.direction, k)
    return told


def _by_direction(scene: Scene, direction: Array, k: int) -> float:
    return float(np.sign(scene.cross[scene.label == k].sum(axis=0) @ direction))


def piece_at(scene: Scene, point_m: Array) -> int:
    """Return the piece nearest to a point `(3,)` [m]."""
    return int(scene.label[scene.nearest_face(point_m)])


def _contested(told: Array, evidence: Evidence, words: Sequence[Outward], scene: Scene, k: int) -> bool:
    """Say whether a word on all pieces turns this one against its winding while others keep theirs."""
    if any(word.at is not None and piece_at(scene, word.at) == k for word in words):
        return False
    return bool(((told > 0) & evidence.winding & (evidence.volume == 0)).any())


def _piece(scene: Scene, pieces: Pieces, k: int) -> str:
    """Say which piece: its area and where it lies."""
    rows = scene.label == k
    where = scene.middle_of(rows)
    at = ",".join(f"{v:.3f}" for v in where)
    return f"the piece of {pieces.area[k] * 1e4:.1f} cm2 around {at} m"
