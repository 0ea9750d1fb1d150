"""Each feature of OBJ, PLY, STL and glTF is read right or refused by its name; other readers agree where they
can read the file at all."""

from __future__ import annotations

import base64
import copy
import itertools
from pathlib import Path

import numpy as np
import pytest
import trimesh
from skin_shapes import ball, glb, gltf_of, patch, quads, turned, write_mesh, write_ply

from openmtz.capture import load_open3d
from openmtz.geometry import TriangleMesh
from openmtz.surfaces import SurfaceError, load_skin, read_raw

NX, NY = 40, 34


def check(file: Path, mesh: TriangleMesh, *, atol: float = 1e-6) -> None:
    """Assert that a file is read as `mesh`: count, area, extent and side."""
    made = load_skin(file, 1.0).mesh
    assert len(made.vertices) == len(mesh.vertices) and len(made.faces) == len(mesh.faces)
    assert made.face_areas().sum() == pytest.approx(mesh.face_areas().sum(), rel=2e-3)
    assert np.allclose(made.vertices.min(axis=0), mesh.vertices.min(axis=0), atol=atol)
    assert np.allclose(made.vertices.max(axis=0), mesh.vertices.max(axis=0), atol=atol)
    assert np.allclose(made.face_cross().sum(axis=0), mesh.face_cross().sum(axis=0), atol=1e-5)


def others_agree(file: Path, mesh: TriangleMesh) -> None:
    """Assert that two readers of others see the same triangles, area and extent as ours."""
    raw = read_raw(file)
    seen = trimesh.load(file, process=False, force="mesh")
    area = 0.5 * np.linalg.norm(np.cross(*_sides(raw.vertices, raw.faces)), axis=1).sum()
    assert len(seen.faces) == len(raw.faces) and seen.area == pytest.approx(area, rel=1e-6)
    if file.suffix != ".gltf":
        told = load_open3d().io.read_triangle_mesh(str(file))
        assert len(told.triangles) == len(raw.faces)
        assert np.allclose(np.ptp(np.asarray(told.vertices), axis=0), np.ptp(raw.vertices, axis=0), atol=1e-6)


