"""Phantoms of all plugins: found by name, built, and checked before anything is done with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from openmtz.hooks.errors import UnknownPhantom
from openmtz.hooks.types import LESION_TYPES, Phantom, PhantomSkin

MOST_VERTICES = 2_000_000
"""A phantom of more is refused: camera and planner would take minutes (engineering default)."""


def parse_lesions(text: str) -> dict[str, float]:
    """Return kinds of lesions and their shares (sum 1) of `striae`, `icepick+rolling`, `icepick:3+rolling:1`.

    Raises:
        UnknownPhantom: an empty or repeated kind, a share that is no positive number, `none` and others.
    """
    shares: dict[str, float] = {}
    for part in text.split("+"):
        kind, _, number = (piece.strip() for piece in part.partition(":"))
        try:
            share = float(number) if number else 1.0
        except ValueError:
            share = math.nan
        if not kind or kind in shares or not 0.0 < share < math.inf:
            raise UnknownPhantom(
                f"lesions {text!r} cannot be read at {part!r}; write them as striae, icepick+rolling, or "
                "with shares as icepick:0.7+rolling:0.3"
            )
        shares[kind] = share
    if "none" in shares and len(shares) > 1:
        raise UnknownPhantom(f"lesions {text!r} ask for none and some at once")
    total = sum(shares.values())
    return {kind: share / total for kind, share in shares.items()}


def find_phantom(known: Mapping[str, Phantom], name: str, lesions: str, notes: Sequence[str] = ()) -> Phantom:
    """Return the phantom called `name` after a look whether it offers `lesions`.

    Raises:
        UnknownPhantom: lists the valid names; `notes` (plugins that failed) are added. Lesions that
            cannot be read.
    """
    if name not in known:
        text = f"unknown phantom {name!r}; known: {', '.join(sorted(known)) or 'none'}"
        raise UnknownPhantom(". ".join([text, *notes]))
    phantom = known[name]
    for kind in parse_lesions(lesions):
        if kind not in phantom.lesions:
            raise UnknownPhantom(
                f"phantom {name!r} offers no lesions {kind!r}; known: {', '.join(phantom.lesions)}"
            )
    return phantom


def check_phantom(item: Phantom) -> None:
    """Look at what a plugin offers.

    Raises:
        ValueError: no name, site, or lesions; nothing to call.
    """
    if not (isinstance(item.name, str) and item.name.isidentifier()):
        raise ValueError(f"a phantom's name must be letters, digits and _, got {item.name!r}")
    if not item.sites or not item.lesions:
        raise ValueError(f"phantom {item.name!r} must name at least one site and one kind of lesions")
    if not callable(item.build):
        raise ValueError(f"phantom {item.name!r}: build cannot be called")


def check_skin(name: str, skin: object) -> PhantomSkin:
    """Return what `build` gave if it is a skin.

    Raises:
        ValueError: names the phantom and what is wrong with which array.
    """
    if not isinstance(skin, PhantomSkin):
        raise ValueError(f"phantom {name!r}: build returned {type(skin).__name__}, not a PhantomSkin")
    vertices, faces = np.asarray(skin.vertices), np.asarray(skin.faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or not 3 <= len(vertices) <= MOST_VERTICES:
        raise ValueError(
            f"phantom {name!r}: vertices must be (V, 3), V 3 to {MOST_VERTICES}, got {vertices.shape}"
        )
    if not np.isfinite(vertices).all():
        raise ValueError(f"phantom {name!r}: vertices hold NaN or infinity")
    size = float(np.ptp(vertices, axis=0).max())
    if not 0.01 <= size <= 3.0:
        raise ValueError(
            f"phantom {name!r} measures {size:g} m across, 0.01 to 3 m is possible: is it in millimetres?"
        )
    if faces.ndim != 2 or faces.shape[1] != 3 or len(faces) == 0 or faces.dtype.kind not in "iu":
        raise ValueError(f"phantom {name!r}: faces must be (F, 3) integers, got {faces.shape} {faces.dtype}")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(f"phantom {name!r}: a face names a vertex that is not there")
    for field in ("lesion_mask", "lesion_depth_m", "lesion_label"):
        values = np.asarray(getattr(skin, field))
        if values.shape != (len(vertices),):
            raise ValueError(f"phantom {name!r}: {field} must be ({len(vertices)},), got {values.shape}")
    depth, label = np.asarray(skin.lesion_depth_m), np.asarray(skin.lesion_label)
    if not (np.isfinite(depth).all() and depth.min() >= 0.0 and depth.max() <= 0.05):
        raise ValueError(f"phantom {name!r}: lesion_depth_m must be 0 to 0.05 m")
    if label.min() < 0 or label.max() >= len(LESION_TYPES):
        raise ValueError(f"phantom {name!r}: lesion_label must be 0 to {len(LESION_TYPES) - 1}")
    for field in ("target_m", "approach"):
        vector = np.asarray(getattr(skin, field), np.float64)
        if vector.shape != (3,) or not np.isfinite(vector).all():
            raise ValueError(f"phantom {name!r}: {field} must be three finite numbers")
    if np.linalg.norm(skin.approach) < 1e-9:
        raise ValueError(f"phantom {name!r}: approach must have a direction")
    return skin
