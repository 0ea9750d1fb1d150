"""Phantoms as patients: built by whichever plugin offers them, placed in the cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from openmtz.geometry import TriangleMesh
from openmtz.hooks import PhantomSkin, PluginManager, load_plugins
from openmtz.simulation.patient import phantom_plugins
from openmtz.simulation.patient.lesions import lesions_title
from openmtz.simulation.patient.patients import PATIENT_TARGET_M, Patient
from openmtz.simulation.patient.place_in_cell import place_points

REGION_RADIUS_M = 0.011
"""Of the disc with the lesions, to be treated, where nothing else is said: 3.8 cm2 [m]."""


@lru_cache(maxsize=1)
def load_phantoms() -> PluginManager:
    """Return the plugins of this process, those the simulation brings among them and first."""
    return load_plugins(before={"openmtz_phantoms": phantom_plugins})


def make_phantom(
    kind: str = "cheek",
    lesions: str | None = None,
    seed: int = 0,
    region_radius_m: float | None = None,
    plugins: PluginManager | None = None,
) -> Patient:
    """Return a phantom at the patient target, its skin facing +z there; same arguments, same patient.

    Args:
        kind: name of a phantom of any plugin. lesions: None: the phantom's first; else as
            `openmtz.hooks.Phantom.lesions` says.
        region_radius_m: of the disc that holds the lesions and is to be treated [m]; by default 11 mm.
        plugins: where to look; None: all installed.

    Raises:
        UnknownPhantom: (a ValueError) unknown kind or lesions; the text lists the known ones.
        PluginError: the plugin that offers it failed.
        ValueError: a radius that cannot be.
    """
    manager = plugins or load_phantoms()
    radius = REGION_RADIUS_M if region_radius_m is None else float(region_radius_m)
    if not 0.002 <= radius <= 0.15:  # NaN fails too
        raise ValueError(f"a region radius of {region_radius_m!r} m is not possible; give 0.002 to 0.15")
    known = manager.phantoms
    asked = known[kind].lesions[0] if lesions is None and kind in known else lesions or "none"
    skin = manager.build_phantom(kind, asked, seed, radius)
    target = np.asarray(PATIENT_TARGET_M, np.float64)
    return Patient(
        mesh=_placed(skin),
        lesion_mask=skin.lesion_mask,
        lesion_depth_m=skin.lesion_depth_m,
        lesion_label=skin.lesion_label,
        name=f"{kind} phantom, {lesions_title(asked)}, seed {seed}",
        synthetic_lesions=asked != "none",
        target_m=target,
        approach=np.array([0.0, 0.0, 1.0]),
        region_radius_m=radius,
        site=known[kind].sites[0],
    )


def _placed(skin: PhantomSkin) -> TriangleMesh:
    vertices = np.asarray(skin.vertices, np.float64)
    approach = np.asarray(skin.approach, np.float64)
    if np.array_equal(skin.target_m, PATIENT_TARGET_M) and np.array_equal(approach, [0.0, 0.0, 1.0]):
        return TriangleMesh(vertices, skin.faces)  # built where patients lie
    target = np.asarray(skin.target_m, np.float64)
    return TriangleMesh(place_points(vertices, target, approach / np.linalg.norm(approach)), skin.faces)