def _sides(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return b - a, c - a


# OBJ


def v_lines(points: np.ndarray, more: str = "") -> list[str]:
    return [f"v {x:.8f} {y:.8f} {z:.8f}{more}" for x, y, z in points]


def obj_forms() -> dict[str, str]:
    skin = patch()
    v, f = v_lines(skin.vertices), skin.faces + 1
    rows = [f"{a} {b} {c}" for a, b, c in f]
    n = ["vn 0 0 1"]
    t = ["vt 0 0"]
    count = len(skin.vertices)
    half = count // 2
    interleaved = []
    for face in skin.faces:
        interleaved += [*v_lines(skin.vertices[face]), "f -3 -2 -1"]
    blocks = ["o a", *v[:half]]
    blocks += [f"f {' '.join(str(c - half) for c in face)}" for face in skin.faces if face.max() < half]
    blocks += ["o b", *v[half:]]
    blocks += [f"f {' '.join(str(c - count) for c in face)}" for face in skin.faces if face.max() >= half]
    return {
        "plain": "\n".join([*v, *(f"f {r}" for r in rows)]),
        "windows lines, tabs, comments": "\r\n".join(
            ["# by hand", *(line.replace(" ", "\t") for line in v), *(f"f  {r}  # a face" for r in rows)]
        ),
        "v/vt": "\n".join([*v, *t, *("f " + " ".join(f"{c}/1" for c in face) for face in f)]),
        "v//vn": "\n".join([*v, *n, *("f " + " ".join(f"{c}//1" for c in face) for face in f)]),
        "v/vt/vn": "\n".join([*v, *t, *n, *("f " + " ".join(f"{c}/1/1" for c in face) for face in f)]),
        "mixed corners": "\n".join(
            [*v, *t, *n, *("f " + f"{a}/1/1 {b}//1 {c}/1" if a % 2 else f"f {a} {b} {c}" for a, b, c in f)]
        ),
        "relative, one block per face": "\n".join(interleaved),
        "relative, two blocks": "\n".join(blocks),
        "relative normals": "\n".join(
            [*v, *n, *("f " + " ".join(f"{c - 1 - count}//-1" for c in face) for face in f)]
        ),
        "colours": "\n".join([*v_lines(skin.vertices, " 0.5 0.4 0.3"), *(f"f {r}" for r in rows)]),
        "weights of one": "\n".join([*v_lines(skin.vertices, " 1.0"), *(f"f {r}" for r in rows)]),
        "continued lines": "\n".join([*v, *(f"f {a} \\\n {b} \\\n {c}" for a, b, c in f)]),
        "quads": "\n".join([*v, *("f " + " ".join(str(c + 1) for c in q) for q in quads(NX, NY))]),
        "groups, materials, lines, points": "\n".join(
            [
                "mtllib none.mtl",
                *v,
                "g a b",
                "usemtl skin",
                "s off",
                "p 1",
                "l 1 2 3",
                *(f"fo {r}" for r in rows),
            ]
        ),
        "faces before their vertices": "\n".join([*(f"f {r}" for r in rows), *v]),
    }


@pytest.mark.parametrize("form", sorted(obj_forms()))
def test_obj_is_read_in_all_its_forms(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.obj").write_text(obj_forms()[form])
    check(tmp_path / "a.obj", patch())


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["cstype bezier", "curv 0 1 1 2"], "free-form.*cstype"),
        (["surf 0 1 0 1 1 2 3 4"], "free-form.*surf"),
        (["curv2 1 2"], "free-form.*curv2"),
        (["v 0 0 0 0.5"], "rational weights"),
        (["call other.obj"], "calls other files"),
        (["lod 3"], "levels of detail"),
        (["f 1 2 999999"], "names vertex 999999, but there are"),
        (["f 1 2 0"], "names vertex 0"),
        (["f 1 2 -999999"], "names vertex -999999"),
        (["f 1 2"], "2 corners"),
        (["f 1 2 x"], "'x' stands where a face names a vertex"),
        (["v 0,1 0 0"], "decimal comma"),
        (["v 0 0"], "holds 2 numbers"),
        (["hello there"], "'hello' is no statement"),
    ],
)
def test_obj_names_what_it_does_not_read(tmp_path: Path, lines: list[str], what: str) -> None:
    text = obj_forms()["plain"].splitlines()
    (tmp_path / "a.obj").write_text("\n".join([*text[:1400], *lines, *text[1400:]]))
    with pytest.raises(SurfaceError, match=what):
        load_skin(tmp_path / "a.obj", 1.0)


# PLY


def ply_faces(path: Path, polygons: list[np.ndarray], *, order: str, extra: bool = False) -> Path:
    """Write polygons of any size, in ASCII or either byte order, with a list and a scalar more if `extra`."""
    skin = patch()
    name = "ascii" if order == "ascii" else f"binary_{order}_endian"
    head = f"ply\nformat {name} 1.0\ncomment x\nobj_info y\nelement vertex {len(skin.vertices)}\n"
    head += "property double x\nproperty double y\nproperty double z\nproperty uchar red\n"
    head += f"element face {len(polygons)}\n" + ("property uchar flag\n" if extra else "")
    head += "property list uchar int vertex_index\n" + (
        "property list uchar float texcoord\n" if extra else ""
    )
    head += "element edge 1\nproperty int vertex1\nproperty int vertex2\nend_header\n"
    if order == "ascii":
        rows = [f"{x:.9f} {y:.9f} {z:.9f} 200" for x, y, z in skin.vertices]
        for polygon in polygons:
            row = ("7 " if extra else "") + f"{len(polygon)} " + " ".join(map(str, polygon))
            rows.append(row + (f" {2 * len(polygon)} " + "0.5 " * (2 * len(polygon)) if extra else ""))
        path.write_text(head + "\n".join(rows) + "\n0 1\n")
        return path
    mark = "<" if order == "little" else ">"
    vertices = np.zeros(len(skin.vertices), np.dtype([("p", mark + "f8", 3), ("c", "u1")]))
    vertices["p"] = skin.vertices
    body = vertices.tobytes()
    for polygon in polygons:
        body += bytes([7] if extra else []) + bytes([len(polygon)]) + polygon.astype(mark + "i4").tobytes()
        if extra:
            body += bytes([2 * len(polygon)]) + np.full(2 * len(polygon), 0.5, mark + "f4").tobytes()
    path.write_bytes(head.encode() + body + np.array([0, 1], mark + "i4").tobytes())
    return path


