"""`openmtz doctor`: is this machine fit to run OpenMTZ, and if not, what is the nearest fix?

Nothing is imported that could fail for the very reasons being looked for: modules and plugins are found
through `importlib`, never loaded. No check changes anything.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

SET_UP = "run ./openmtz setup"
GIB = 1024**3

LIBRARIES = (
    "numpy", "scipy", "open3d", "mujoco", "pinocchio", "ruckig", "trimesh", "numba", "matplotlib", "mcap",
    "serial", "cobs", "pluggy", "pydantic", "jinja2",
)  # fmt: skip
INTERFACES = ("msg", "srv", "action")


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, whether it is fit, what was seen, and the fix when it is not."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 10) <= sys.version_info[:2] <= (3, 12) and sys.maxsize > 2**32
    bits = 64 if sys.maxsize > 2**32 else 32
    return Check(
        "Python",
        fits,
        f"{version}, {bits} bit, {sys.prefix}",
        "use Python 3.10 to 3.12, 64 bit (OPENMTZ_PYTHON)",
    )


def check_ros() -> Check:
    spec = importlib.util.find_spec("rclpy")
    if spec is None or spec.origin is None:
        return Check("ROS 2", False, "rclpy is not installed", f"{SET_UP}, or source a ROS 2 Jazzy")
    if Path(spec.origin).is_relative_to(sys.prefix):
        version = importlib.metadata.version("ros-jazzy-rclpy")
        return Check("ROS 2", True, f"Jazzy wheels, rclpy {version}, Fast DDS")
    distribution = os.environ.get("ROS_DISTRO", "unknown")
    return Check(
        "ROS 2", distribution == "jazzy", f"sourced: {distribution}", "source a ROS 2 Jazzy, or none"
    )


def check_interfaces() -> Check:
    package = importlib.util.find_spec("openmtz_interfaces")
    folders = list(package.submodule_search_locations or ()) if package else []
    missing = [kind for kind in INTERFACES if not any((Path(folder) / kind).is_dir() for folder in folders)]
    if importlib.util.find_spec("tf2_msgs") is None:
        missing.append("tf2_msgs")
    if missing:
        return Check("interface packages", False, "not built: " + ", ".join(missing), SET_UP)
    return Check("interface packages", True, folders[0])


def check_libraries() -> Check:
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        return Check("libraries", False, "missing: " + ", ".join(missing), SET_UP)
    return Check("libraries", True, f"{len(LIBRARIES)} found")


def check_plugins() -> Check:
    points = importlib.metadata.entry_points(group="openmtz")
    found = sorted({point.name for point in points})
    unloadable = sorted(point.name for point in points if not _findable(point.module))
    if unloadable:
        return Check(
            "plugins",
            False,
            "cannot be found: " + ", ".join(unloadable),
            "reinstall or uninstall them with pip",
        )
    if not found:
        return Check("plugins", False, "none in the entry-point group 'openmtz'", SET_UP)
    return Check("plugins", True, ", ".join(found))


def _findable(module: str) -> bool:
    """Whether the top package of a dotted module name exists (a deeper look would import it)."""
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def check_pseudo_terminal() -> Check:
    """The simulated scan head is a serial device behind a pseudo-terminal."""
    try:
        ends = os.openpty()
    except OSError as error:
        return Check(
            "pseudo-terminal", False, str(error), "mount devpts on /dev/pts, or raise kernel.pty.max"
        )
    name = os.ttyname(ends[1])
    for end in ends:
        os.close(end)
    return Check("pseudo-terminal", True, name)


def check_disk(folder: Path | None = None) -> Check:
    folder = folder or Path.cwd()
    free = shutil.disk_usage(folder).free / GIB
    return Check(
        "disk",
        free >= 1.0,
        f"{free:.1f} GiB free in {folder}",
        "free at least 1 GiB, or use --out on another disk",
    )


def check_memory() -> Check:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        free = fields["MemAvailable"] / GIB
    except (OSError, KeyError, ValueError, IndexError):
        return Check("memory", True, "unknown on this system")
    return Check(
        "memory",
        free >= 3.0,
        f"{free:.1f} GiB available",
        "close other programs: the graph takes up to 3 GiB",
    )


def check_cores() -> Check:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Check(
        "processor",
        cores >= 2,
        f"{cores} cores",
        "give this machine 2 cores: on one, permits expire too often",
    )


def check_shared_memory() -> Check:
    """Fast DDS passes large messages between processes through /dev/shm."""
    folder = Path("/dev/shm")
    if not os.access(folder, os.W_OK):
        return Check(
            "shared memory",
            False,
            f"{folder} cannot be written",
            "mount tmpfs on /dev/shm (docker: --shm-size=512m)",
        )
    free = shutil.disk_usage(folder).free / 2**20
    return Check(
        "shared memory",
        free >= 60,
        f"{free:.0f} MiB free in {folder}",
        "enlarge it (docker: --shm-size=512m)",
    )


def check_loopback() -> Check:
    """Nodes of this machine find each other and talk over loopback UDP."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(1.0)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(struct.pack("!I", 0x4D545A), receiver.getsockname())
            arrived = receiver.recv(16) == struct.pack("!I", 0x4D545A)
    except OSError as error:
        return Check(
            "loopback",
            False,
            f"UDP over 127.0.0.1 fails: {error}",
            "bring lo up: ip link set lo up; check the firewall",
        )
    reach = os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    where = "this machine only" if reach == "LOCALHOST" else f"discovery range {reach}"
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    return Check(
        "loopback", arrived, f"UDP passes; ROS domain {domain}, {where}", "check the firewall rules for lo"
    )


def check_serial(devices: Path = Path("/dev")) -> Check:
    """A real scan head is a serial port; none is needed for simulation."""
    ports = sorted([*devices.glob("ttyUSB*"), *devices.glob("ttyACM*")])
    if not ports:
        return Check("serial ports", True, "none plugged in (only hardware needs one)")
    closed = [str(port) for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    fix = "sudo usermod -aG dialout $USER, then log in again"
    if closed:
        return Check("serial ports", False, "no permission for " + ", ".join(closed), fix)
    return Check("serial ports", True, ", ".join(map(str, ports)))


CHECKS: tuple[Callable[[], Check], ...] = (
    check_python, check_ros, check_interfaces, check_libraries, check_plugins, check_cores, check_memory,
    check_disk, check_shared_memory, check_pseudo_terminal, check_loopback, check_serial,
)  # fmt: skip


def run_checks() -> list[Check]:
    """Every check, in the order of the table; one that itself fails is a finding, not a crash."""
    results = []
    for check in CHECKS:
        try:
            results.append(check())
        except Exception as error:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            results.append(Check(name, False, f"the check failed: {error!r}", "report this as a bug"))
    return results


def print_report(console: Console | None = None) -> int:
    """Print the table; 0 when everything is fit, else 1."""
    console = console or Console()
    checks = run_checks()
    table = Table("", "check", "found", "fix", title="OpenMTZ doctor", title_justify="left")
    for check in checks:
        mark = "[green]ok[/]" if check.ok else "[bold red]no[/]"
        table.add_row(mark, check.name, escape(check.detail), "" if check.ok else escape(check.fix))
    console.print(table)
    failed = [check.name for check in checks if not check.ok]
    console.print("Everything is fit." if not failed else f"Not fit: {', '.join(failed)}.")
    return 1 if failed else 0
