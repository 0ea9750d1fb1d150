"""Messages that contradict themselves: a node refuses them and goes on, and does nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

pytestmark = pytest.mark.ros


class FakeLink:
    """A scan head's line that only notes what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.status = None
        self.connected = True
        self.work_count = 0
        self.happened: list[Any] = []

    def events(self) -> list[Any]:
        out, self.happened = self.happened, []
        return out

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **_: self.calls.append((name, *arguments))


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> FakeLink:
    from openmtz.nodes import scan_head

    fake = FakeLink()
    monkeypatch.setattr(scan_head.ScanHeadNode, "_connect", lambda _self: fake)
    return fake


class FakeWorker:
    """A capture worker that may die."""

    made: ClassVar[list[FakeWorker]] = []

    def __init__(self) -> None:
        self.dead = False
        self.error = ""
        self.fused = 0
        self.active = False
        FakeWorker.made.append(self)

    def _check(self) -> None:
        from openmtz.capture import WorkerDied

        if self.dead:
            raise WorkerDied("the capture worker ended by itself", "start again")

    def progress(self) -> Any:
        self._check()
        return SimpleNamespace(ready=True, fused=self.fused, error=self.error)

    def start(self, _settings: Any) -> None:
        self._check()
        self.active = True

    def cancel(self) -> None:
        if self.active:
            self._check()
        self.active = False

    def submit(self, *_: Any) -> None:
        self._check()

    def close(self) -> None:
        pass


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeWorker]]:
    from openmtz.nodes import surface_capture

    FakeWorker.made = []
    monkeypatch.setattr(surface_capture, "CaptureWorker", FakeWorker)
    yield FakeWorker


def good_messages(planned: Any) -> tuple[Any, Any]:
    from builtin_interfaces.msg import Time
    from openmtz_interfaces.msg import CaptureQuality

    from openmtz.nodes import convert

    surface, plan = planned
    return (
        convert.surface_message(surface, Time(), CaptureQuality()),
        convert.plan_message(plan, [], Time()),
    )


def send_goal(bench: Any, kind: Any, name: str, **fields: Any) -> Any:
    from rclpy.action import ActionClient

    client = ActionClient(bench.client, kind, name)
    bench.wait(client.server_is_ready, name)
    sent = client.send_goal_async(kind.Goal(**fields))
    bench.wait(sent.done, name)
    assert sent.result().accepted
    return sent.result()


def call(bench: Any, kind: Any, name: str, **fields: Any) -> Any:
    client = bench.client.create_client(kind, name)
    bench.wait(client.service_is_ready, name)
    future = client.call_async(kind.Request(**fields))
    bench.wait(future.done, name)
    return future.result()


def test_safety_monitor_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from openmtz_interfaces.msg import Permit
    from openmtz_interfaces.srv import ApprovePlan

    from openmtz.nodes import safety_monitor, topics

    surface, good = good_messages(plan)
    node = bench.add(safety_monitor.create)
    permits: list[Permit] = []
    topics.PERMIT.subscription(bench.client, permits.append)
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node._plan is None, "a plan that cannot be believed is no plan"
    bench.publish(topics.SURFACE, surface)
    assert node._surface_id == surface.surface_id
    bench.publish(topics.SURFACE, type(surface)())
    assert node._surface_id not in ("", surface.surface_id), "a surface without a name is another surface"
    bench.publish(topics.JOINT_STATES, *hostile.joint_states())
    bench.publish(topics.SPOTS_LOADED, *hostile.loaded())
    bench.publish(topics.SPOTS_FIRED, *hostile.fired(good.plan_sha256))
    statuses, progress = hostile.others()
    bench.publish(topics.HEAD_STATUS, *statuses)
    bench.publish(topics.PROGRESS, *progress)
    assert not node._progress, "only the nodes it watches are remembered"
    # a plan whose hash is right and whose numbers are none: refused when somebody approves it
    for area in ("abc", [1], {"a": 2}):
        from openmtz.nodes import convert
        from openmtz.plan import TreatmentPlan
        from openmtz.safety import Approve, Inputs
        from openmtz.safety.approval import judge
        from openmtz.safety.config import SafetyConfig
        from openmtz.safety.states import SafetyState

        p = plan[1]
        fields = {n: getattr(p, n) for n in ("position_nm", "normal_e9", "energy_uj", "pulse_us", "depth_um")}
        forged = TreatmentPlan(
            header={**p.header, "area_cm2": area}, not_before_us=p.not_before_us, station=p.station,
            pass_index=p.pass_index, station_pose=p.station_pose, **fields,
        )  # fmt: skip
        assert convert.plan_of(convert.plan_message(forged, [], good.header.stamp)).sha256 == forged.sha256
        given, reply = judge(
            Approve(forged.sha256, "b", "x"),
            Inputs(plan=forged),
            SafetyState.STANDBY,
            "b",
            SafetyConfig(),
            0.0,
        )
        assert given is None and not reply.accepted
    answer = call(bench, ApprovePlan, "safety/approve_plan", plan_sha256="\x00", approver="x" * 10_000)
    assert not answer.accepted and answer.reason
    bench.publish(topics.PLAN, good)
    assert node._plan is not None and node._plan.sha256 == good.plan_sha256
    assert permits == []