@pytest.mark.parametrize("order", ["ascii", "little", "big"])
@pytest.mark.parametrize("extra", [False, True])
@pytest.mark.parametrize("kind", ["triangles", "quads", "mixed"])
def test_ply_polygons_of_any_size_in_any_order(tmp_path: Path, order: str, extra: bool, kind: str) -> None:
    four = quads(NX, NY)
    polygons: list[np.ndarray] = list(patch().faces) if kind == "triangles" else list(four)
    if kind == "mixed":
        pairs = four.reshape(-1, NY - 1, 4)
        polygons = []
        for row in pairs:
            first, second = row[0], row[1]
            polygons.append(np.array([first[0], first[1], second[1], second[2], second[3], first[3]]))
            polygons += [p for q in row[2:20] for p in (q[[0, 1, 2]], q[[0, 2, 3]])]
            polygons += list(row[20:])
    file = ply_faces(tmp_path / "a.ply", polygons, order=order, extra=extra)
    check(file, patch())


@pytest.mark.parametrize("number", ["float", "double"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_ply_numbers_in_either_order(tmp_path: Path, number: str, order: str) -> None:
    file = write_mesh(tmp_path / "a.ply", patch(), number=number, order=order)
    check(file, patch())
    others_agree(file, patch())


def test_ply_strips_are_faces(tmp_path: Path) -> None:
    skin = patch()
    index = np.arange(NX * NY).reshape(NX, NY)
    strip: list[int] = []
    for left, right in itertools.pairwise(index):
        strip += [*np.stack([left, right], 1).ravel(), -1]
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(skin.vertices)}\n"
    head += "property double x\nproperty double y\nproperty double z\n"
    head += "element tristrips 1\nproperty list int int vertex_indices\nend_header\n"
    body = skin.vertices.tobytes() + np.array([len(strip), *strip], "<i4").tobytes()
    (tmp_path / "a.ply").write_bytes(head.encode() + body)
    made = load_skin(tmp_path / "a.ply", 1.0)
    check(tmp_path / "a.ply", skin)
    assert not made.notes


HEADS = {
    "range grid": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "element range_grid 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0\n"
    ),
    "Gaussian splats": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "property float opacity\nproperty float scale_0\nproperty float rot_0\nend_header\n0 0 0 1 1 1\n"
    ),
    "'trifans' with vertex indices": (
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "element trifans 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0\n"
    ),
    "no x, y, z": "ply\nformat ascii 1.0\nelement vertex 1\nproperty float u\nend_header\n0\n",
    "'property half x' of its head": "ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n",
    "ends within": (
        "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n"
        "end_header\n0 0 0\n"
    ),
}


@pytest.mark.parametrize("what", sorted(HEADS))
def test_ply_names_what_it_does_not_read(tmp_path: Path, what: str) -> None:
    (tmp_path / "a.ply").write_text(HEADS[what])
    with pytest.raises(SurfaceError, match=what):
        load_skin(tmp_path / "a.ply", 1.0)


def test_concave_polygons_keep_their_area_or_are_refused(tmp_path: Path) -> None:
    arrow = np.array([[0.0, 0, 0], [0.04, 0.04, 0], [0, 0.02, 0.001], [-0.04, 0.04, 0]])
    text = "\n".join(v_lines(arrow)) + "\nf 4 1 2 3\n"
    (tmp_path / "a.obj").write_text(text)
    assert load_skin(tmp_path / "a.obj", 1.0).mesh.face_areas().sum() == pytest.approx(0.0008, rel=1e-2)
    comb = [[0.0, 0], [0.06, 0], [0.06, 0.03], [0.05, 0.03], [0.05, 0.01], [0.035, 0.01], [0.035, 0.03],
            [0.025, 0.03], [0.025, 0.01], [0.01, 0.01], [0.01, 0.03], [0, 0.03]]  # fmt: skip
    (tmp_path / "b.obj").write_text(
        "\n".join(v_lines(np.c_[comb, np.zeros(12)])) + "\nf " + " ".join(str(k + 1) for k in range(12))
    )
    with pytest.raises(SurfaceError, match=r"too concave.*triangulate"):
        load_skin(tmp_path / "b.obj", 1.0)


# STL


