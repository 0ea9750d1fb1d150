"""glTF 2.0 and GLB: the triangles of the scene in its axes, with the normals stored for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from openmtz.surfaces.errors import BrokenFileError, FeatureError
from openmtz.surfaces.formats.gltf_accessors import Accessed, read_accessor
from openmtz.surfaces.formats.gltf_container import Document, read_document
from openmtz.surfaces.formats.gltf_scene import (
    REFUSED,
    Placed,
    entry,
    placed_meshes,
    refuse,
    refuse_extensions,
)
from openmtz.surfaces.formats.strips import fan_triangles, strip_triangles
from openmtz.surfaces.raw import (
    Array,
    Faces,
    Note,
    RawSurface,
    checked_faces,
    float32_step,
    said_by_corners,
    used_vertices,
)

POINTS, LINES, TRIANGLES, STRIP, FAN = 0, (1, 2, 3), 4, 5, 6


class _Part(NamedTuple):
    vertices: Array
    faces: Faces
    said: Array
    normals: Array
    step: float
    stored: str


def read_gltf(data: bytes, path: Path) -> RawSurface:
    """Return the surface of a glTF or GLB file; `path` is where buffers beside it are looked for.

    Raises:
        BrokenFileError: cut off or contradicting itself. FeatureError: what is not read, by its name.
    """
    document = read_document(data, path)
    refuse_extensions(document)
    placed, notes = placed_meshes(document)
    parts: list[_Part] = []
    lines = 0
    for item in placed:
        mesh = entry(document, "meshes", item.mesh)
        _refuse_morphs(document, mesh, item)
        for primitive in mesh.get("primitives") or []:
            if not isinstance(primitive, dict):
                raise BrokenFileError("one of its primitives is no object")
            mode = primitive.get("mode", TRIANGLES)
            if mode in LINES:
                lines += 1
            else:
                parts.append(_part(document, primitive, mode, item.pose))
    if lines:
        notes.append(Note("surface-scene", f"{lines} primitives of lines are left out"))
    if document.json.get("animations"):
        notes.append(Note("surface-scene", "the file is animated; the pose at rest is taken"))
    return _joined(parts, notes)


def _refuse_morphs(document: Document, mesh: dict[str, Any], item: Placed) -> None:
    """Refuse shapes blended in (morph targets with a weight); targets at weight 0 change nothing."""
    weights = entry(document, "nodes", item.node).get("weights", mesh.get("weights")) or []
    if any(weights):
        raise FeatureError(
            f"its mesh {item.mesh} is shaped by morph targets (weights {weights[:3]} ...)",
            "apply the shape keys before the export",
        )


def _part(document: Document, primitive: dict[str, Any], mode: Any, pose: Array) -> _Part:
    for name in primitive.get("extensions") or {}:
        if name in REFUSED:
            refuse(name)
    attributes = primitive.get("attributes")
    if not isinstance(attributes, dict) or "POSITION" not in attributes:
        raise BrokenFileError("one of its primitives has no POSITION")
    position = read_accessor(document, attributes["POSITION"], "VEC3")
    _check_quantized(document, position)
    local = position.values.astype(np.float64)
    faces = _triangles(document, primitive, mode, len(local))
    linear = pose[:3, :3]
    mirrored = np.linalg.det(linear) < 0
    normals = np.full(local.shape, np.nan)
    if "NORMAL" in attributes:
        normals = read_accessor(document, attributes["NORMAL"], "VEC3").values.astype(np.float64)
        if len(normals) != len(local):
            raise BrokenFileError(f"a primitive has {len(local)} positions and {len(normals)} normals")
        # cofactors turn normals as the surface turns, also where an axis is mirrored or flattened
        normals = normals @ _cofactors(linear).T
    step = position.step or float32_step(local[used_vertices(len(local), faces)])
    return _Part(
        local @ linear.T + pose[:3, 3],
        faces[:, ::-1] if mirrored else faces,
        said_by_corners(normals, faces),
        normals,
        step * float(np.linalg.norm(linear, axis=0).max()),
        position.stored,
    )


def _check_quantized(document: Document, position: Accessed) -> None:
    if position.stored == "32-bit floats":
        return
    used = document.json.get("extensionsUsed") or []
    required = document.json.get("extensionsRequired") or []
    if "KHR_mesh_quantization" not in [*used, *required]:
        raise BrokenFileError(f"its positions are {position.stored} without KHR_mesh_quantization")


def _cofactors(linear: Array) -> Array:
    a, b, c = linear
    sign = 1.0 if np.linalg.det(linear) >= 0 else -1.0
    return sign * np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])


def _triangles(document: Document, primitive: dict[str, Any], mode: Any, count: int) -> Faces:
    if "indices" in primitive:
        index = read_accessor(document, primitive["indices"], "SCALAR")
        if index.stored not in ("8-bit whole numbers", "16-bit whole numbers", "32-bit whole numbers"):
            raise BrokenFileError(f"the indices of a primitive are {index.stored}")
        order = index.values[:, 0].astype(np.int64)
    else:
        order = np.arange(count)
    if mode == TRIANGLES:
        if len(order) % 3:
            raise BrokenFileError(f"a primitive of triangles has {len(order)} corners")
        return checked_faces(order, count)
    if mode == STRIP:
        return checked_faces(strip_triangles(order), count)
    if mode == FAN:
        return checked_faces(fan_triangles(order), count)
    if mode == POINTS:
        return np.zeros((0, 3), np.int64)
    raise BrokenFileError(f"a primitive has mode {mode!r}")


def _joined(parts: list[_Part], notes: list[Note]) -> RawSurface:
    """Return all parts as one; points beside triangles are left out with a note."""
    solid = [part for part in parts if len(part.faces)]
    if solid and len(solid) < len(parts):
        notes.append(Note("surface-scene", f"{len(parts) - len(solid)} primitives of points are left out"))
    parts = solid or parts
    if not parts:
        return RawSurface(np.zeros((0, 3)), np.zeros((0, 3), np.int64), notes=tuple(notes))
    before = np.cumsum([0] + [len(part.vertices) for part in parts])
    worst = max(parts, key=lambda part: part.step)
    return RawSurface(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, before, strict=False)]),
        np.concatenate([part.said for part in parts]),
        np.concatenate([part.normals for part in parts]),
        step=worst.step,
        step_text=worst.stored,
        notes=tuple(notes),
    )
