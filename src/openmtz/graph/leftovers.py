"""What a stack keeps in shared places while it runs, and what killed stacks left there.

A stack that ends removes its own. One that is killed (SIGKILL, power of the machine) cannot; the next
one to start does it. Removed is only what belongs to this user and whose owner is certainly dead:

- folders `openmtz-PID-*` in the temporary directory: no such process, and the lock on the folder,
  which the kernel holds for the owner as long as it lives, is free;
- Fast DDS's shared memory: segments and ports whose lock file (`_el`, `_sl`) nobody holds, as
  `fastdds shm clean` tells them.
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
LEAST_AGE_S = 10.0
"""A lock file may be made a moment before it is locked; younger ones are left. Engineering default."""
_FOLDER = re.compile(r"openmtz-(\d+)-\w+")
_DDS_LOCK = re.compile(r"(fastrtps_(?:[0-9a-z]{16}|port\d{1,5}))_[es]l")


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
    temporary: Path | None = None, shared_memory: Path = SHARED_MEMORY, now: float | None = None
) -> list[Path]:
    """Remove what dead stacks of this user left; return what was removed.

    Args:
        temporary: where runtime folders lie; the temporary directory by default.
        now: [s, Unix time], compared with the age of lock files; the present by default.
    """
    temporary = temporary or Path(tempfile.gettempdir())
    now = time.time() if now is None else now
    removed = [f for f in _entries(temporary) if _FOLDER.fullmatch(f.name) and _remove_folder(f)]
    for lock in _entries(shared_memory):
        if _DDS_LOCK.fullmatch(lock.name):
            removed += _remove_dds(lock, now)
    return removed


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


def _remove_dds(lock: Path, now: float) -> list[Path]:
    """Remove a segment or port with its lock file, and a port's mutex, while the lock is held here."""
    named = _DDS_LOCK.fullmatch(lock.name)
    removed: list[Path] = []
    with contextlib.suppress(FileNotFoundError), _locked(lock) as free:
        if named is None or not free or now - lock.lstat().st_mtime < LEAST_AGE_S:
            return removed
        for path in (lock.with_name(named[1]), lock.with_name(f"sem.{named[1]}_mutex"), lock):
            with contextlib.suppress(OSError):
                if path.lstat().st_uid == os.getuid():
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
