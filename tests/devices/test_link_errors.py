"""The link against ports that are missing, busy, mute or strange: every error names cause and fix."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openmtz.devices import (
    DeviceNotAnswering,
    ProtocolMismatch,
    ScanHeadLink,
    SerialPortBusy,
    SerialPortMissing,
    encode,
)
from openmtz.devices.messages import GateClose, Hello, HelloReply


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_missing_port(tmp_path: Path) -> None:
    with pytest.raises(SerialPortMissing, match=r"nothing-here: no such port: check the cable"):
        ScanHeadLink(str(tmp_path / "nothing-here")).connect()


def test_something_that_is_no_serial_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SerialPortMissing, match="cannot be opened as a serial port"):
        ScanHeadLink(str(tmp_path / "file")).connect()


def test_busy_port(terminal: tuple[int, str]) -> None:
    import serial

    busy = pytest.raises(SerialPortBusy, match=f"{terminal[1]}: another program holds this port")
    with serial.Serial(terminal[1], exclusive=True), busy:
        ScanHeadLink(terminal[1]).connect()


def test_mute_port_is_a_bounded_wait(terminal: tuple[int, str]) -> None:
    link = ScanHeadLink(terminal[1])
    with pytest.raises(DeviceNotAnswering, match=r"no answer within 0.2 s.*baud rate\?"):
        link.connect(timeout_s=0.2)
    with pytest.raises(DeviceNotAnswering, match="connect first"):
        link.select("00" * 32, 0, 0, 0, 1)
    link.close()


def test_other_protocol_version(terminal: tuple[int, str]) -> None:
    reply = encode(HelloReply(2, 1, 1, 1, 1, 1, "future"))

    def answer() -> None:
        os.read(terminal[0], 100)
        os.write(terminal[0], b"garbage\0" + reply)

    helper = threading.Thread(target=answer)
    helper.start()
    with pytest.raises(ProtocolMismatch, match="speaks protocol 2, this software 1"):
        ScanHeadLink(terminal[1]).connect()
    helper.join(2)


def test_first_bytes_on_the_line_are_the_greeting_and_the_last_close_the_gate(
    terminal: tuple[int, str], poll: Callable[..., object]
) -> None:
    got = bytearray()

    def device() -> None:
        while True:
            try:
                got.extend(os.read(terminal[0], 100))
            except OSError:
                return
            if got == encode(Hello(1)):
                os.write(terminal[0], encode(HelloReply(1, 1, 4096, 1, 1, 1, "script")))

    helper = threading.Thread(target=device, daemon=True)
    helper.start()
    link = ScanHeadLink(terminal[1])
    link.connect()
    link.close()
    poll(lambda: got.count(0) >= 2)
    assert bytes(got) == encode(Hello(1)) + encode(GateClose())


@pytest.mark.parametrize("frame", [b"", b"\0", b"abc", b"a\0b\0", b"x" * 700 + b"\0"])
def test_what_is_no_single_frame_is_not_relayed(terminal: tuple[int, str], frame: bytes) -> None:
    with pytest.raises(ValueError, match="one whole frame"):
        ScanHeadLink(terminal[1]).relay_permit(frame)


def test_load_without_selection(terminal: tuple[int, str]) -> None:
    with pytest.raises(ValueError, match="select"):
        ScanHeadLink(terminal[1]).load(0, bytes(14))