def stl_binary(mesh: TriangleMesh, head: bytes = b"", normals: np.ndarray | None = None) -> bytes:
    rows = np.zeros(len(mesh.faces), np.dtype([("n", "<f4", 3), ("v", "<f4", (3, 3)), ("a", "<u2")]))
    rows["n"] = mesh.face_normals() if normals is None else normals
    rows["v"], rows["a"] = mesh.vertices[mesh.faces], 0x7FFF
    return head.ljust(80, b" ") + np.array([len(rows)], "<u4").tobytes() + rows.tobytes()


def stl_text(mesh: TriangleMesh) -> str:
    lines = ["solid vertex facet of skin"]
    for face, n in zip(mesh.faces, mesh.face_normals(), strict=True):
        lines += ["  facet normal {:.6e} {:.6e} {:.6e}".format(*n), "    outer loop"]
        lines += ["      vertex {:.9e} {:.9e} {:.9e}".format(*mesh.vertices[k]) for k in face]
        lines += ["    endloop", "  endfacet"]
    return "\n".join([*lines, "endsolid vertex facet of skin", "solid two", "endsolid two"])


def test_stl_binary_and_text(tmp_path: Path) -> None:
    skin = patch()
    for name, data in (
        ("plain", stl_binary(skin)),
        ("named solid", stl_binary(skin, b"solid facet")),
        ("without normals", stl_binary(skin, normals=np.zeros((len(skin.faces), 3)))),
        ("text", stl_text(skin).encode()),
        ("text, capitals", stl_text(skin).upper().replace("\n", "\r\n").encode()),
    ):
        file = tmp_path / f"{name}.stl"
        file.write_bytes(data)
        check(file, skin)
    others_agree(tmp_path / "plain.stl", skin)


def test_stl_normals_against_its_winding_ask(tmp_path: Path) -> None:
    skin = patch()
    (tmp_path / "a.stl").write_bytes(stl_binary(turned(skin), normals=skin.face_normals()))
    with pytest.raises(SurfaceError, match=r"normals in the file.*--outward"):
        load_skin(tmp_path / "a.stl", 1.0)


