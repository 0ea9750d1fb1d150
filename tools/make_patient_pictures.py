"""Draw docs/images/phantoms.png: the built-in phantoms from above, and the truth of the face's scars.

python tools/make_patient_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from openmtz.hooks import LESION_TYPES
from openmtz.simulation.patient.patients import Patient
from openmtz.simulation.patient.phantoms import make_phantom
from openmtz.simulation.truth.skin import TrueSkin

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "phantoms.png"
LIGHT = np.array([-0.55, 0.45, 0.70])


def shaded(patient: Patient, half_m: float, pixels: int = 420) -> np.ndarray:
    """Return a picture `(pixels, pixels)` of the skin seen along -z, lit from the upper left."""
    span = np.linspace(-half_m, half_m, pixels)
    origins = np.zeros((pixels, pixels, 3)) + patient.target_m + [0.0, 0.0, 0.3]
    origins[..., 0] += span
    origins[..., 1] -= span[:, None]
    down = np.broadcast_to([0.0, 0.0, -1.0], origins.shape)
    hits = TrueSkin(patient.mesh).cast(origins, down)
    return np.abs(hits.normal @ (LIGHT / np.linalg.norm(LIGHT))).reshape(pixels, pixels)


def main() -> None:
    """Draw and save."""
    figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), dpi=90, layout="constrained")
    for axis, name in zip(axes, ("cheek", "forearm", "abdomen", "face"), strict=False):
        axis.imshow(shaded(make_phantom(name, None, 1), 0.125), cmap="copper", vmin=0, vmax=1)
        axis.set_title(name)
    patient = make_phantom("face", "atrophic_scar", 1)
    away = patient.mesh.vertices - patient.target_m
    near = np.linalg.norm(away, axis=1) < 0.013
    colours = plt.get_cmap("tab10")
    for index in np.unique(patient.lesion_label[near]):  # type: ignore[index]
        here = near & (patient.lesion_label == index)
        colour = "0.9" if index == 0 else colours(int(index))
        axes[4].scatter(*away[here, :2].T * 1e3, s=4, color=colour, label=LESION_TYPES[index])
    axes[4].set_title("truth on the cheek [mm]")
    axes[4].set_aspect("equal")
    axes[4].legend(fontsize=6, markerscale=2, loc="lower left")
    for axis in axes[:4]:
        axis.axis("off")
    figure.savefig(OUT)
    print(f"written: {OUT.name}, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
