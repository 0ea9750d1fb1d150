"""Depth frames with known poses -> one skin surface: TSDF fusion, crop, largest piece, quality."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openmtz.capture.cleaning import clean_mesh, drop_depth_edges, inside_box
from openmtz.capture.errors import CaptureError
from openmtz.capture.intrinsics import CameraIntrinsics
from openmtz.capture.open3d_core import load_open3d
from openmtz.geometry import SkinSurface, TriangleMesh, apply_pose, invert_pose

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CaptureSettings:
    """What to keep and how finely.

    Attributes:
        center: `(3,)` centre of the box to keep, world [m]. radius_m: its half edge [m].
        intrinsics: of the camera. voxel_m: edge of a TSDF voxel [m].
        truncation_voxels: how far around the surface the field reaches; must exceed the noise.
        edge_jump_m: pixels beside a depth step larger than this are not fused: they are mixtures of
            fore- and background in every structured-light camera.
        range_m: depths outside are ignored [m].
        smoothing: iterations of Taubin smoothing (shrinks nothing); 0 leaves marching-cubes steps.
        min_frames: fewer fused frames than this is a failure.

    Raises:
        ValueError: a number that is not finite or not positive.
    """

    center: tuple[float, float, float]
    radius_m: float = 0.045
    intrinsics: CameraIntrinsics = field(default_factory=CameraIntrinsics)
    voxel_m: float = 0.001
    truncation_voxels: float = 4.0
    edge_jump_m: float = 0.006
    range_m: tuple[float, float] = (0.1, 2.5)
    smoothing: int = 2
    min_frames: int = 3

    def __post_init__(self) -> None:
        if len(self.center) != 3 or not np.isfinite(self.center).all():
            raise ValueError(f"center must be three finite numbers [m], got {self.center!r}")
        for name in ("radius_m", "voxel_m", "truncation_voxels", "edge_jump_m"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive, got {value!r}")
        if self.radius_m > 1000 * self.voxel_m:
            raise ValueError(f"a box of +-{self.radius_m} m at {self.voxel_m} m voxels is too large to fuse")


@dataclass(frozen=True, eq=False)
class CaptureResult:
    """The surface and what went into it. `depth_noise_m`: median |frame - surface| along the ray [m]."""

    surface: SkinSurface
    frames_fused: int
    depth_noise_m: float


class SurfaceFuser:
    """Integrates depth frames one by one; the same frames in the same order give the same surface."""

    def __init__(self, settings: CaptureSettings) -> None:
        open3d = load_open3d()  # the better part of a second: only who fuses pays for it
        self._o3d: Any = open3d
        open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
        self.settings = settings
        k = settings.intrinsics
        self._pinhole = open3d.camera.PinholeCameraIntrinsic(k.width, k.height, k.fx, k.fy, k.cx, k.cy)
        self._rays = k.directions()
        self._volume = open3d.pipelines.integration.ScalableTSDFVolume(
            voxel_length=settings.voxel_m,
            sdf_trunc=settings.voxel_m * settings.truncation_voxels,
            color_type=open3d.pipelines.integration.TSDFVolumeColorType.NoColor,
            depth_sampling_stride=2,
        )
        self._kept: list[tuple[NDArray[np.float32], Array]] = []
        self.frames_seen = 0
        self.frames_empty = 0
        self.frames_outside = 0

    @property
    def frames_fused(self) -> int:
        """Frames that had skin inside the box."""
        return len(self._kept)

    def integrate(self, depth_m: NDArray[np.floating], world_T_camera: Array) -> bool:
        """Fuse a depth image `(H, W)` [m], 0 or NaN where there is none; return whether it was of use.

        Raises:
            ValueError: another size than the intrinsics say, or a pose that is not rigid.
        """
        k = self.settings.intrinsics
        depth = np.array(depth_m, np.float32)
        if depth.shape != (k.height, k.width):
            raise ValueError(f"depth is {depth.shape}, the intrinsics are of ({k.height}, {k.width})")
        pose = np.asarray(world_T_camera, np.float64)
        rotation = pose[:3, :3] if pose.shape == (4, 4) else np.zeros((3, 3))
        if not np.isfinite(pose).all() or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
            raise ValueError("world_T_camera must be a rigid (4, 4) pose of finite numbers")
        self.frames_seen += 1
        near, far = self.settings.range_m
        depth[~np.isfinite(depth) | (depth < near) | (depth > far)] = 0.0
        if not depth.any():
            self.frames_empty += 1
            return False
        depth = drop_depth_edges(depth, self.settings.edge_jump_m)
        margin = 4.0 * self.settings.voxel_m
        depth[~inside_box(depth, self._rays, pose, self.settings.center, self.settings.radius_m + margin)] = 0
        if np.count_nonzero(depth) < 50:
            self.frames_outside += 1
            return False
        image = self._o3d.geometry.RGBDImage()
        image.depth = self._o3d.geometry.Image(depth)
        self._volume.integrate(image, self._pinhole, invert_pose(pose))
        self._kept.append((depth, pose))
        return True

    def extract(self) -> SkinSurface:
        """Return the surface; see `result`."""
        return self.result().surface

    def result(self) -> CaptureResult:
        """Return surface, frame count and noise.

        Raises:
            CaptureError: no frame, only empty frames, nothing in the box, too few frames.
        """
        self._refuse_if_hopeless()
        mesh = self._volume.extract_triangle_mesh()
        vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.triangles)
        s = self.settings
        if len(faces):
            inside = (np.abs(vertices - np.asarray(s.center)) <= s.radius_m).all(axis=1)
            faces = faces[inside[faces].all(axis=1)]
        if len(faces) == 0:
            raise self._nothing_inside()
        clean = clean_mesh(TriangleMesh(vertices, faces), s.voxel_m, s.smoothing)
        normals = clean.vertex_normals()
        quality, noise_m, facing = self._seen(clean.vertices, normals)
        if facing < 0:  # TSDF meshes face the camera already; a mirrored pose would show here
            raise CaptureError(
                "the captured surface faces away from the camera",
                "check that the camera poses are world_T_camera, not their inverse",
            )
        surface = SkinSurface.from_arrays(clean.vertices, clean.faces, normals, quality, s.voxel_m)
        return CaptureResult(surface, self.frames_fused, noise_m)

    def _refuse_if_hopeless(self) -> None:
        s = self.settings
        if self.frames_seen == 0:
            raise CaptureError(
                "no depth frame was received",
                "check that the camera runs and its topic is the one subscribed",
            )
        if self.frames_empty == self.frames_seen:
            raise CaptureError(
                f"all {self.frames_seen} depth frames are empty (no valid pixel)",
                "check that the camera sees the skin from 0.1 to 2.5 m, is not covered, and its depth unit",
            )
        if self.frames_fused == 0:
            raise self._nothing_inside()
        if self.frames_fused < s.min_frames:
            raise CaptureError(
                f"only {self.frames_fused} of {self.frames_seen} depth frames could be used, "
                f"{s.min_frames} are needed",
                "hold longer at each view, or lower min_frames",
            )

    def _nothing_inside(self) -> CaptureError:
        s = self.settings
        x, y, z = s.center
        return CaptureError(
            f"no skin was seen inside the box of +-{s.radius_m * 1e3:.0f} mm around "
            f"({x:.3f}, {y:.3f}, {z:.3f}) m in {self.frames_seen} frames",
            "check the centre, the hand-eye calibration and that the patient lies where it is expected",
        )

    def _seen(self, vertices: Array, normals: Array) -> tuple[Array, float, float]:
        """Return quality `(V,)`, noise [m] and the mean cosine to the cameras.

        Quality is the sum over frames of cos(incidence) where the frame agrees with the surface
        within the truncation, over half the number of frames, at most 1.
        """
        k = self.settings.intrinsics
        limit = self.settings.voxel_m * self.settings.truncation_voxels
        score = np.zeros(len(vertices))
        residuals, cosines = [], []
        for depth, pose in self._kept:
            pixels, z = k.project(apply_pose(invert_pose(pose), vertices))
            column, row = np.rint(pixels).astype(np.int64).T
            visible = (z > 0) & (column >= 0) & (column < k.width) & (row >= 0) & (row < k.height)
            measured = np.zeros(len(vertices))
            measured[visible] = depth[row[visible], column[visible]]
            error = measured - z
            good = visible & (measured > 0) & (np.abs(error) < limit)
            to_camera = pose[:3, 3] - vertices
            to_camera /= np.linalg.norm(to_camera, axis=1, keepdims=True)
            cosine = np.einsum("ij,ij->i", normals, to_camera)
            score[good] += np.maximum(cosine[good], 0.0)
            residuals.append(np.abs(error[good]))
            cosines.append(cosine[good])
        joined = np.concatenate(residuals)
        noise = float(np.median(joined)) if len(joined) else float("nan")
        facing = float(np.mean(np.concatenate(cosines))) if len(joined) else 0.0
        return np.minimum(1.0, score / (0.5 * len(self._kept))), noise, facing
