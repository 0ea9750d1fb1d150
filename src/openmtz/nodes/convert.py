"""Messages to domain data and back, by numpy, without loops over spots or vertices."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Transform, Vector3
from numpy.typing import NDArray
from openmtz_interfaces.msg import CaptureQuality, SkinSurface, TreatmentPlan
from openmtz_interfaces.msg import Finding as FindingMessage

from openmtz.geometry import SkinSurface as Surface
from openmtz.geometry import pose_from_vector, pose_to_vector
from openmtz.plan import Finding, PlanError, Severity
from openmtz.plan import TreatmentPlan as Plan
from openmtz.plan.codec import canonical_json
from openmtz.plan.layout import SPOT_FIELDS

_CODES = {
    "float32": "f",
    "float64": "d",
    "int32": "i",
    "uint32": "I",
    "uint16": "H",
    "uint8": "B",
    "uint64": "Q",
}


def typed_array(values: Any, dtype: str) -> array[Any]:
    """Return an `array.array` of a numpy array, flattened: what rclpy takes without a loop."""
    data = np.ascontiguousarray(values, dtype=dtype)
    out: array[Any] = array(_CODES[dtype])
    out.frombytes(data.tobytes())
    return out


def seconds(stamp: Time) -> float:
    """Return a stamp in seconds."""
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def stamp_of(time_s: float) -> Time:
    """Return the stamp of a time [s], to the nanosecond."""
    total = round(time_s * 1e9)
    return Time(sec=int(total // 1_000_000_000), nanosec=int(total % 1_000_000_000))


def pose_message(pose: NDArray[np.float64]) -> Pose:
    """Return geometry_msgs/Pose of a `(4, 4)` pose."""
    v = [float(x) for x in pose_to_vector(pose)]
    return Pose(
        position=Point(x=v[0], y=v[1], z=v[2]), orientation=Quaternion(x=v[3], y=v[4], z=v[5], w=v[6])
    )


def pose_stamped(pose: NDArray[np.float64], frame: str, stamp: Time) -> PoseStamped:
    """Return a PoseStamped of a `(4, 4)` pose."""
    message = PoseStamped(pose=pose_message(pose))
    message.header.frame_id = frame
    message.header.stamp = stamp
    return message


def pose_of(message: Pose) -> NDArray[np.float64]:
    """Return the `(4, 4)` pose of a message.

    Raises:
        ValueError: not finite, or a zero quaternion.
    """
    p, q = message.position, message.orientation
    return pose_from_vector([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def transform_message(pose: NDArray[np.float64]) -> Transform:
    """Return geometry_msgs/Transform of a `(4, 4)` pose."""
    v = [float(x) for x in pose_to_vector(pose)]
    return Transform(
        translation=Vector3(x=v[0], y=v[1], z=v[2]), rotation=Quaternion(x=v[3], y=v[4], z=v[5], w=v[6])
    )


def surface_message(surface: Surface, stamp: Time, quality: CaptureQuality) -> SkinSurface:
    """Return the message of a surface in `world`."""
    message = SkinSurface(surface_id=surface.surface_id, voxel_m=float(surface.voxel_m), capture=quality)
    message.header.frame_id = "world"
    message.header.stamp = stamp
    message.vertices_m = typed_array(surface.mesh.vertices, "float32")
    message.normals = typed_array(surface.normals, "float32")
    message.faces = typed_array(surface.mesh.faces, "uint32")
    message.quality = typed_array(surface.quality, "float32")
    return message


def surface_of(message: SkinSurface) -> Surface:
    """Return the surface of a message and check its identity.

    Raises:
        ValueError: wrong lengths, NaN, or a surface_id that is not that of the content.
    """
    vertices = np.asarray(message.vertices_m, np.float32).reshape(-1, 3).astype(np.float64)
    faces = np.asarray(message.faces, np.uint32).reshape(-1, 3).astype(np.int32)
    normals = np.asarray(message.normals, np.float32).reshape(-1, 3).astype(np.float64)
    quality = np.asarray(message.quality, np.float32).astype(np.float64)
    surface = Surface.from_arrays(vertices, faces, normals, quality, float(message.voxel_m))
    if surface.surface_id != message.surface_id:
        raise ValueError(f"the surface's content is not what its id {message.surface_id[:12]} names")
    return surface


def finding_message(finding: Finding) -> FindingMessage:
    """Return the message of a finding."""
    return FindingMessage(
        severity=int(finding.severity),
        source=finding.source,
        code=finding.code,
        text=finding.text,
        fix=finding.fix,
        count=max(0, int(finding.count)),
    )


def finding_of(message: FindingMessage) -> Finding:
    """Return the finding of a message."""
    return Finding(
        Severity(message.severity), message.source, message.code, message.text, message.fix, message.count
    )


def plan_message(plan: Plan, findings: list[Finding], stamp: Time) -> TreatmentPlan:
    """Return the message of a plan in `world`."""
    message = TreatmentPlan(plan_sha256=plan.sha256, header_json=canonical_json(plan.header))
    message.header.frame_id = "world"
    message.header.stamp = stamp
    for name in SPOT_FIELDS:
        values = getattr(plan, name)
        setattr(message, name, typed_array(values, values.dtype.name))
    message.station_pose = typed_array(plan.station_pose, "float64")
    message.findings = [finding_message(f) for f in findings]
    return message


def plan_of(message: TreatmentPlan) -> Plan:
    """Return the plan of a message, after its hash was recomputed from the content.

    Raises:
        PlanError: the content is not a plan, or not the one its hash names.
    """
    import json

    arrays = {}
    for name in SPOT_FIELDS:
        values = np.asarray(getattr(message, name))
        arrays[name] = values.reshape(-1, 3) if name in ("position_nm", "normal_e9") else values
    poses = np.asarray(message.station_pose, np.float64).reshape(-1, 7)
    try:
        header = json.loads(message.header_json)
    except ValueError as error:
        raise PlanError(f"the plan's header is not JSON: {error}") from error
    plan = Plan(header=header, station_pose=poses, **arrays)
    if plan.sha256 != message.plan_sha256:
        raise PlanError(f"the plan's content is not what its hash {message.plan_sha256[:12]} names")
    return plan
