"""The scan head's real process under test, with stand-ins for the world and the safety monitor."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device_bench import PLAN

from openmtz.devices import Fired, PermitFrame, running_digest


def wait_until(condition: Callable[[], Any], timeout_s: float = 5.0, what: str = "") -> Any:
    """Poll until the condition is true; a bound, not a pause."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.002)
    return value


class RealDevice:
    """The real device process with a stand-in for the world at the other end of its wires."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.link, self.log_path = folder / "head", folder / "device.jsonl"
        self.nvram = folder / "nvram"
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(folder / "wires"))
        self._server.listen(1)
        self._server.settimeout(10)
        self.command = [sys.executable, "-m", "openmtz.simulation.scan_head_device", "--link", str(self.link)]
        self.command += ["--wires", str(folder / "wires"), "--log", str(self.log_path)]
        self.command += ["--nvram", str(self.nvram), "--seed", "1", *options]
        self.shots: list[list[float]] = []
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        self.wires, _ = self._server.accept()
        self.wires.setblocking(False)
        self._input = b""

    def tell(self, **message: Any) -> None:
        self.wires.sendall(json.dumps(message).encode() + b"\n")

    def lines(self, stop: bool = True, foot: bool = True, key: bool = True) -> float:
        self.tell(lines={"emergency_stop_closed": stop, "footswitch_pressed": foot, "key_on": key})
        return time.monotonic()

    def truth(self) -> list[list[float]]:
        try:
            while data := self.wires.recv(65536):
                self._input += data
        except BlockingIOError:
            pass
        *lines, self._input = self._input.split(b"\n")
        for line in lines:
            self.shots += json.loads(line)["shots"]
        return self.shots

    def log(self, event: str | None = None) -> list[dict[str, Any]]:
        entries = [json.loads(line) for line in self.log_path.read_text().splitlines()]
        return [e for e in entries if event is None or e["event"] == event]

    def state(self) -> str:
        """State of the process as the kernel tells it: T is stopped."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.wires.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.wires.close()
        self._server.close()


class Granter:
    """Stands in for the safety monitor: grants credit by the link's status, as often as it is asked to."""

    def __init__(
        self, link: Any, records: bytes, first: int = 0, window: int = 64, every_s: float = 0.015
    ) -> None:
        self.link, self.first, self.window, self.every_s = link, first, window, every_s
        self.digests = running_digest(records)
        self.counter = 0
        self.next_s = 0.0
        self.last: PermitFrame | None = None
        self.events: list[Any] = []

    def pump(self) -> list[Any]:
        """Grant if it is time, collect events; returns all events so far."""
        from openmtz.devices import encode

        status, now = self.link.status, time.monotonic()
        if (
            status is not None
            and now >= self.next_s
            and status.loaded_until > max(status.executed, self.first)
        ):
            self.next_s = now + self.every_s
            self.counter += 1
            credit = min(status.executed + self.window, status.loaded_until)
            digest = int(self.digests[credit - self.first - 1])
            self.last = PermitFrame(
                self.counter, PLAN[:16], 3, 0, credit, digest, status.boot_id, status.device_tick_us, 60_000
            )
            self.link.relay_permit(encode(self.last))
        self.events += self.link.events()
        return self.events

    def fired(self) -> list[int]:
        self.pump()
        return [e.first + i for e in self.events if isinstance(e, Fired) for i in range(len(e.shots))]