def test_safety_monitor_survives_a_device_that_claims_every_counter(bench: Any) -> None:
    from openmtz.nodes import safety_monitor
    from openmtz.safety import PermitGrant

    node = bench.add(safety_monitor.create)
    for counter in (2**32, 2**40):
        node._publish_permit(PermitGrant(counter, "", 0, 0, 0, 0, 0, 0, 60_000))
    bench.spin(0.1)


def test_scan_head_relays_permits_and_nothing_else(bench: Any, plan: Any, link: FakeLink) -> None:
    import hostile
    from openmtz_interfaces.action import FireStation
    from openmtz_interfaces.msg import Permit, SafetyState

    from openmtz.devices import PermitFrame, encode
    from openmtz.nodes import scan_head, topics

    _, good = good_messages(plan)
    node = bench.add(scan_head.create)
    bench.publish(topics.PERMIT, *hostile.permits())
    assert link.calls == [], "only a permit may travel by the permit's way"
    frame = encode(PermitFrame(1, bytes(16), 0, 0, 0, 0, 1, 1, 60_000))
    bench.publish(topics.PERMIT, Permit(frame=list(frame)))
    assert link.calls == [("relay_permit", frame)], "byte for byte"
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node._plan is None
    bench.publish(topics.PLAN, good)
    bench.publish(
        topics.SAFETY_STATE, SafetyState(state=SafetyState.READY, approved_plan_sha256=good.plan_sha256)
    )
    bench.publish(topics.JOINT_STATES, *hostile.joint_states())
    link.calls.clear()
    for fields in ({}, {"plan_sha256": good.plan_sha256, "station": 65535}):
        handle = send_goal(bench, FireStation, "fire_station", **fields)
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal")
        assert not result.result().result.success and result.result().result.reason
    assert link.calls == []


def fire(bench: Any, link: FakeLink, good: Any, **parameters: Any) -> tuple[Any, Any]:
    """A firing goal whose selection was asked for."""
    from openmtz_interfaces.action import FireStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import convert, scan_head, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    node = bench.add(scan_head.create, joint_age_s=5.0, **parameters)
    planned = convert.plan_of(good)
    group = planned.groups()[0]
    from openmtz.geometry import pose_from_vector

    pose = pose_from_vector(planned.station_pose[group.station])
    q = ArmKinematics().inverse(pose, "scan_head", HOME).q
    bench.publish(topics.PLAN, good)
    bench.publish(
        topics.SAFETY_STATE, SafetyState(state=SafetyState.READY, approved_plan_sha256=good.plan_sha256)
    )
    bench.publish(topics.JOINT_STATES, JointState(name=list(JOINT_NAMES), position=q.tolist()))
    handle = send_goal(
        bench, FireStation, "fire_station", plan_sha256=good.plan_sha256, station=group.station,
        pass_index=group.pass_index, first=group.first,
    )  # fmt: skip
    bench.wait(lambda: any(c[0] == "select" for c in link.calls), "the selection")
    assert node._firing is not None
    return node, handle.get_result_async()


