"""`python -m openmtz.simulation.scan_head_device`: start one simulated scan head."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
from dataclasses import replace

from openmtz import files
from openmtz.simulation.scan_head_device.memory_file import MemoryBusy, open_memory_file
from openmtz.simulation.scan_head_device.process import DeviceProcess
from openmtz.simulation.scan_head_device.settings import DEVICE_NAME, DeviceSettings

PRIORITY = 5
PR_SET_PDEATHSIG = 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="openmtz.simulation.scan_head_device", description=__doc__)
    parser.add_argument("--link", required=True, help="path of the symbolic link to the serial port")
    parser.add_argument("--wires", required=True, help="local socket of the world (lines, faults, shots)")
    parser.add_argument("--log", required=True, help="the device's own log, JSON lines, appended")
    parser.add_argument("--serial", default="simulated", help="serial number: whose memory it is")
    parser.add_argument("--nvram", required=True, help="memory of executed spots, made if absent")
    parser.add_argument("--profile-json", help="file with the handpiece profile (timing of the head)")
    parser.add_argument("--seed", type=int, default=0, help="of noise and line faults")
    parser.add_argument("--baud", type=int, default=921_600)
    parser.add_argument("--die-with-parent", action="store_true", help="end when the starting process ends")
    return parser.parse_args()


def _settings(path: str | None) -> DeviceSettings:
    if path is None:
        return DeviceSettings()
    values = json.loads(files.read_text(path, 1.0))
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no handpiece profile (a JSON object)")
    return DeviceSettings.from_profile(values)


def _be_punctual() -> None:
    """Real-time priority where permitted, and no garbage collection: a pause here is a pause in firing."""
    # Where it is not permitted the rules hold all the same: a late process only fires later.
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    gc.collect()
    gc.freeze()
    gc.disable()


def main() -> int:
    """Run until SIGTERM or SIGINT. Return the exit code; 2 for anything that cannot be started."""
    arguments = _arguments()
    try:
        if arguments.die_with_parent:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        device = DeviceProcess(
            arguments.link,
            arguments.wires,
            arguments.log,
            open_memory_file(arguments.nvram, arguments.serial),
            arguments.seed,
            arguments.baud,
            replace(_settings(arguments.profile_json), device_id=f"{DEVICE_NAME} {arguments.serial}"),
        )
    except (OSError, ValueError, MemoryBusy) as error:
        print(f"simulated scan head: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: device.stop())
    _be_punctual()
    device.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
