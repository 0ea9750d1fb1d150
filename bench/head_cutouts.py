"""Sphere-shaped cut-outs of a head: is their outside taken from the file, or turned?

An open cut-out of a head is an inner corner of the eye, a nostril, an ear, a chin: which side of it is
outside no shape tells, but the file's winding does. Each cut-out is written as a PLY and read as any file is
(joined, pieces, evidence, sky, inner walls); each of its triangles must face as it does on the head, and the
skin at its centre must be there. `--plan K` also plans on every K-th, with a region at its centre, and looks
at the beams. Beside it the rule of before, the signed volume about the centroid. Peers: none plan on skin
from files.

    python bench/head_cutouts.py HEAD.glb --scale 0.05
    python bench/head_cutouts.py HEAD.glb --scale 0.05 --count 60 --plan 20
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from openmtz.geometry import SkinSurface, TriangleMesh
from openmtz.surfaces import SurfaceError, load_skin

RADII_MM = (20, 30, 45, 60)
NAMES = ("cut-outs", "inside", "refused", "centre lost", "planned", "from inside", "plan refused",
         "volume rule turns")  # fmt: skip
WRONG = ("inside", "refused", "centre lost", "from inside")
FEWEST_FACES = 12
"""A cut-out of fewer triangles is no skin to plan on: the next centre is taken."""


def main() -> int:
    """Run, print one line per radius; exit code 1 if any cut-out faces inwards or is refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("mesh", type=Path, help="a head, closed or open, wound outwards")
    parser.add_argument("--scale", type=float, default=1.0, help="metres per unit")
    parser.add_argument("--count", type=int, default=600, help="centres per radius")
    parser.add_argument("--seed", type=int, default=0, help="of the centres")
    parser.add_argument("--plan", type=int, default=0, metavar="K", help="plan on every K-th, too")
    order = parser.parse_args()
    head = load_skin(order.mesh, order.scale).mesh
    rng = np.random.default_rng(order.seed)
    print("radius_mm" + "".join(f"{name:>18}" for name in NAMES) + "    cpu_s")
    wrong = 0
    for radius in RADII_MM:
        started = time.process_time()
        found = _one_radius(head, radius * 1e-3, order, rng)
        wrong += sum(found[name] for name in WRONG)
        row = "".join(f"{found[name]:18d}" for name in NAMES)
        print(f"{radius:9d}{row}{time.process_time() - started:9.1f}", flush=True)
    print("peers: none")
    return 1 if wrong else 0


def _one_radius(head: TriangleMesh, radius_m: float, order: Any, rng: np.random.Generator) -> Counter[str]:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        while found["cut-outs"] < order.count:
            centre = head.vertices[int(rng.integers(len(head.vertices)))]
            near = np.linalg.norm(head.vertices - centre, axis=1) <= radius_m
            faces = near[head.faces].all(axis=1)
            if faces.sum() < FEWEST_FACES:
                continue
            found["cut-outs"] += 1
            part = head.submesh(faces)[0]
            found["volume rule turns"] += _turned_by_volume(part)
            file = Path(folder) / "part.ply"
            _write(part, file)
            try:
                read = load_skin(file, 1.0).mesh
            except SurfaceError as error:
                found["refused"] += 1
                print(f"  refused at {centre.round(4).tolist()}: {error}", file=sys.stderr)
                continue
            found["inside"] += _faces_inside(part, read)
            found["centre lost"] += np.linalg.norm(read.vertices - centre, axis=1).min() > 1e-4
            if order.plan and found["cut-outs"] % order.plan == 0:
                _plan(read, centre, part, found)
    return found


def _turned_by_volume(part: TriangleMesh) -> bool:
    relative = part.vertices - part.vertices.mean(axis=0)
    a, b, c = (relative[part.faces[:, k]] for k in range(3))
    return bool(np.einsum("ij,ij->", a, np.cross(b, c)) < 0.0)


def _write(part: TriangleMesh, file: Path) -> None:
    head = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(part.vertices)}\nproperty double x\n"
        f"property double y\nproperty double z\nelement face {len(part.faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    )
    rows = np.zeros(len(part.faces), np.dtype([("n", "u1"), ("corners", "<i4", 3)]))
    rows["n"], rows["corners"] = 3, part.faces
    file.write_bytes(head.encode() + part.vertices.astype("<f8").tobytes() + rows.tobytes())


def _against(
    part: TriangleMesh, points: NDArray[np.float64], directions: NDArray[np.float64]
) -> NDArray[Any]:
    """Return `(N,)` bool: a direction out of the skin that points into the body where it stands."""
    centres = part.vertices[part.faces].mean(axis=1)
    nearest = cKDTree(centres).query(points)[1]
    return np.asarray((part.face_normals()[nearest] * directions).sum(axis=1) < 0.0)


def _faces_inside(part: TriangleMesh, read: TriangleMesh) -> bool:
    centres = read.vertices[read.faces].mean(axis=1)
    return bool(_against(part, centres, read.face_normals()).any())


def _plan(read: TriangleMesh, centre: NDArray[np.float64], part: TriangleMesh, found: Counter[str]) -> None:
    from openmtz.hooks import Region
    from openmtz.planning import PlanningError, plan_treatment

    surface = SkinSurface.from_arrays(read.vertices, read.faces)
    facts = {"site": "cheek", "fitzpatrick": 2, "agent": "methotrexate"}
    try:
        plan = plan_treatment(surface, "ladd", facts, region=Region(tuple(centre), 0.008)).plan
    except PlanningError as error:
        found["plan refused"] += 1
        print(f"  no plan at {centre.round(4).tolist()}: {error}", file=sys.stderr)
        return
    found["planned"] += 1
    found["from inside"] += bool(_against(part, plan.positions_m, plan.normals).mean() > 0.5)


if __name__ == "__main__":
    sys.exit(main())