def test_an_answer_to_an_earlier_selection_is_not_taken_for_this_one(
    bench: Any, plan: Any, link: FakeLink
) -> None:
    """A reply or a refused permit of the goal before may come in after the next goal began."""
    from openmtz.devices import Nak, NakCode, SelectReply

    _, good = good_messages(plan)
    node, result = fire(bench, link, good)
    f = node._firing
    prefix = bytes.fromhex(good.plan_sha256)[:16]
    for stale in (
        SelectReply(prefix, f.group.station, f.group.pass_index, f.first + 1, f.end, 5),
        SelectReply(bytes(16), f.group.station, f.group.pass_index, f.first, f.end, 5),
        Nak(NakCode.PERMIT_REJECTED, "old"),
        Nak(NakCode.GAP, "old"),
    ):
        link.happened.append(stale)
        bench.spin(0.05)
        assert not f.selected and not result.done()
        assert not any(c[0] == "load" for c in link.calls)
    link.happened.append(SelectReply(prefix, f.group.station, f.group.pass_index, f.first, f.end, 5))
    bench.spin(0.05)
    assert f.selected and sum(c[0] == "load" for c in link.calls) == 1
    node._interrupt("end of the test")
    assert link.calls[-1] == ("close_gate",)
    bench.wait(result.done, "the end")


def test_a_device_that_never_answers_ends_the_goal(bench: Any, plan: Any, link: FakeLink) -> None:
    _, good = good_messages(plan)
    _, result = fire(bench, link, good, stall_timeout_s=1.0)
    bench.wait(result.done, "the end", 5.0)
    assert "no shot for" in result.result().result.reason
    assert ("close_gate",) in link.calls


def test_surface_capture_refuses_frames_and_goes_on(bench: Any, worker: type[FakeWorker]) -> None:
    import hostile
    from openmtz_interfaces.action import CaptureSurface
    from sensor_msgs.msg import CameraInfo

    from openmtz.nodes import surface_capture, topics

    node = bench.add(surface_capture.create)
    k = [4.0, 0.0, 2.0, 0.0, 4.0, 2.0, 0.0, 0.0, 1.0]
    for image in hostile.images():
        handle = send_goal(bench, CaptureSurface, "capture_surface", radius_m=0.05)
        result = handle.get_result_async()
        bench.publish(topics.CAMERA_INFO, CameraInfo(width=4, height=4, k=k))
        bench.wait(lambda: worker.made[-1].active, "the capture to begin")
        bench.publish(topics.JOINT_STATES, *hostile.joint_states()[:2])
        bench.publish(topics.DEPTH, image)
        bench.wait(result.done, "the refusal")
        answer = result.result().result
        assert not answer.success and "depth frame" in answer.reason
        assert node._gate is None and not worker.made[-1].active
    bench.publish(topics.CAMERA_INFO, CameraInfo(width=0, height=0, k=[float("nan")] * 9))


