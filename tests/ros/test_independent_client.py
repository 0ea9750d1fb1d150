"""A foreign rclpy client drives capture, plan, approve and treat through the documented interfaces."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stack import Stack

pytestmark = [pytest.mark.ros, pytest.mark.alone]


def test_capture_plan_approve_treat_by_hand(stack: Stack) -> None:
    from geometry_msgs.msg import Point
    from independent_client import IndependentClient, look_down, pose_message
    from openmtz_interfaces.action import CaptureSurface, FireStation, MoveToStation, PlanTreatment
    from openmtz_interfaces.msg import SafetyState
    from openmtz_interfaces.srv import RequestReady
    from std_srvs.srv import Trigger

    client = IndependentClient()
    try:
        client.wait_state(SafetyState.STANDBY, 20.0)
        # capture: three views
        center = (0.5, 0.0, 0.05)
        client.token(SafetyState.TOKEN_MOTION)
        capture = client.send(
            CaptureSurface, "capture_surface", center=Point(x=center[0], y=center[1], z=center[2])
        )
        client.wait(lambda: "capture_surface" in client.feedback, 40.0, "capture to begin")
        for k, (tilt, azimuth) in enumerate(((0.0, 0.0), (0.3, 0.0), (0.3, math.pi))):
            client.run(
                MoveToStation,
                "move_to_station",
                20.0,
                target=look_down(center, tilt, azimuth, 0.3),
                tool="camera_depth_optical_frame",
            )
            wanted = 5 * (k + 1)
            client.wait(
                lambda n=wanted: client.feedback["capture_surface"].frames_fused >= n,
                20.0,
                f"{wanted} frames",
            )
        assert client.call(Trigger, "surface_capture/finish").success
        client.wait(capture.done, 30.0, "the surface")
        surface = capture.result().result
        assert surface.success, surface.reason
        quality = surface.quality
        assert quality.frames_fused == 15
        # every frame received is accounted for
        assert quality.frames_received == quality.frames_fused + quality.frames_rejected

        # plan
        result = client.run(
            PlanTreatment,
            "plan_treatment",
            60.0,
            surface_id=surface.surface_id,
            indication="ladd",
            # skin that no other test in this stack treats: what is fired adds up on it
            request_json='{"region": {"center_m": [0.5, -0.02, 0.05], "radius_m": 0.005}}',
            seed=1,
        )
        # an earlier client's plan is still on the topic
        client.wait(
            lambda: "plan" in client.latest and client.latest["plan"].plan_sha256 == result.plan_sha256,
            5.0,
            "the plan",
        )
        plan = client.latest["plan"]
        positions = np.asarray(plan.position_nm, np.int64).reshape(-1, 3) * 1e-9
        count = len(positions)
        assert count == result.spots > 100

        # an approval of another hash, or for another run of the monitor, is refused
        from openmtz_interfaces.srv import ApprovePlan

        boot = client.safety.boot_id
        for sha, boot_id in (("0" * 64, boot), (plan.plan_sha256, "another-boot")):
            answer = client.call(
                ApprovePlan, "safety/approve_plan", plan_sha256=sha, monitor_boot_id=boot_id, approver="x"
            )
            assert not answer.accepted and answer.reason
        # nothing fires without an approval
        refused = client.send(FireStation, "fire_station", plan_sha256=plan.plan_sha256, station=0)
        client.wait(refused.done, 5.0, "the refusal")
        assert not refused.result().result.success
        assert "not approved" in refused.result().result.reason

        # approve, arm, treat
        client.approve(plan.plan_sha256)
        client.make_ready()
        station = np.asarray(plan.station)
        poses = np.asarray(plan.station_pose).reshape(-1, 7)
        at, pressed = 0, False
        while at < count:
            s, p = int(station[at]), int(plan.pass_index[at])
            client.token(SafetyState.TOKEN_MOTION)
            client.run(
                MoveToStation, "move_to_station", 20.0, target=pose_message(poses[s]), tool="scan_head"
            )
            client.token(SafetyState.TOKEN_EMISSION, s, p)
            if not pressed:
                client.line("footswitch_pressed", True)
                pressed = True
            at = client.run(
                FireStation,
                "fire_station",
                60.0,
                plan_sha256=plan.plan_sha256,
                station=s,
                pass_index=p,
                first=at,
            ).next_spot
        client.wait(lambda: len(client.delivered()[0]) >= count, 5.0, "the truth of every shot")
        index, hit = client.delivered()
        assert sorted(index.tolist()) == list(range(count)), "every spot once"
        assert len(stack.emissions()) == count
        assert np.linalg.norm(hit - positions[index], axis=1).max() < 0.5e-3

        # and disarmed, for whoever comes next
        client.line("footswitch_pressed", False)
        client.token(SafetyState.TOKEN_NONE)
        assert client.call(RequestReady, "safety/request_ready", ready=False).accepted
        client.wait_state(SafetyState.STANDBY, 5.0)
    finally:
        client.close()
