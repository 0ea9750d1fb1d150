"""Pinhole intrinsics of a depth camera, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FOV_MIN_DEG, FOV_MAX_DEG = 10.0, 130.0
"""Outside this a pinhole depth camera is a mistake in the numbers, not a camera [M]."""


@dataclass(frozen=True)
class CameraIntrinsics:
    """`width`, `height` [px]; focal lengths `fx`, `fy` [px]; principal point `cx`, `cy` [px].

    Pixel centres have integer coordinates, as in OpenCV and sensor_msgs/CameraInfo.

    Raises:
        ValueError: not finite, not positive, principal point outside the image, absurd field of view.
    """

    width: int = 480
    height: int = 360
    fx: float = 600.0
    fy: float = 600.0
    cx: float = 239.5
    cy: float = 179.5

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if not np.isfinite(numbers).all():
            raise ValueError(f"intrinsics fx,fy,cx,cy must be finite numbers, got {numbers}")
        if self.width < 2 or self.height < 2:
            raise ValueError(f"an image of {self.width}x{self.height} pixels is no depth image")
        if self.fx <= 0 or self.fy <= 0:
            raise ValueError(f"focal lengths must be positive pixels, got fx={self.fx}, fy={self.fy}")
        if not (0 <= self.cx < self.width and 0 <= self.cy < self.height):
            raise ValueError(
                f"the principal point ({self.cx:g}, {self.cy:g}) lies outside the image of "
                f"{self.width}x{self.height} pixels; the order is fx,fy,cx,cy in pixels"
            )
        for name, size, focal in (("horizontal", self.width, self.fx), ("vertical", self.height, self.fy)):
            angle = float(np.rad2deg(2.0 * np.arctan(size / (2.0 * focal))))
            if not FOV_MIN_DEG <= angle <= FOV_MAX_DEG:
                raise ValueError(
                    f"a focal length of {focal:g} px gives a {name} field of view of {angle:.1f} degrees; "
                    f"{FOV_MIN_DEG:g} to {FOV_MAX_DEG:g} is possible; give it in pixels of this image"
                )

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, width: int, height: int) -> CameraIntrinsics:
        """Return the intrinsics of a `(3, 3)` camera matrix K or its 9 numbers, row by row.

        Raises:
            ValueError: not 9 numbers, or as the class.
        """
        k = np.asarray(matrix, np.float64)
        if k.size != 9:
            raise ValueError(f"a camera matrix has 9 numbers, got {k.size}")
        k = k.reshape(3, 3)
        return cls(int(width), int(height), float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2]))

    def matrix(self) -> NDArray[np.float64]:
        """Return the camera matrix K `(3, 3)` [px]."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def directions(self) -> NDArray[np.float64]:
        """Return `(H, W, 3)` rays of the pixels in the optical frame, scaled to z = 1."""
        u, v = np.meshgrid(np.arange(self.width), np.arange(self.height))
        return np.stack([(u - self.cx) / self.fx, (v - self.cy) / self.fy, np.ones(u.shape)], axis=-1)

    def project(self, points_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pixel coordinates `(N, 2)` and depth `(N,)` [m] of points `(N, 3)` [m], optical frame.

        Points at or behind the camera get depth <= 0 and pixel coordinates far outside the image.
        """
        z = points_m[:, 2]
        safe = np.where(z > 1e-9, z, 1e-9)
        u = self.fx * points_m[:, 0] / safe + self.cx
        v = self.fy * points_m[:, 1] / safe + self.cy
        return np.stack([u, v], axis=-1), z