def test_surface_capture_tells_what_its_worker_says_and_replaces_a_dead_one(
    bench: Any, worker: type[FakeWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    from openmtz_interfaces.action import CaptureSurface
    from sensor_msgs.msg import CameraInfo

    from openmtz.nodes import surface_capture, topics

    monkeypatch.setattr(surface_capture, "RENEW_EVERY_S", 0.0)
    bench.add(surface_capture.create, idle_timeout_s=1.0)
    k = [4.0, 0.0, 2.0, 0.0, 4.0, 2.0, 0.0, 0.0, 1.0]

    def capture() -> Any:
        handle = send_goal(bench, CaptureSurface, "capture_surface", radius_m=0.05)
        bench.publish(topics.CAMERA_INFO, CameraInfo(width=4, height=4, k=k))
        bench.wait(lambda: worker.made[-1].active, "the capture to begin")
        return handle.get_result_async()

    result = capture()
    worker.made[-1].error = "frames of another size"
    bench.wait(result.done, "the worker's own words")
    assert "another size" in result.result().result.reason
    worker.made[-1].error = ""

    result = capture()
    worker.made[-1].dead = True
    bench.wait(result.done, "the worker's death")
    assert "ended by itself" in result.result().result.reason
    assert len(worker.made) == 2, "the next capture has a worker that lives"

    result = capture()  # and nobody ever finishes it
    bench.wait(result.done, "the end of a capture that nobody feeds", 5.0)
    assert "nothing was fused" in result.result().result.reason


def test_arm_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from geometry_msgs.msg import PoseStamped
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, topics
    from openmtz.robot import HOME, JOINT_NAMES

    surface, _ = good_messages(plan)
    node = bench.add(arm.create)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    bench.publish(topics.SURFACE, *hostile.surfaces(surface))
    states = hostile.joint_states()
    bench.publish(topics.JOINT_STATES, *states)
    assert np.isfinite(node._mover._joints).all() and np.isfinite(node._mover._velocity).all()
    at_home = JointState(name=list(JOINT_NAMES), position=list(HOME), velocity=[0.0] * 6)
    token = SafetyState(state=SafetyState.READY, token=SafetyState.TOKEN_MOTION)
    for x, w, speed in (
        (np.nan, 1.0, 0.5),
        (1e300, 1.0, 0.5),
        (0.5, 0.0, 0.5),
        (0.5, 1.0, np.nan),
        (0.5, 1.0, -1.0),
    ):
        bench.publish(topics.SAFETY_STATE, token)
        bench.publish(topics.JOINT_STATES, at_home)
        target = PoseStamped()
        target.header.frame_id = "world"
        target.pose.position.x, target.pose.orientation.w = float(x), float(w)
        handle = send_goal(
            bench, MoveToStation, "move_to_station", target=target, speed_fraction=float(speed)
        )
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal")
        assert not result.result().result.success and result.result().result.reason
    assert trajectories == [], "nothing of it moved the arm"


def test_arm_stops_without_velocities_and_without_a_safety_monitor(bench: Any) -> None:
    """Velocities are optional in JointState; a monitor that says nothing any more is none."""
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, convert, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    node = bench.add(arm.create, safety_age_s=0.5)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    token = SafetyState(state=SafetyState.READY, token=SafetyState.TOKEN_MOTION)
    q, pan = np.array(HOME), np.eye(6)[0]
    pose = ArmKinematics().forward(q + 0.3 * pan, "scan_head")

    def joints(velocity: list[float]) -> None:
        bench.publisher(topics.JOINT_STATES).publish(
            JointState(name=list(JOINT_NAMES), position=q.tolist(), velocity=velocity)
        )
        bench.spin(0.01)

    bench.publish(topics.SAFETY_STATE, token)
    joints([])
    target = convert.pose_stamped(pose, "world", bench.client.get_clock().now().to_msg())
    handle = send_goal(bench, MoveToStation, "move_to_station", target=target, tool="scan_head")
    result = handle.get_result_async()
    bench.wait(lambda: trajectories, "the motion")
    while not result.done():  # joints go on, the safety monitor is silent
        q = q + 0.002 * pan
        joints([float("nan")] * 6)
        assert len(q) == 6 and q[0] < HOME[0] + 1.0, "it never stopped"
    assert "no safety state" in result.result().result.reason
    assert len(trajectories) == 2, "one motion, one stop"
    stop = np.array([p.positions for p in trajectories[1].points])
    assert np.isfinite(stop).all()
    assert stop[-1][0] > q[0] - 0.1, "it stops about where it is"
    now = time.monotonic()
    node._mover._joints_at = now - 0.01
    node._on_joints(JointState(name=list(JOINT_NAMES), position=(node._mover._joints + 0.002 * pan).tolist()))
    assert 0.05 < node._mover._velocity[0] < 0.3, "the speed is taken from the joints themselves"


def test_a_move_cancelled_before_it_began_never_begins(bench: Any) -> None:
    from openmtz_interfaces.action import MoveToStation
    from openmtz_interfaces.msg import SafetyState
    from sensor_msgs.msg import JointState

    from openmtz.nodes import arm, convert, topics
    from openmtz.robot import HOME, JOINT_NAMES, ArmKinematics

    bench.add(arm.create, token_wait_s=3.0)
    trajectories: list[Any] = []
    topics.TRAJECTORY.subscription(bench.client, trajectories.append)
    pose = ArmKinematics().forward(np.array(HOME) + 0.1 * np.eye(6)[0], "scan_head")
    target = convert.pose_stamped(pose, "world", bench.client.get_clock().now().to_msg())
    handle = send_goal(bench, MoveToStation, "move_to_station", target=target)
    result = handle.get_result_async()
    bench.spin(0.1)
    cancelled = handle.cancel_goal_async()
    bench.wait(cancelled.done, "the cancel")
    bench.wait(result.done, "the end", 1.0)
    bench.publish(topics.JOINT_STATES, JointState(name=list(JOINT_NAMES), position=list(HOME)))
    bench.publish(topics.SAFETY_STATE, SafetyState(token=SafetyState.TOKEN_MOTION))
    bench.spin(0.3)
    assert trajectories == [], "it moved after it was cancelled"


def test_planner_refuses_and_goes_on(bench: Any, plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import hostile
    from openmtz_interfaces.action import PlanTreatment

    from openmtz.nodes import mtz_planner, topics

    surface, _ = good_messages(plan)
    plans: list[Any] = []
    node = bench.add(mtz_planner.create, surface_wait_s=0.3, check_reach=False)
    topics.PLAN.subscription(bench.client, plans.append)
    for message in hostile.surfaces(surface):
        bench.publish(topics.SURFACE, surface, message)
        assert node._surface is None
    bench.publish(topics.SURFACE, surface)

    def ask(**fields: Any) -> str:
        handle = send_goal(bench, PlanTreatment, "plan_treatment", indication="ladd", **fields)
        result = handle.get_result_async()
        bench.wait(result.done, "the refusal", 30.0)
        assert not result.result().result.success
        return str(result.result().result.reason)

    for text in hostile.bad_json()[:5]:
        assert ask(request_json=text)
    assert "surface" in ask(surface_id="0" * 64)

    def raises(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(mtz_planner, "plan_treatment", raises)
    assert "nobody thought of this" in ask()
    assert plans == []


def test_treatment_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from openmtz_interfaces.msg import SpotsFired

    from openmtz.nodes import topics, treatment

    _, good = good_messages(plan)
    node = bench.add(treatment.create)
    for message in hostile.plans(good):
        bench.publish(topics.PLAN, good, message)
        assert node._plan is None
    bench.publish(topics.PLAN, good)
    bench.publish(topics.SPOTS_FIRED, *hostile.fired(good.plan_sha256))
    bench.publish(
        topics.SPOTS_FIRED,
        SpotsFired(plan_sha256="another", spot_index=[0], device_tick_us=[1], energy_uj=[1]),
    )
    assert node._fired == []
    bench.publish(
        topics.SPOTS_FIRED,
        SpotsFired(plan_sha256=good.plan_sha256, spot_index=[0], device_tick_us=[1], energy_uj=[1]),
    )
    assert node._fired_of(good.plan_sha256).index.tolist() == [0]


def test_simulation_refuses_and_goes_on(bench: Any, plan: Any) -> None:
    import hostile
    from builtin_interfaces.msg import Duration
    from openmtz_interfaces.srv import InjectFault, SetInterlock
    from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

    from openmtz.nodes import simulation, topics
    from openmtz.robot import HOME, JOINT_NAMES

    _, good = good_messages(plan)
    patient = {"kind": "phantom", "phantom": "forearm", "lesions": "none"}
    node = bench.add(simulation.create, patient_json=json.dumps(patient))
    bench.publish(topics.PLAN, *hostile.plans(good))
    before = node._world.joint_state().position.copy()

    def point(t: float, positions: Any, **more: Any) -> JointTrajectoryPoint:
        return JointTrajectoryPoint(positions=list(positions), time_from_start=Duration(sec=int(t)), **more)

    names, home = list(JOINT_NAMES), list(HOME)
    near = [home[0] + 0.01, *home[1:]]
    for points in (
        [], [point(1, [])], [point(1, home[:5])], [point(1, [float("nan")] * 6)], [point(-1, home)],
        [point(0, home), point(1, home[:3])], [point(1, [9e9] * 6)],
        [point(0, home, accelerations=[1e300] * 6), point(1, near, accelerations=[1e300] * 6)],
    ):  # fmt: skip
        bench.publish(topics.TRAJECTORY, JointTrajectory(joint_names=names, points=points))
    bench.publish(topics.TRAJECTORY, JointTrajectory(joint_names=["a"], points=[point(1, home)]))
    bench.spin(0.2)
    assert np.allclose(node._world.joint_state().position, before, atol=1e-3), "nothing of it moved the arm"
    for text in hostile.bad_json():
        answer = call(
            bench, InjectFault, "simulation/inject_fault", fault="stuck_shutter", parameters_json=text
        )
        assert not answer.success and answer.message
    assert not call(bench, SetInterlock, "simulation/set_interlock", line="x").success


def test_a_second_plan_is_written_beside_the_first(bench: Any, plan: Any, tmp_path: Path) -> None:
    """Two treatments in one stack: plans are never overwritten, and the second is no failure."""
    from openmtz_interfaces.action import PlanTreatment

    from openmtz.nodes import mtz_planner, topics

    surface, _ = good_messages(plan)
    bench.add(mtz_planner.create, plan_dir=str(tmp_path / "plan"), check_reach=False)
    bench.publish(topics.SURFACE, surface)
    request = json.dumps({"region": {"center_m": [0.5, 0.0, 0.05], "radius_m": 0.003}})
    for seed in (1, 2, 1):
        handle = send_goal(
            bench, PlanTreatment, "plan_treatment", indication="ladd", request_json=request, seed=seed
        )
        result = handle.get_result_async()
        bench.wait(result.done, "the plan", 30.0)
        assert result.result().result.success, result.result().result.reason
    folders = sorted(f.name for f in tmp_path.iterdir())
    assert len(folders) == 2 and folders[0] == "plan" and folders[1].startswith("plan-")
    assert all((tmp_path / f / "plan.omtz").exists() for f in folders)


def test_a_second_publisher_of_a_permit_or_of_evidence_ends_emission(bench: Any, link: FakeLink) -> None:
    """A played record, a second stack: permits are not relayed, and the monitor grants none."""
    from openmtz_interfaces.msg import Permit

    from openmtz.devices import PermitFrame, encode
    from openmtz.nodes import safety_monitor, scan_head, topics

    monitor = bench.add(safety_monitor.create)
    head = bench.add(scan_head.create)
    withheld: list[list[str]] = []
    topics.SAFETY_STATE.subscription(bench.client, lambda m: withheld.append(list(m.withheld)))
    bench.wait(lambda: withheld and head.count_publishers("safety/permit") == 1, "the graph")
    bench.spin(0.3)
    assert "topic-shared" not in withheld[-1]
    permit = Permit(frame=list(encode(PermitFrame(1, bytes(16), 0, 0, 64, 0, 1, 1, 60_000))))
    publisher = bench.publisher(topics.PERMIT)
    bench.wait(lambda: "topic-shared" in withheld[-1], "the monitor to notice")
    bench.wait(lambda: head._topics.shared, "the scan head to notice")
    for _ in range(5):
        publisher.publish(permit)
        bench.spin(0.05)
    assert not any(c[0] == "relay_permit" for c in link.calls), "it was relayed"
    bench.client.destroy_publisher(publisher)
    bench.wait(lambda: not head._topics.shared, "the scan head to go on")
    bench.wait(lambda: "topic-shared" not in withheld[-1], "the monitor to go on")
    monitor._publish_permit(_grant())
    bench.wait(lambda: any(c[0] == "relay_permit" for c in link.calls), "the monitor's own permit")
    link.calls.clear()
    bench.publisher(topics.JOINT_STATES)
    twin = topics.JOINT_STATES.publisher(bench.client)
    bench.wait(lambda: "topic-shared" in withheld[-1], "the monitor to notice joint states told twice")
    bench.client.destroy_publisher(twin)


def _grant() -> Any:
    from openmtz.safety import PermitGrant

    return PermitGrant(1, "", 0, 0, 0, 0, 0, 0, 60_000)
