"""The simulated camera against recorded ones: the same estimator on real frames and on renderings of them.

Each real frame is turned into a smooth mesh, rendered by the simulated camera from where it was taken,
and both pictures go through the same fits: 7x7 pixel windows, quadratic, the residual is the noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from openmtz.capture import CameraIntrinsics
from openmtz.simulation.camera.camera import DepthCamera
from openmtz.simulation.camera.mesh_scene import MeshScene
from openmtz.simulation.patient.depth_folder import load_depth_folder
from openmtz.simulation.patient.depth_mesh import denoise, depth_to_mesh, fill_small_holes, nearest_part

SR305 = (476.007, 476.007, 313.683, 242.755)
DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
BINS_DEG = (0, 25, 35, 45, 55, 65)
Table = tuple[np.ndarray, np.ndarray]


def windows(depth: np.ndarray, k: CameraIntrinsics) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return range [m], incidence [rad] and residual of a quadratic fit [m] of whole 7x7 windows."""
    whole = sliding_window_view(depth > 0, (7, 7))[::2, ::2].all(axis=(2, 3))
    z = sliding_window_view(depth, (7, 7))[::2, ::2][whole].reshape(-1, 49)
    v, u = np.mgrid[-3:4, -3:4].reshape(2, -1)
    terms = np.stack([np.ones(49), u, v, u * u, u * v, v * v], axis=1)
    fit = z @ np.linalg.pinv(terms).T
    residual = np.sqrt(((z - fit @ terms.T) ** 2).sum(axis=1) / 43)
    slope = np.hypot(fit[:, 1] * k.fx, fit[:, 2] * k.fy) / fit[:, 0]
    return fit[:, 0], np.arctan(slope), residual


def table(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the median residual [m] by incidence (`BINS_DEG`), all taken to 0.3 m by range squared."""
    z, incidence, residual = (np.concatenate(column) for column in zip(*parts, strict=True))
    bins = np.digitize(np.rad2deg(incidence), BINS_DEG)
    noise = residual * (0.3 / z) ** 2
    return np.array([np.median(noise[bins == b]) for b in range(1, len(BINS_DEG))])


def real_and_simulated(folder: str, intrinsics: tuple[float, ...] | None, unit: float, every: int) -> Table:
    path = DATA / folder
    if not path.exists():
        pytest.skip(f"the recorded data {folder} is not on this machine")
    real, simulated = [], []
    for n, frame in enumerate(load_depth_folder(path, intrinsics, unit).frames[::every]):
        k = frame.intrinsics
        part = nearest_part(frame.depth, k)
        real.append(windows(np.where(part, frame.depth, 0.0), k))
        filled, part = fill_small_holes(frame.depth, part)
        scene = MeshScene(depth_to_mesh(denoise(filled, part), part, k))
        picture = DepthCamera(k, seed=1).render(np.eye(4), scene, (n,), 0)
        simulated.append(windows(picture.astype(np.float64), k))
    return table(real), table(simulated)


def test_at_the_working_range_the_noise_is_that_of_a_real_camera() -> None:
    """TrueDepth at 0.31 m: facing as large as the real one, at a slant larger, never much smaller."""
    real, simulated = real_and_simulated("truedepth_mannequin_face/frames", None, 1e-4, 15)
    assert 1.2e-4 < real[0] < 2.0e-4, "the recording is what it was"
    ratio = simulated / real
    assert 0.7 < ratio[0] < 1.3
    assert ratio.min() > 0.7 and ratio.max() < 2.5


def test_noise_grows_with_incidence_as_in_a_real_camera() -> None:
    """SR305 at 0.6 m: it filters in the camera, so its noise is less throughout, and grows as the model's."""
    real, simulated = real_and_simulated("sr305_hand_depth/20210326-230536", SR305, 0.000125, 3)
    growth = (simulated / simulated[0]) / (real / real[0])
    assert growth.min() > 0.6 and growth.max() < 2.2
    assert (simulated > 3.0 * real).all(), "the model never is the better camera of the two"
    assert real[-1] / real[0] > 3.0
