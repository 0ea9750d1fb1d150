"""A ROS domain that no other process of any suite on this machine uses."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

DOMAINS = range(20, 70)
"""Of 0 to 101, what ROS 2 allows on Linux; 0, the default, and others at both ends stay with people."""
_held: list[int] = []


def claim_domain() -> str:
    """Return a domain and hold it, by a lock on a file, as long as this process lives.

    Suites side by side, their parallel workers and a stack of the developer's must not hear each other.

    Raises:
        RuntimeError: every one is taken.
    """
    for domain in DOMAINS:
        try:
            path = Path(tempfile.gettempdir()) / f"openmtz-tests-domain-{domain}.lock"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:  # another user's
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            continue
        _held.append(fd)
        return str(domain)
    raise RuntimeError(f"ROS domains {DOMAINS[0]} to {DOMAINS[-1]} are all held by other runs of the tests")
