"""Skin made for tests: patches, balls and walls, and the files that hold them in every way a format
allows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh

from openmtz.geometry import TriangleMesh


def patch(nx: int = 40, ny: int = 34, step: float = 0.002, bend: float = 5.0) -> TriangleMesh:
    """Return an open patch facing +z: hollow where `bend` [1/m] > 0 (an inner elbow), a hill where < 0."""
    x, y = np.meshgrid((np.arange(nx) - nx / 2) * step, (np.arange(ny) - ny / 2) * step, indexing="ij")
    z = bend * (x**2 + 0.3 * y**2) + 0.0003 * np.sin(200 * x)
    return TriangleMesh(np.stack([x, y, z], -1).reshape(-1, 3), grid_faces(nx, ny))


def grid_faces(nx: int, ny: int) -> np.ndarray:
    index = np.arange(nx * ny).reshape(nx, ny)
    a, b, c, d = (v.ravel() for v in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def quads(nx: int, ny: int) -> np.ndarray:
    index = np.arange(nx * ny).reshape(nx, ny)
    parts = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    return np.stack([v.ravel() for v in parts], 1)


def ball(subdivisions: int = 4, radius: float = 0.08) -> TriangleMesh:
    made = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return TriangleMesh(np.array(made.vertices), np.array(made.faces, np.int32))


def above(mesh: TriangleMesh, z: float) -> TriangleMesh:
    """Return the faces whose corners all lie above `z` [m]."""
    return mesh.submesh((mesh.vertices[:, 2] > z)[mesh.faces].all(axis=1))[0]


def turned(mesh: TriangleMesh) -> TriangleMesh:
    return TriangleMesh(mesh.vertices, mesh.faces[:, ::-1])


def together(*meshes: TriangleMesh) -> TriangleMesh:
    before = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    faces = [m.faces + start for m, start in zip(meshes, before, strict=True)]
    return TriangleMesh(np.concatenate([m.vertices for m in meshes]), np.concatenate(faces))


def inner_wall(mesh: TriangleMesh, thickness: float) -> TriangleMesh:
    """Return the second side of a wall of this thickness [m] below `mesh`, facing the other way."""
    return TriangleMesh(mesh.vertices - thickness * mesh.vertex_normals(), mesh.faces[:, ::-1])


def hollow(mesh: TriangleMesh, *depths: float, joined: bool = False) -> TriangleMesh:
    """Return `mesh` with walls below it, every second one facing inwards; `joined` to the first at the
    rim."""
    walls = [mesh]
    for k, depth in enumerate(depths):
        wall = inner_wall(mesh, depth)
        walls.append(wall if k % 2 == 0 else turned(wall))
    made = together(*walls)
    if not joined:
        return made
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    _, inverse, uses = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True, return_counts=True)
    a, b = edges[uses[inverse.ravel()] == 1].T
    count = len(mesh.vertices)
    rim = np.concatenate([np.stack([b, a, a + count], 1), np.stack([b, a + count, b + count], 1)])
    return TriangleMesh(made.vertices, np.concatenate([made.faces, rim]).astype(np.int32))


def write_ply(
    path: Path,
    vertices: np.ndarray,
    faces: np.ndarray | None = None,
    *,
    number: str = "double",
    normals: np.ndarray | None = None,
    order: str = "little",
) -> Path:
    """Write a binary PLY of triangles, or of points without faces."""
    mark = "<" if order == "little" else ">"
    code = {"double": mark + "f8", "float": mark + "f4", "int": mark + "i4"}[number]
    head = f"ply\nformat binary_{order}_endian 1.0\nelement vertex {len(vertices)}\n"
    head += "".join(f"property {number} {axis}\n" for axis in "xyz")
    columns = [vertices]
    if normals is not None:
        head += "".join(f"property {number} {axis}\n" for axis in ("nx", "ny", "nz"))
        columns.append(normals)
    if faces is not None:
        head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\n"
    body = np.concatenate(columns, axis=1).astype(code).tobytes()
    if faces is not None:
        rows = np.zeros(len(faces), np.dtype([("n", "u1"), ("corners", mark + "i4", 3)]))
        rows["n"], rows["corners"] = 3, faces
        body += rows.tobytes()
    path.write_bytes(head.encode() + b"end_header\n" + body)
    return path


def write_mesh(path: Path, mesh: TriangleMesh, **more: object) -> Path:
    return write_ply(path, mesh.vertices, mesh.faces, **more)  # type: ignore[arg-type]


def glb(document: dict, binary: bytes) -> bytes:
    """Return a GLB of a JSON document and its binary chunk."""
    document = {"asset": {"version": "2.0"}, **document}
    document.setdefault("buffers", [{"byteLength": len(binary)}])
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    parts = np.array([len(text), 0x4E4F534A], "<u4").tobytes() + text
    parts += np.array([len(binary), 0x004E4942], "<u4").tobytes() + binary
    return np.array([0x46546C67, 2, 12 + len(parts)], "<u4").tobytes() + parts


def gltf_of(
    mesh: TriangleMesh, *, code: str = "<f4", component: int = 5126, mode: int = 4, **accessor: object
) -> tuple[dict, bytes]:
    """Return a document and its buffer: one node, one mesh of one primitive, positions then indices."""
    positions = mesh.vertices.astype(code)
    rows = positions.tobytes()
    rows += b"\0" * (-len(rows) % 4)
    indices = mesh.faces.astype("<u4").tobytes()
    document = {
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": mode}]}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": component,
                "count": len(positions),
                "type": "VEC3",
                **accessor,
            },
            {"bufferView": 1, "componentType": 5125, "count": mesh.faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(rows)},
            {"buffer": 0, "byteOffset": len(rows), "byteLength": len(indices)},
        ],
    }
    return document, rows + indices
