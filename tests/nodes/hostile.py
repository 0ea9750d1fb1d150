"""Messages that contradict themselves, by topic."""

from __future__ import annotations

import copy
import json
import math
from array import array
from typing import Any

from openmtz_interfaces.msg import Permit, Progress, ScanHeadStatus, SkinSurface, SpotsFired, SpotsLoaded
from sensor_msgs.msg import Image, JointState

from openmtz.robot import HOME, JOINT_NAMES

DEEP = "[" * 100_000


def plans(good: Any) -> list[Any]:
    """A plan's message, spoilt in every way that a truncated or forged one may be."""
    out = []
    for name in ("position_nm", "normal_e9", "energy_uj", "station", "pass_index", "station_pose"):
        message = copy.deepcopy(good)
        setattr(message, name, getattr(message, name)[:-1])
        out.append(message)
    for header in ("[]", "7", "null", "{", DEEP, "{}", '{"profile": []}'):
        message = copy.deepcopy(good)
        message.header_json = header
        out.append(message)
    for value in (math.nan, 1e300):
        message = copy.deepcopy(good)
        message.station_pose[0] = value
        out.append(message)
    message = copy.deepcopy(good)
    message.header.frame_id = "camera"
    out.append(message)
    return out


def surfaces(good: SkinSurface) -> list[SkinSurface]:
    out = []
    for name in ("vertices_m", "normals", "faces", "quality"):
        message = copy.deepcopy(good)
        setattr(message, name, getattr(message, name)[:-1])
        out.append(message)
    for name in ("vertices_m", "normals", "quality"):
        for value in (math.nan, math.inf):
            message = copy.deepcopy(good)
            getattr(message, name)[0] = value
            out.append(message)
    message = copy.deepcopy(good)
    message.vertices_m[0] = 1e30
    out.append(message)
    message = copy.deepcopy(good)
    message.faces[0] = 2**32 - 1
    out.append(message)
    message = copy.deepcopy(good)
    message.header.frame_id = "camera"
    out += [message, SkinSurface()]
    return out


def joint_states() -> list[JointState]:
    names = list(JOINT_NAMES)
    out = [JointState(), JointState(name=names), JointState(name=["gripper"], position=[0.1])]
    for value in (math.nan, math.inf, 1e300):
        out.append(JointState(name=names, position=[*HOME[:5], value], velocity=[0.0] * 6))
        out.append(JointState(name=names, position=list(HOME), velocity=[0.0] * 5 + [value]))
    return out


def images() -> list[Image]:
    def image(data: int = 64, **fields: Any) -> Image:
        fields = {"width": 4, "height": 4, "encoding": "32FC1", "step": 16, **fields}
        return Image(data=array("B", bytes(data)), **fields)

    return [
        image(0), image(63), image(65), image(1 << 20), image(width=2**32 - 1, height=2**32 - 1),
        image(0, width=0, height=0), image(encoding="rgb8"), image(encoding=""), image(is_bigendian=1),
        image(31, encoding="16UC1"),
    ]  # fmt: skip


def loaded() -> list[SpotsLoaded]:
    return [
        SpotsLoaded(plan_sha256="x", count=1, records=array("B", bytes(13))),
        SpotsLoaded(plan_sha256="x", count=2, records=array("B", bytes(14))),
        SpotsLoaded(plan_sha256="", count=0),
        SpotsLoaded(count=100_000, records=array("B", bytes(1_400_000))),
    ]


def fired(plan_sha256: str) -> list[SpotsFired]:
    return [
        SpotsFired(plan_sha256=plan_sha256, spot_index=[0, 1, 2], energy_uj=[1]),
        SpotsFired(plan_sha256=plan_sha256, spot_index=[0], energy_uj=[], device_tick_us=[1, 2]),
        SpotsFired(plan_sha256=plan_sha256, energy_uj=[5]),
    ]


def others() -> tuple[list[ScanHeadStatus], list[Progress]]:
    top = ScanHeadStatus(
        connected=True, state=255, boot_id=2**32 - 1, device_tick_us=2**64 - 1, loaded_until=2**32 - 1,
        executed=2**32 - 1, permit_counter=2**32 - 1, fault_code=2**32 - 1, plan_sha256="zz",
    )  # fmt: skip
    progress = [Progress(node=f"nobody_{k}", counter=2**64 - 1) for k in range(20)]
    return [top, ScanHeadStatus()], progress


def permits() -> list[Permit]:
    from openmtz.devices import encode
    from openmtz.devices.messages import GateClose, ResetFault, Select, Spots

    frames = [b"", b"\0", b"garbage\0", b"gar\0bage\0", bytes(range(1, 256)) * 40 + b"\0"]
    frames += [encode(m) for m in (ResetFault(), GateClose(), Select(b"\1" * 32, 0, 0, 0, 5))]
    frames.append(encode(Spots(0, bytes(14))))
    return [Permit(frame=list(f)) for f in frames]


def bad_json() -> list[str]:
    return ["[]", "7", "{", DEEP, json.dumps("text"), '{"a": NaN}']
