"""What a depth camera looks at: meshes, drawn as depth triangle by triangle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openmtz.capture import CameraIntrinsics
from openmtz.geometry import TriangleMesh

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrueDepth:
    """A picture without noise: `depth_m` `(h, w)` along the optical axis, inf where there is nothing.

    `face` `(h, w)` is the one seen, counted over all meshes, negative where there is none; `normals`
    `(F, 3)` of the faces in the optical frame. `lens` fx, fy, cx, cy and `window` u0, v0, w, h [px].
    """

    depth_m: Array
    face: NDArray[np.int32]
    normals: Array
    lens: Array
    window: NDArray[np.int64]


class MeshScene:
    """Meshes in `world`, seen from both sides. Nothing is prepared: meshes that move cost nothing more.

    Raises:
        ValueError: no mesh.
    """

    def __init__(self, meshes: TriangleMesh | Sequence[TriangleMesh]) -> None:
        parts = [meshes] if isinstance(meshes, TriangleMesh) else list(meshes)
        if not parts:
            raise ValueError("a scene needs at least one mesh")
        starts = np.cumsum([0, *(len(mesh.vertices) for mesh in parts)])
        self.vertices = np.concatenate([np.asarray(mesh.vertices, np.float64) for mesh in parts])
        self.faces = np.concatenate(
            [np.asarray(m.faces, np.int64) + at for m, at in zip(parts, starts, strict=False)]
        )

    def depth(
        self, world_T_camera: Array, intrinsics: CameraIntrinsics, window: tuple[int, int, int, int]
    ) -> TrueDepth:
        """Return what a camera at `(4, 4)` (optical frame) sees in `window` u0, v0, width, height [px].

        Raises:
            ValueError: a pose of another shape, or not finite.
        """
        from openmtz.simulation.camera import depth_kernels as kernels  # numba: only who renders pays for it

        lens = np.array([intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy])
        part = np.array(window, np.int64)
        pose = np.ascontiguousarray(world_T_camera, np.float64)
        if pose.shape != (4, 4) or not np.isfinite(pose).all():
            raise ValueError(f"world_T_camera must be a (4, 4) pose of finite numbers, got {pose.tolist()}")
        depth, face, normals = kernels.rasterise(self.vertices, self.faces, pose, lens, part)
        return TrueDepth(depth, face, normals, lens, part)
