"""The device process and the serial link, for real: pseudo-terminal, wires, signals, kill -9."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from openmtz.devices import (
    DeviceRefused,
    DeviceState,
    FaultCode,
    HelloReply,
    LinkLost,
    NakCode,
    encode,
    encode_records,
)
from openmtz.stack import HeadLine

PLAN = bytes(range(1, 33)).hex()


def records(count: int) -> bytes:
    rows = np.arange(count)
    return encode_records(
        np.stack([rows % 50 * 100, rows // 50 * 100], 1),
        np.full(count, 20_000),
        np.full(count, 800),
        rows * 0,
    )


def begin(link: Any, granter: Any, count: int, first: int = 0, **options: Any) -> Any:
    if not link.connected:
        link.connect()
    link.select(PLAN, 3, 0, first, count)
    data = records(count)[first * 14 :]
    link.load(first, data)
    return granter(link, data, first, **options)


def test_every_spot_once_from_load_to_ground_truth(device: Any, link: Any, granter: Any, poll: Any) -> None:
    hello = link.connect()
    assert isinstance(hello, HelloReply) and hello.buffer_spots == 4096 and isinstance(link, HeadLine)
    monitor = begin(link, granter, 300)
    poll(lambda: len(monitor.fired()) >= 300, 10, "300 spots")
    assert monitor.fired() == list(range(300))
    truth = poll(lambda: len(device.truth()) >= 300 and device.truth(), what="ground truth")
    assert [shot[0] for shot in truth] == list(range(300))
    off = np.array([shot[1:3] for shot in truth]) - [[i % 50 * 100, i // 50 * 100] for i in range(300)]
    assert 1.5 < off.std() < 2.5 and np.abs(off).max() < 12, "15 urad are 1.97 counts"
    energies = np.array([shot[3] for shot in truth])
    assert abs(energies.mean() - 20.0) < 0.2 and 0.2 < energies.std() < 0.7
    emissions = device.log("emission")
    assert [e["spot"] for e in emissions] == list(range(300))
    assert np.allclose([e["t"] for e in emissions], [shot[4] for shot in truth], atol=1e-5)
    assert link.work_count > 50 and poll(lambda: link.status.state is DeviceState.IDLE)


def test_emergency_stop_over_the_wire_ends_light_before_the_very_next_pulse(
    device: Any, link: Any, granter: Any, poll: Any
) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 20, what="firing")
    told = device.lines(stop=False)
    poll(lambda: monitor.pump() is not None and link.status.fault_code == FaultCode.EMERGENCY_STOP)
    assert max(e["t"] for e in device.log("emission")) <= told
    device.lines()
    link.reset_fault()
    poll(lambda: link.status.fault_code == 0)


@pytest.mark.parametrize("how", ["broken", "nonsense"])
def test_broken_wires_are_an_emergency_stop(
    device: Any, link: Any, granter: Any, poll: Any, how: str
) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 5, what="firing")
    if how == "broken":
        device.wires.close()
    else:
        device.wires.sendall(b"{]\n")
    told = time.monotonic()
    poll(lambda: monitor.pump() is not None and link.status.fault_code == FaultCode.EMERGENCY_STOP)
    assert max(e["t"] for e in device.log("emission")) <= told


def test_silence_of_the_monitor_ends_light_within_the_time_to_live(
    device: Any, link: Any, granter: Any, poll: Any
) -> None:
    monitor = begin(link, granter, 2000, window=1000)
    poll(lambda: len(monitor.fired()) >= 20, what="firing")
    poll(lambda: link.status.state is DeviceState.HOLD, what="permit expired")
    boot = device.log("boot")[-1]["t"]
    last = device.log("emission")[-1]
    assert last["tick_us"] + last["pulse_us"] <= monitor.last.device_tick_us + monitor.last.ttl_us
    assert last["t"] < boot + 0.05 + (monitor.last.device_tick_us + monitor.last.ttl_us) * 1e-6
    assert device.log("permit_expired")


def test_killed_device_remembers_what_it_fired(device: Any, link: Any, granter: Any, poll: Any) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 30, what="firing")
    device.kill()
    logged = [e["spot"] for e in device.log("emission")]
    poll(lambda: any(isinstance(e, LinkLost) for e in monitor.pump()), what="the line is lost")
    assert not link.connected
    device.start()
    device.lines()
    link.connect(timeout_s=3.0)
    status = poll(lambda: link.status, what="status")
    assert status.plan_hex == PLAN and status.executed in (logged[-1] + 1, logged[-1] + 2)
    with pytest.raises(DeviceRefused, match="were fired") as refused:
        link.select(PLAN, 3, 0, logged[-1], 2000)
    assert refused.value.code == NakCode.ALREADY_EXECUTED
    again = begin(link, granter, status.executed + 5, status.executed)
    poll(lambda: len(again.fired()) >= 5, what="the rest")
    spots = [e["spot"] for e in device.log("emission")]
    assert len(spots) == len(set(spots)), "never a spot twice"


@pytest.mark.parametrize(
    ("fault", "parameters"),
    [("lost_bytes", {"p": 0.002}), ("corrupt_bytes", {"p": 0.002}), ("late_bytes", {"p": 0.1, "ms": 20})],
)
def test_bad_line_delays_but_neither_loses_nor_repeats(
    device: Any, link: Any, granter: Any, poll: Any, fault: str, parameters: Any
) -> None:
    link.connect()
    device.tell(fault=fault, active=True, parameters=parameters)
    poll(lambda: device.log("injection"), what="injection")
    monitor = begin(link, granter, 200)
    poll(lambda: len(monitor.fired()) >= 200, 15, "200 spots over a bad line")
    assert monitor.fired() == list(range(200)) == [e["spot"] for e in device.log("emission")]
    assert fault == "late_bytes" or link.line_errors + len(device.log("line_error")) > 0


def test_reboot_in_the_middle_ends_everything_with_a_new_boot_id(
    device: Any, link: Any, granter: Any, poll: Any
) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 20, what="firing")
    old = link.status.boot_id
    device.tell(fault="reboot", active=True)
    poll(lambda: monitor.pump() is not None and link.status.boot_id != old, what="new boot id")
    done = link.status.executed
    assert done == device.log("boot")[-1]["executed"] > 0
    link.relay_permit(encode(monitor.last))
    poll(lambda: link.status.permits_rejected > 0, what="permit of the old boot refused")
    assert link.status.executed == done and link.status.state is DeviceState.IDLE


def test_silent_device_is_noticed(device: Any, link: Any, granter: Any, poll: Any) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 10, what="firing")
    device.tell(fault="silent", active=True)
    poll(lambda: not link.connected, what="noticed")
    poll(lambda: device.log("permit_expired"), what="light ended: no fresh ticks, no permits")
    device.tell(fault="silent", active=False)
    poll(lambda: link.connected, what="heard again")


def test_unknown_fault_is_refused_by_name(device: Any, link: Any, poll: Any) -> None:
    device.tell(fault="gremlins", active=True)
    refused = poll(lambda: device.log("injection_refused"), what="refusal")
    assert "gremlins" in refused[0]["reason"] and "stuck_galvo" in refused[0]["reason"]


def test_termination_closes_the_gate_and_removes_the_link(
    device: Any, link: Any, granter: Any, poll: Any
) -> None:
    monitor = begin(link, granter, 2000)
    poll(lambda: len(monitor.fired()) >= 10, what="firing")
    device.process.terminate()
    assert device.process.wait(3) == 0
    assert not device.link.is_symlink()
    assert [e["event"] for e in device.log()][-2:] == ["gate_close", "exit"]


def test_closing_the_link_closes_the_gate(device: Any, link: Any, granter: Any, poll: Any) -> None:
    monitor = begin(link, granter, 2000, window=1000)
    poll(lambda: len(monitor.fired()) >= 10, what="firing")
    link.close()
    asked = poll(lambda: device.log("gate_close_request"), what="gate closed by the host")[-1]["tick_us"]
    # A pulse that runs ends first.
    closed = poll(lambda: [e for e in device.log("gate_close") if e["tick_us"] >= asked], what="the gate")
    assert closed[-1]["because"] == "nothing selected"


@pytest.mark.alone
def test_permits_overtake_a_full_load_of_spots(device: Any, link: Any, granter: Any, poll: Any) -> None:
    """4096 spots keep the line busy for 0.6 s; a permit must not wait behind them."""
    monitor = begin(link, granter, 4096, every_s=0.01)
    poll(lambda: monitor.pump() is not None and link.status is not None, 5, "a status")
    poll(lambda: monitor.pump() is not None and link.status.loaded_until > 3000, 5, "loading")
    accepted = device.log("permit")
    ages = [e["tick_us"] + 60_000 - e["expires_us"] for e in accepted]
    assert len(accepted) > 10 and np.median(ages) < 25_000
    assert link.status.executed > 20


def test_two_devices_cannot_share_one_memory(device: Any, link: Any) -> None:
    second = subprocess.run(device.command, capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 2 and "in use by another" in second.stderr


def test_the_device_process_stays_lean() -> None:
    heavy = "open3d", "mujoco", "numba", "matplotlib", "scipy", "serial", "rclpy"
    code = "import sys, openmtz.simulation.scan_head_device.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(heavy) & set(loaded.stdout.split())
