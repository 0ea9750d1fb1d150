"""The record is read back by readers that know nothing of our code: mcap and mcap_ros2."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from needs import needs

needs("rclpy", reason="rclpy is not installed: needed to serialise messages")
msgs = needs("openmtz_interfaces.msg", reason="openmtz_interfaces is not built")

from mcap.exceptions import McapError  # noqa: E402
from mcap.reader import NonSeekingReader, make_reader  # noqa: E402
from mcap_ros2.decoder import DecoderFactory  # noqa: E402
from openmtz_interfaces.action import Treat  # noqa: E402
from rclpy.serialization import serialize_message  # noqa: E402

from openmtz.records import RecordError, RecordWriter, SchemaError, SchemaLibrary  # noqa: E402

ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def decoded(path: Path) -> list[tuple[str, object, int]]:
    with open(path, "rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        return [(c.topic, m, raw.log_time) for _, c, raw, m in reader.iter_decoded_messages()]


def salvaged(path: Path) -> list[tuple[str, int]]:
    """What a streaming reader gets out of a file that just ends."""
    found = []
    try:
        for _, channel, message in NonSeekingReader(io.BytesIO(path.read_bytes())).iter_messages(
            log_time_order=False
        ):
            found.append((channel.topic, message.log_time))
    except McapError:
        pass
    return found


def test_every_message_of_the_package_reads_back(tmp_path):
    names = [
        n for n in dir(msgs) if n[0].isupper() and hasattr(getattr(msgs, n), "get_fields_and_field_types")
    ]
    assert len(names) > 10
    with RecordWriter(tmp_path / "r.mcap") as record:
        for k, name in enumerate(names):
            data = serialize_message(getattr(msgs, name)())
            record.write(f"/t/{name}", f"openmtz_interfaces/msg/{name}", data, 1000 + k)
    assert [(t, at) for t, _, at in decoded(tmp_path / "r.mcap")] == [
        (f"/t/{n}", 1000 + k) for k, n in enumerate(names)
    ]


def test_values_survive(tmp_path):
    plan = msgs.TreatmentPlan(plan_sha256="ab" * 32)
    plan.position_nm = np.arange(-30, 30, dtype=np.int32)
    plan.station_pose = np.linspace(0, 1, 14)
    plan.findings = [msgs.Finding(severity=1, code="x", text="Grüße", count=7)]
    feedback = Treat.Impl.FeedbackMessage()
    feedback.feedback.status.stage = "treat"
    feedback.feedback.status.stage_s = 2.5
    with RecordWriter(tmp_path / "r.mcap") as record:
        record.write("/plan", "openmtz_interfaces/msg/TreatmentPlan", serialize_message(plan), 5, 4)
        record.write(
            "/treat/_action/feedback",
            "openmtz_interfaces/action/Treat_FeedbackMessage",
            serialize_message(feedback),
            6,
        )
        assert record.written == {"/plan": 1, "/treat/_action/feedback": 1}
    (_, read, _), (_, read_feedback, _) = decoded(tmp_path / "r.mcap")
    assert list(read.position_nm) == list(range(-30, 30))
    assert read.station_pose == pytest.approx(np.linspace(0, 1, 14))
    assert (read.findings[0].text, read.findings[0].count) == ("Grüße", 7)
    assert read_feedback.feedback.status.stage_s == 2.5


@pytest.mark.parametrize(
    "name",
    [
        "sensor_msgs/msg/Image",
        "sensor_msgs/msg/JointState",
        "action_msgs/msg/GoalStatusArray",
        "tf2_msgs/msg/TFMessage",
        "diagnostic_msgs/msg/DiagnosticArray",
        "trajectory_msgs/msg/JointTrajectory",
        "rosgraph_msgs/msg/Clock",
    ],
)
def test_standard_types_of_the_graph_have_definitions(name):
    from mcap_ros2._dynamic import generate_dynamic

    assert name in generate_dynamic(name, SchemaLibrary().full_text(name))


def test_an_unknown_type_names_itself_and_the_fix(tmp_path):
    with RecordWriter(tmp_path / "r.mcap") as record:
        with pytest.raises(SchemaError, match=r"nowhere_msgs/msg/Thing is not installed.*ros2_ws"):
            record.write("/x", "nowhere_msgs/msg/Thing", b"", 0)
        with pytest.raises(SchemaError, match="package/msg/Name"):
            record.write("/x", "Thing", b"", 0)


def test_never_overwrites(tmp_path):
    (tmp_path / "r.mcap").write_text("precious")
    with pytest.raises(RecordError, match="exists already"):
        RecordWriter(tmp_path / "r.mcap")
    assert (tmp_path / "r.mcap").read_text() == "precious"


def test_a_full_queue_drops_and_counts(tmp_path):
    data = serialize_message(msgs.SafetyState())
    record = RecordWriter(tmp_path / "r.mcap", queue_bytes=len(data) - 1)
    assert not record.write("/s", "openmtz_interfaces/msg/SafetyState", data, 0)
    record.close()
    assert record.dropped == {"/s": 1}
    with open(tmp_path / "r.mcap", "rb") as file:
        (metadata,) = make_reader(file).iter_metadata()
    assert metadata.metadata == {"dropped": '{"/s": 1}'}
    with pytest.raises(RecordError, match="closed"):
        record.write("/s", "openmtz_interfaces/msg/SafetyState", data, 0)


def test_attachments(tmp_path):
    with RecordWriter(tmp_path / "r.mcap") as record:
        record.attach("plan.omtz", "application/octet-stream", b"OMTZPLAN1\n")
    with open(tmp_path / "r.mcap", "rb") as file:
        (attachment,) = make_reader(file).iter_attachments()
    assert (attachment.name, attachment.data) == ("plan.omtz", b"OMTZPLAN1\n")


CHILD = """
import sys, resource, signal, time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
import numpy as np
from openmtz.records import RecordWriter, RecordError
rng = np.random.default_rng(0)
data = serialize_message(Image(height=100, width=400, encoding="mono8", step=400,
                               data=rng.integers(0, 255, 40000, dtype=np.uint8).tobytes()))
"""


def test_a_disk_that_fills_up_is_an_error_and_the_rest_stays_readable(tmp_path):
    code = (
        CHILD
        + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
record = RecordWriter(sys.argv[1], flush_s=0.02)
for k in range(2000):
    record.write("/image", "sensor_msgs/msg/Image", data, k)
    if k % 10 == 0: time.sleep(0.001)
    if record.error: break
assert isinstance(record.error, OSError), record.error
assert not record.write("/image", "sensor_msgs/msg/Image", data, 1)
try:
    record.close()
except RecordError as error:
    print(error)
"""
    )
    path = tmp_path / "r.mcap"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=ENV, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "cannot be written: File too large" in done.stdout and "--out" in done.stdout
    times = [t for _, t in salvaged(path)]
    assert len(times) >= 10 and times == sorted(times)


def test_kill_9_leaves_all_but_the_last_moment(tmp_path):
    code = (
        CHILD
        + """
record = RecordWriter(sys.argv[1], flush_s=0.05)
for k in range(10_000):
    record.write("/image", "sensor_msgs/msg/Image", data, k)
    print(k, flush=True)
    time.sleep(0.005)
"""
    )
    path = tmp_path / "r.mcap"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=ENV, stdout=subprocess.PIPE, text=True
    )
    try:
        last = -1
        limit = time.monotonic() + 30
        while last < 60 and time.monotonic() < limit:
            last = int(child.stdout.readline())
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    times = [t for _, t in salvaged(path)]
    assert times == list(range(len(times)))
    assert len(times) >= last - 40, (len(times), last)
