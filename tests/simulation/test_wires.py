"""The world's end of the wires: lines from the first moment, shots, a wire that breaks."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path

import pytest

from openmtz.simulation.scan_head_device.wires import HEAD_LINES, WireServer


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "w")


def connect(path: str) -> socket.socket:
    head = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    head.settimeout(5.0)
    head.connect(path)
    return head


def read_line(head: socket.socket) -> dict:
    data = b""
    while not data.endswith(b"\n"):
        data += head.recv(1)
    return json.loads(data)


def test_the_first_thing_a_head_hears_is_the_lines_as_they_are(path: str) -> None:
    """A stop line that is open for a moment at the start latches a fault in the head."""
    for _ in range(20):
        server = WireServer(path, ("emergency_stop_closed", "key_on"))
        head = connect(path)
        assert read_line(head)["lines"] == {
            "emergency_stop_closed": True, "key_on": True, "footswitch_pressed": False
        }  # fmt: skip
        head.close()
        server.close()
        Path(path).unlink()


def test_every_change_of_a_line_of_the_head_is_told(path: str) -> None:
    server = WireServer(path)
    head = connect(path)
    assert set(read_line(head)["lines"]) == set(HEAD_LINES)
    server.set_line("footswitch_pressed", True)
    assert read_line(head)["lines"]["footswitch_pressed"] is True
    with pytest.raises(KeyError, match="no line 'coffee'"):
        server.set_line("coffee", True)
    head.close()
    server.close()


def test_an_unknown_line_at_the_start_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no line 'coffee'"):
        WireServer(path, ("coffee",))


def test_closing_breaks_the_wire(path: str) -> None:
    server = WireServer(path)
    head = connect(path)
    read_line(head)
    server.close()
    assert head.recv(1) == b"", "the head must see the wire broken"
    head.close()


def test_a_head_that_talks_nonsense_is_cut_off_and_the_next_one_is_heard(path: str) -> None:
    """A line that is none must not end the thread that hears the lines."""
    server = WireServer(path)
    for nonsense in (b"{\n", b"[]\n", b'{"shots": [[1]]}\n', b'{"shots": "x"}\n', b"x" * (1 << 21)):
        head = connect(path)
        read_line(head)
        with contextlib.suppress(OSError):
            head.sendall(nonsense)
        with contextlib.suppress(ConnectionResetError):
            assert head.recv(1) == b"", "its wire is broken"
        head.close()
    head = connect(path)
    read_line(head)
    head.sendall(b'{"plan": "ab", "shots": [[7, 1, 2, 5.0, 0.5]]}\n')
    deadline = time.monotonic() + 5.0
    while not (shots := server.take_shots()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert shots[0].spot_index.tolist() == [7]
    server.close()


def test_a_deaf_head_does_not_stop_the_world(path: str) -> None:
    server = WireServer(path)
    head = connect(path)
    read_line(head)  # and then never again
    began = time.monotonic()
    while server.connected:
        server.set_line("key_on", True)
        assert time.monotonic() - began < 5.0, "it was never cut off"
    server.set_line("key_on", False)
    again = connect(path)
    assert read_line(again)["lines"]["key_on"] is False
    head.close()
    server.close()
