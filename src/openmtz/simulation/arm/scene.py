"""Builds the MuJoCo model of the cell: the arm from its URDF, furniture, and the patient."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import mujoco
import numpy as np

from openmtz.robot import BED_TOP_M, CELL_BOXES, JOINT_NAMES, CellBox, UrdfInvalid, find_urdf, validate_urdf
from openmtz.simulation.arm.heightfield import height_field
from openmtz.simulation.patient import Patient

TIMESTEP_S = 0.002
PATIENT_GEOM = "patient"


def build_model(
    patient: Patient | None,
    urdf_path: str | PathLike[str] | None = None,
    boxes: Sequence[CellBox] = (),
) -> mujoco.MjModel:
    """Return the compiled model: six hinge joints in the order of `JOINT_NAMES`, timestep 2 ms.

    `boxes`: obstacles beside the cell's furniture.

    Raises:
        UrdfMissing: no URDF. UrdfInvalid: a broken one, or one whose joints are others.
    """
    path = str(urdf_path or find_urdf())
    validate_urdf(path)
    try:
        spec = mujoco.MjSpec.from_file(path)
    except ValueError as error:
        raise UrdfInvalid(f"{path}: MuJoCo cannot read it: {error}") from error
    spec.compiler.fusestatic = False
    spec.option.timestep = TIMESTEP_S
    # Or MuJoCo would set a state that is not finite to zeros, and go on as if nothing had been.
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for body in spec.bodies:
        for geom in body.geoms:
            geom.rgba = [0.75, 0.78, 0.82, 1.0]
    for box in (*CELL_BOXES, *boxes):
        spec.worldbody.add_geom(
            name=box.name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=box.center_m,
            size=np.array(box.size_m) / 2,
            rgba=[0.55, 0.60, 0.66, 1.0],
        )
    if patient is not None:
        _add_patient(spec, patient)
    _separate_neighbours(spec)
    model = spec.compile()
    names = tuple(model.joint(i).name for i in range(model.njnt))
    if names != JOINT_NAMES:
        raise UrdfInvalid(f"{path}: joints must be {JOINT_NAMES}, in this order, got {names}")
    return model


def _add_patient(spec: mujoco.MjSpec, patient: Patient) -> None:
    field = height_field(patient.mesh, floor_m=BED_TOP_M)
    rows, columns = field.heights.shape
    top = max(float(field.heights.max()), 1e-3)
    spec.add_hfield(
        name=PATIENT_GEOM,
        nrow=rows,
        ncol=columns,
        size=[field.half_m[0], field.half_m[1], top, 0.01],
        userdata=(field.heights / top).ravel(),
    )
    spec.worldbody.add_geom(
        name=PATIENT_GEOM,
        type=mujoco.mjtGeom.mjGEOM_HFIELD,
        hfieldname=PATIENT_GEOM,
        pos=[field.center_m[0], field.center_m[1], field.bottom_m],
        rgba=[0.87, 0.68, 0.58, 1.0],
    )


def _separate_neighbours(spec: mujoco.MjSpec) -> None:
    """The base is welded to the world, so MuJoCo would let it touch the shoulder that turns on it."""
    spec.add_exclude(bodyname1="base_link_inertia", bodyname2="shoulder_link")
    spec.add_exclude(bodyname1="world", bodyname2="shoulder_link")
