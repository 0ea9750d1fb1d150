"""What a process of nodes and its supervisor tell each other."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence


def tell_ready() -> None:
    """Tell the supervisor, if there is one, that this process does its work."""
    fd = os.environ.pop("OPENMTZ_READY_FD", None)
    if fd is not None:
        os.write(int(fd), b"ready")
        os.close(int(fd))


def wait_for_go(stop: Sequence[int]) -> bool:
    """Wait until the supervisor, if there is one, lets this process begin; False once `stop` is not empty."""
    fd = os.environ.pop("OPENMTZ_GO_FD", None)
    if fd is not None:
        while not stop and not select.select([int(fd)], [], [], 0.1)[0]:
            pass
        os.close(int(fd))
    return not stop


def fail(message: str) -> None:
    """Print the one line the supervisor shows for a process that cannot go on."""
    print(f"error: {message}", file=sys.stderr, flush=True)
