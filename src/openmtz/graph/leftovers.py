"""What a stack keeps in shared places while it runs, and what killed stacks left there.

A stack that ends removes its own. One that is killed (SIGKILL, power of the machine) cannot; the next
one to start does it. Removed is only what belongs to this user and whose owner is certainly dead:

- folders `openmtz-PID-*` in the temporary directory: no such process, and the lock on the folder,
  which the kernel holds for the owner as long as it lives, is free;
- Fast DDS's shared memory: segments and ports whose lock files (`_el`, `_sl`) nobody holds, as
  `fastdds shm clean` tells them, and those without one, which that command passes over, where no
  process maps them.

The latter are no mere litter. Fast DDS counts the users of a port in the port itself, and a killed one
is never taken off: the port outlives everybody, is opened again by the next participant of that number,
and loses its messages, which here was a service that never answered.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
PROCESSES = Path("/proc")
LEAST_AGE_S = 2.0
"""A file may be made a moment before it is locked and mapped; younger ones are left. Engineering default."""
_FOLDER = re.compile(r"openmtz-(\d+)-\w+")
_LOCK_ENDS = ("_el", "_sl")
_DDS_FILE = re.compile(r"(?:sem\.)?(fastrtps_(?:[0-9a-z]{16}|port\d{1,5}))(?:_el|_sl|_mutex)?")


class RuntimeFolder:
    """A folder for sockets and state of one stack, private to its user, locked while its process lives.

    Args:
        parent: where it is made; the temporary directory by default.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"openmtz-{os.getpid()}-", dir=parent))
        self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Remove the folder and all in it. Safe to call twice."""
        if self._fd >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._fd)
            self._fd = -1


def sweep(
    temporary: Path | None = None,
    shared_memory: Path = SHARED_MEMORY,
    now: float | None = None,
    processes: Path = PROCESSES,
) -> list[Path]:
    """Remove what dead stacks of this user left; return what was removed.

    Args:
        temporary: where runtime folders lie; the temporary directory by default.
        now: [s, Unix time], compared with the age of shared memory; the present by default.
        processes: the process file system. Processes of other users and of other containers do not
            show what they map; what they hold only by a mapping is not recognised as theirs.
    """
    temporary = temporary or Path(tempfile.gettempdir())
    now = time.time() if now is None else now
    removed = [f for f in _entries(temporary) if _FOLDER.fullmatch(f.name) and _remove_folder(f)]
    found: dict[str, list[Path]] = {}
    for path in _entries(shared_memory):
        if named := _DDS_FILE.fullmatch(path.name):
            found.setdefault(named[1], []).append(path)
    mapped = _mapped(processes, shared_memory) if found else set()
    for files in found.values():
        locks = [path for path in files if path.name.endswith(_LOCK_ENDS)]
        # Where there is a lock it tells: a writer that still maps the port of a dead reader makes it no use.
        if locks or not mapped.intersection(files):
            removed += _remove_dds(files, locks, now)
    return removed


def _mapped(processes: Path, folder: Path) -> set[Path]:
    """Files of a folder that some process maps, as far as we may see."""
    out = set()
    for maps in processes.glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            for line in maps.read_text(errors="replace").splitlines():
                fields = line.split(maxsplit=5)
                if len(fields) == 6 and fields[5].startswith(f"{folder}/"):
                    out.add(Path(fields[5]))
    return out


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _remove_folder(folder: Path) -> bool:
    named = _FOLDER.fullmatch(folder.name)
    if named is None or _lives(int(named[1])):
        return False
    with _locked(folder, os.O_DIRECTORY) as free:
        if free:
            shutil.rmtree(folder, ignore_errors=True)
    return free and not folder.exists()


def _remove_dds(files: list[Path], locks: list[Path], now: float) -> list[Path]:
    """Remove the files of one segment or port, its locks held meanwhile, if it is ours, free and not new."""
    with contextlib.ExitStack() as held:
        for path in files:
            try:
                status = path.lstat()
            except OSError:  # gone: somebody is at work on it
                return []
            if status.st_uid != os.getuid() or now - status.st_mtime < LEAST_AGE_S:
                return []
        if not all(held.enter_context(_locked(lock)) for lock in locks):
            return []
        removed = []
        for path in files:
            with contextlib.suppress(OSError):
                path.unlink()
                removed.append(path)
        return removed


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[bool]:
    """Hold the lock of a file of this user; gives False if it is another's, a link, or held by somebody."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = os.fstat(fd).st_uid == os.getuid()
        except OSError:
            free = False
        yield free
    finally:
        os.close(fd)
