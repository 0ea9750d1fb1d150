"""The nodes of a glTF scene: which meshes stand where; what moves, repeats or bends them is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from openmtz.surfaces.errors import BrokenFileError, FeatureError
from openmtz.surfaces.formats.gltf_accessors import entry
from openmtz.surfaces.formats.gltf_container import Document
from openmtz.surfaces.raw import Note

Array = NDArray[np.float64]
MOST_NODES = 100_000
HARMLESS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_", "KHR_xmp", "MSFT_texture_",
            "KHR_mesh_quantization", "EXT_mesh_features", "EXT_structural_metadata", "KHR_animation_pointer",
            "EXT_lights_", "EXT_materials_", "KHR_audio", "VRMC_", "VRM", "KHR_node_visibility",
            "ADOBE_materials_", "GOOGLE_", "CESIUM_", "AGI_", "FB_")  # fmt: skip
"""Beginnings of the names of extensions that do not change where the surface lies, or are read."""
REFUSED = {
    "KHR_draco_mesh_compression": ("Draco compression", "export it without compression"),
    "EXT_meshopt_compression": ("meshopt compression", "export it without compression"),
    "KHR_meshopt_compression": ("meshopt compression", "export it without compression"),
    "EXT_mesh_gpu_instancing": ("copies of one mesh", "make the copies real before the export"),
    "KHR_gaussian_splatting": ("Gaussian splats", "export a triangle mesh"),
    "MSFT_lod": ("several levels of detail", "export one level of detail"),
}


class Placed(NamedTuple):
    """Mesh `mesh` by number, where `pose` `(4, 4)` puts it in the scene, and its `node` for messages."""

    mesh: int
    pose: Array
    node: int


def refuse_extensions(document: Document) -> None:
    """Refuse a document that cannot be understood without an extension that is not read here.

    Raises:
        FeatureError: the extension's name.
    """
    required = document.json.get("extensionsRequired") or []
    for name in required if isinstance(required, list) else []:
        if name in REFUSED:
            refuse(str(name))
        if not str(name).startswith(HARMLESS):
            raise FeatureError(f"it requires the extension {name}, which is not read", "export it without")


def refuse(extension: str) -> None:
    """Raise FeatureError naming an extension of `REFUSED`."""
    what, fix = REFUSED[extension]
    raise FeatureError(f"it uses {extension} ({what})", fix)


def placed_meshes(document: Document) -> tuple[list[Placed], list[Note]]:
    """Return the meshes of the scene in the order of its nodes, and notes of what is left out.

    Raises:
        BrokenFileError: nodes that form no tree. FeatureError: several scenes and none chosen; skins;
            copies; levels of detail.
    """
    roots, notes = _roots(document)
    found: list[Placed] = []
    seen: set[int] = set()
    open_nodes = [(node, np.eye(4)) for node in reversed(roots)]
    while open_nodes:
        number, above = open_nodes.pop()
        node = entry(document, "nodes", number)
        if number in seen or len(seen) > MOST_NODES:
            raise BrokenFileError(f"its node {number} hangs below two others or itself")
        seen.add(number)
        extensions = node.get("extensions") or {}
        for name in ("EXT_mesh_gpu_instancing", "MSFT_lod"):
            if name in extensions:
                refuse(name)
        if (extensions.get("KHR_node_visibility") or {}).get("visible") is False:
            text = f"node {number} is hidden in the file (KHR_node_visibility) and left out"
            notes.append(Note("surface-scene", text))
            continue
        pose = above @ _pose(node, number)
        if "mesh" in node:
            if "skin" in node:
                raise FeatureError(
                    f"its node {number} is bent by a skeleton (skin)", "apply the pose before the export"
                )
            found.append(Placed(node["mesh"], pose, number))
        open_nodes.extend((child, pose) for child in reversed(node.get("children") or []))
    return found, notes


def _roots(document: Document) -> tuple[list[Any], list[Note]]:
    scenes = document.json.get("scenes") or []
    nodes = document.json.get("nodes") or []
    if not scenes:
        children = {c for node in nodes if isinstance(node, dict) for c in node.get("children") or []}
        return [k for k in range(len(nodes)) if k not in children], []
    if len(scenes) > 1 and "scene" not in document.json:
        raise FeatureError(
            f"it holds {len(scenes)} scenes and does not say which to show",
            "export the one scene with the skin",
        )
    chosen = document.json.get("scene", 0)
    text = f"{len(scenes) - 1} other scenes of the file are left out"
    notes = [Note("surface-scene", text)] if len(scenes) > 1 else []
    return list(entry(document, "scenes", chosen).get("nodes") or []), notes


def _numbers(node: dict[str, Any], name: str, count: int, number: int) -> Array:
    try:
        values = np.array(node[name], np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise BrokenFileError(f"the {name} of its node {number} is not {count} numbers")
    return values


def _pose(node: dict[str, Any], number: int) -> Array:
    """Return the `(4, 4)` transform of one node: its matrix, or translation, rotation and scale."""
    if "matrix" in node:
        return _numbers(node, "matrix", 16, number).reshape(4, 4).T
    pose = np.eye(4)
    if "scale" in node:
        pose[:3, :3] = np.diag(_numbers(node, "scale", 3, number))
    if "rotation" in node:
        quaternion = _numbers(node, "rotation", 4, number)
        if np.linalg.norm(quaternion) < 1e-6:
            raise BrokenFileError(f"the rotation of its node {number} has no direction")
        pose[:3, :3] = Rotation.from_quat(quaternion).as_matrix() @ pose[:3, :3]
    if "translation" in node:
        pose[:3, 3] = _numbers(node, "translation", 3, number)
    return pose