@pytest.mark.parametrize("cut", [10, 83, 84, 500, -1])
def test_stl_that_is_cut_off_says_so(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.stl").write_bytes(stl_binary(patch())[:cut])
    with pytest.raises(SurfaceError, match="cannot be read as a mesh"):
        load_skin(tmp_path / "a.stl", 1.0)


# glTF


def write_glb(path: Path, document: dict, binary: bytes) -> Path:
    path.write_bytes(glb(document, binary))
    return path


def test_gltf_plain_data_uri_and_file_beside(tmp_path: Path) -> None:
    import json

    skin = patch()
    document, binary = gltf_of(skin)
    check(write_glb(tmp_path / "a.glb", document, binary), skin)
    others_agree(tmp_path / "a.glb", skin)
    uri = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    for name, where in (("b.gltf", uri), ("c.gltf", "a%20b.bin")):
        (tmp_path / "a b.bin").write_bytes(binary)
        whole = {
            "asset": {"version": "2.0"},
            **document,
            "buffers": [{"byteLength": len(binary), "uri": where}],
        }
        (tmp_path / name).write_text(json.dumps(whole))
        check(tmp_path / name, skin)
    for where, what in (
        ("../secret.bin", "outside its folder"),
        ("http://a/b.bin", "network"),
        ("no.bin", "not there"),
    ):
        whole["buffers"][0]["uri"] = where
        (tmp_path / "d.gltf").write_text(json.dumps(whole))
        with pytest.raises(SurfaceError, match=what):
            load_skin(tmp_path / "d.gltf", 1.0)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_gltf_nodes_move_turn_scale_and_mirror(tmp_path: Path, mirror: float) -> None:
    skin = patch()
    inside = TriangleMesh(
        skin.vertices * [500.0 * mirror, 500.0, 500.0], skin.faces if mirror > 0 else skin.faces[:, ::-1]
    )
    document, binary = gltf_of(inside)
    document["nodes"] = [
        {"children": [1], "translation": [0.1, 0.2, 0.3]},
        {"mesh": 0, "matrix": [0.002 * mirror, 0, 0, 0, 0, 0.002, 0, 0, 0, 0, 0.002, 0, 0, 0, 0, 1]},
    ]
    moved = TriangleMesh(skin.vertices + np.array([0.1, 0.2, 0.3]), skin.faces)
    # the mirror turns what is wound the other way round back, as the format says
    if mirror < 0:
        document["nodes"][1]["matrix"][0] = -0.002
        inside_out = gltf_of(TriangleMesh(inside.vertices, inside.faces))
        binary = inside_out[1]
    check(write_glb(tmp_path / "a.glb", document, binary), moved)


def test_gltf_strips_fans_and_shared_meshes(tmp_path: Path) -> None:
    skin = patch()
    index = np.arange(NX * NY).reshape(NX, NY)
    strip: list[int] = []
    for left, right in itertools.pairwise(index):
        row = list(np.stack([left, right], 1).ravel())
        strip += ([strip[-1], row[0]] if strip else []) + row
    document, binary = gltf_of(skin)
    start = document["bufferViews"][1]["byteOffset"]
    order = np.array(strip, "<u2").tobytes()
    document["accessors"][1] |= {"componentType": 5123, "count": len(strip)}
    document["bufferViews"][1]["byteLength"] = len(order)
    document["meshes"][0]["primitives"][0]["mode"] = 5
    check(write_glb(tmp_path / "a.glb", document, binary[:start] + order), skin)
    document, binary = gltf_of(skin)
    document["nodes"] = [{"children": [1, 2]}, {"mesh": 0}, {"mesh": 0, "translation": [0.2, 0, 0]}]
    assert len(load_skin(write_glb(tmp_path / "b.glb", document, binary), 1.0).mesh.faces) == 2 * len(
        skin.faces
    )


@pytest.mark.parametrize("normalized", [True, False])
def test_gltf_quantised_positions(tmp_path: Path, normalized: bool) -> None:
    skin = patch()
    low, size = skin.vertices.min(axis=0), float(np.ptp(skin.vertices, axis=0).max())
    counts = TriangleMesh(np.rint((skin.vertices - low) / size * 65535), skin.faces)
    padded = np.zeros((len(counts.vertices), 4), "<u2")
    padded[:, :3] = counts.vertices
    document, _ = gltf_of(counts, code="<u2", component=5123, normalized=normalized)
    rows, indices = padded.tobytes(), skin.faces.astype("<u4").tobytes()
    document["bufferViews"] = [
        {"buffer": 0, "byteLength": len(rows), "byteStride": 8},
        {"buffer": 0, "byteOffset": len(rows), "byteLength": len(indices)},
    ]
    scale = size if normalized else size / 65535
    document["nodes"] = [{"mesh": 0, "translation": low.tolist(), "scale": [scale] * 3}]
    with pytest.raises(SurfaceError, match="without KHR_mesh_quantization"):
        load_skin(write_glb(tmp_path / "a.glb", document, rows + indices), 1.0)
    document["extensionsUsed"] = document["extensionsRequired"] = ["KHR_mesh_quantization"]
    check(write_glb(tmp_path / "b.glb", document, rows + indices), skin, atol=3e-6)


def test_gltf_sparse_accessors_and_none_at_all(tmp_path: Path) -> None:
    skin = patch()
    document, binary = gltf_of(skin)
    moved = np.array([0, 5, 1300], "<u2")
    flat = skin.vertices.astype("<f4").copy()
    flat[moved] = 9.0
    values = skin.vertices[moved].astype("<f4").tobytes()
    binary = flat.tobytes() + binary[flat.nbytes :]
    at = len(binary)
    document["bufferViews"] += [
        {"buffer": 0, "byteOffset": at, "byteLength": 6},
        {"buffer": 0, "byteOffset": at + 8, "byteLength": len(values)},
    ]
    document["accessors"][0]["sparse"] = {
        "count": 3,
        "indices": {"bufferView": 2, "componentType": 5123},
        "values": {"bufferView": 3},
    }
    check(write_glb(tmp_path / "a.glb", document, binary + moved.tobytes() + b"\0\0" + values), skin)


GLTF_REFUSED = {
    "Draco": {"extensionsRequired": ["KHR_draco_mesh_compression"]},
    "meshopt": {"extensionsRequired": ["EXT_meshopt_compression"]},
    "EXT_strange_geometry": {"extensionsRequired": ["EXT_strange_geometry"]},
    "copies of one mesh": {"nodes": [{"mesh": 0, "extensions": {"EXT_mesh_gpu_instancing": {}}}]},
    "skeleton": {"nodes": [{"mesh": 0, "skin": 0}]},
    "morph targets": {"nodes": [{"mesh": 0, "weights": [0.0, 0.7]}]},
    "2 scenes and does not say": {"scene": None, "scenes": [{"nodes": [0]}, {"nodes": []}]},
    "version 1.0": {"asset": {"version": "1.0"}},
    "hangs below two others or itself": {"nodes": [{"mesh": 0, "children": [0]}]},
    "names meshes 7": {"nodes": [{"mesh": 7}]},
    "rotation of its node 0 is not 4 numbers": {"nodes": [{"mesh": 0, "rotation": [0, 0, 1]}]},
    "reaches beyond buffer view": {
        "bufferViews": [{"buffer": 0, "byteLength": 8}, {"buffer": 0, "byteLength": 8}]
    },
}


@pytest.mark.parametrize("what", sorted(GLTF_REFUSED))
def test_gltf_names_what_it_does_not_read(tmp_path: Path, what: str) -> None:
    document, binary = gltf_of(patch())
    document |= copy.deepcopy(GLTF_REFUSED[what])
    document = {key: value for key, value in document.items() if value is not None}
    with pytest.raises(SurfaceError, match=what) as caught:
        load_skin(write_glb(tmp_path / "a.glb", document, binary), 1.0)
    assert "metres per unit" not in str(caught.value)


@pytest.mark.parametrize("name", ["KHR_draco_mesh_compression"])
def test_gltf_compressed_primitives_are_refused_also_where_it_is_not_required(
    tmp_path: Path, name: str
) -> None:
    document, binary = gltf_of(patch())
    document["meshes"][0]["primitives"][0]["extensions"] = {name: {"bufferView": 0}}
    with pytest.raises(SurfaceError, match=name):
        load_skin(write_glb(tmp_path / "a.glb", document, binary), 1.0)


def test_gltf_positions_unlike_the_extent_they_state_are_refused(tmp_path: Path) -> None:
    skin = patch()
    low, high = skin.vertices.min(axis=0).tolist(), skin.vertices.max(axis=0).tolist()
    document, binary = gltf_of(skin, min=low, max=high)
    check(write_glb(tmp_path / "a.glb", document, binary), skin)
    document, binary = gltf_of(skin, min=low, max=[high[0], 0.5 * high[1], high[2]])
    with pytest.raises(SurfaceError, match="outside the extent"):
        load_skin(write_glb(tmp_path / "b.glb", document, binary), 1.0)


# all


@pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "glb"])
def test_what_others_write_is_read_as_others_read_it(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"ball.{suffix}"
    trimesh.Trimesh(ball().vertices, ball().faces, process=False).export(file)
    check(file, ball(), atol=1e-6)
    others_agree(file, ball())


@pytest.mark.parametrize("suffix", ["ply", "obj", "stl", "glb", "gltf"])
def test_broken_files_give_one_clear_error(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cut off anywhere, or with bytes changed anywhere: read, or refused in words; never anything else."""
    skin = patch(nx=12, ny=10, step=0.006)
    good = {
        "ply": write_mesh(tmp_path / "g.ply", skin).read_bytes(),
        "obj": "\n".join(
            [*v_lines(skin.vertices), *(f"f {a + 1}/1 {b + 1}/1 {c + 1}/1" for a, b, c in skin.faces)]
        ).encode(),
        "stl": stl_binary(skin),
        "glb": glb(*gltf_of(skin)),
        "gltf": glb(*gltf_of(skin))[20:],
    }[suffix]
    rng = np.random.default_rng(5)
    file = tmp_path / f"bad.{suffix}"
    for k in range(120):
        data = bytearray(good)
        if k % 2:
            del data[int(rng.integers(len(data))) :]
        else:
            where = rng.integers(0, len(data) if k % 4 else min(400, len(data)), 3)
            for at in where:
                data[int(at)] = int(rng.integers(256))
        file.write_bytes(bytes(data))
        try:
            load_skin(file, 1.0)
        except SurfaceError as error:
            assert error.cause and error.fix
    out = capfd.readouterr()
    assert not out.out and not out.err


def test_points_beside_normals_and_colours_are_a_cloud(tmp_path: Path) -> None:
    skin = patch(nx=80, ny=70, step=0.001)
    file = write_ply(tmp_path / "a.ply", skin.vertices, normals=skin.vertex_normals())
    assert [note.code for note in load_skin(file, 1.0).notes] == ["surface-from-points"]
