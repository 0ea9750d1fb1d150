"""Messages to domain data and back, by numpy, without loops over spots or vertices."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Transform, Vector3
from numpy.typing import NDArray
from openmtz_interfaces.msg import CaptureQuality, Finding as FindingMessage, SkinSurface, TreatmentPlan
from sensor_msgs.msg import Image, JointState

from openmtz.geometry import SkinSurface as Surface, pose_from_vector, pose_to_vector
from openmtz.plan import SPOT_FIELDS, Finding, PlanError, Severity, TreatmentPlan as Plan, canonical_json

_CODES = {
    "float32": "f",
    "float64": "d",
    "int32": "i",
    "uint32": "I",
    "uint16": "H",
    "uint8": "B",
    "uint64": "Q",
}

FAR_M = 100.0
"""Nothing in the cell is farther away [m]; a message that says so is refused."""


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
        ValueError: not finite, farther away than `FAR_M`, or a zero quaternion.
    """
    p, q = message.position, message.orientation
    if not max(abs(p.x), abs(p.y), abs(p.z)) < FAR_M:
        raise ValueError(f"a position is not finite, or farther than {FAR_M:g} m away")
    return pose_from_vector([p.x, p.y, p.z, q.x, q.y, q.z, q.w])


def joints_of(
    message: JointState, names: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return positions `(J,)` [rad] and velocities `(J,)` [rad/s] of the joints `names`, in their order.

    Velocities are optional in JointState: NaN where there are none. None: the message is about other
    joints (a gripper's, say). Positions may be NaN: what that means is the caller's to judge.
    """
    position = dict(zip(message.name, message.position, strict=False))
    velocity = dict(zip(message.name, message.velocity, strict=False))
    if not all(name in position for name in names):
        return None
    return (
        np.array([position[name] for name in names], np.float64),
        np.array([velocity.get(name, np.nan) for name in names], np.float64),
    )


def transform_message(pose: NDArray[np.float64]) -> Transform:
    """Return geometry_msgs/Transform of a `(4, 4)` pose."""
    v = [float(x) for x in pose_to_vector(pose)]
    return Transform(
        translation=Vector3(x=v[0], y=v[1], z=v[2]), rotation=Quaternion(x=v[3], y=v[4], z=v[5], w=v[6])
    )


def depth_of(message: Image) -> NDArray[np.float32]:
    """Return `(H, W)` depth [m] of 32FC1 [m] or 16UC1 [mm] (REP-118).

    Raises:
        ValueError: another encoding or byte order, no pixels, or a size that contradicts the header.
    """
    kinds = {"32FC1": "<f4", "16UC1": "<u2", "mono16": "<u2"}
    if message.encoding not in kinds:
        raise ValueError(f"depth frames must be 32FC1 [m] or 16UC1 [mm] (REP-118), got {message.encoding!r}")
    if message.is_bigendian:
        raise ValueError("depth frames must be little-endian")
    kind = np.dtype(kinds[message.encoding])
    pixels, length = message.height * message.width, len(message.data)
    if pixels == 0 or length != pixels * kind.itemsize:
        raise ValueError(
            f"a depth frame holds {length / kind.itemsize:g} pixels,"
            f" its size says {message.width}x{message.height}"
        )
    depth = np.frombuffer(message.data, kind).reshape(message.height, message.width)
    return depth if kind.kind == "f" else depth.astype(np.float32) * np.float32(1e-3)


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
        ValueError: another frame than `world`, wrong lengths, numbers that are not finite or farther
            away than `FAR_M`, or a surface_id that is not that of the content.
    """
    _require_world(message.header.frame_id)
    vertices = _rows("vertices_m", message.vertices_m, np.float32, 3).astype(np.float64)
    faces = _rows("faces", message.faces, np.uint32, 3).astype(np.int32)
    normals = _rows("normals", message.normals, np.float32, 3).astype(np.float64)
    quality = np.asarray(message.quality, np.float32).astype(np.float64)
    if not (np.abs(vertices) < FAR_M).all():
        raise ValueError(f"vertices are not finite, or farther than {FAR_M:g} m away")
    if not (np.isfinite(normals).all() and np.isfinite(quality).all() and np.isfinite(message.voxel_m)):
        raise ValueError("normals, quality or voxel size are not finite")
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
        PlanError: the content is not a plan in frame `world`, or not the one its hash names.
    """
    try:
        _require_world(message.header.frame_id)
        arrays = {}
        for name in SPOT_FIELDS:
            width = 3 if name in ("position_nm", "normal_e9") else 1
            values = _rows(name, getattr(message, name), None, width)
            arrays[name] = values if width == 3 else values.ravel()
        poses = _rows("station_pose", message.station_pose, np.float64, 7)
        if not (np.abs(poses) < FAR_M).all():
            raise ValueError(f"station poses are not finite, or farther than {FAR_M:g} m away")
        plan = Plan(header=plan_header(message), station_pose=poses, **arrays)
        named = plan.sha256
    except PlanError:
        raise
    except (ValueError, RecursionError) as error:
        raise PlanError(str(error)) from error
    if named != message.plan_sha256:
        raise PlanError(f"the plan's content is not what its hash {message.plan_sha256[:12]} names")
    return plan


def plan_header(message: TreatmentPlan) -> dict[str, Any]:
    """Return the header of a plan message, not checked against its hash.

    Raises:
        PlanError: not a JSON object.
    """
    try:
        header = json.loads(message.header_json)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"the plan's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise PlanError(f"the plan's header must be a JSON object, got {type(header).__name__}")
    return header


def _rows(name: str, values: Any, dtype: Any, width: int) -> NDArray[Any]:
    """Return `(n, width)` of a flat array.

    Raises:
        ValueError: no whole number of rows.
    """
    array = np.asarray(values, dtype)
    if array.size % width:
        raise ValueError(f"{name} holds {array.size} numbers, no whole number of rows of {width}")
    return array.reshape(-1, width)


def _require_world(frame: str) -> None:
    if frame != "world":
        raise ValueError(f"it must be given in frame 'world', not {frame!r}")
