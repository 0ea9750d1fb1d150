"""One stack per machine and ROS domain: two would hear each other's permits. With the lock comes a secret."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from openmtz.graph.description import GraphError
from openmtz.graph.secret import SecretError, make_secret, secret_path


class StackLock:
    """An advisory lock on a file named by the ROS domain; released by the kernel if we die.

    Attributes:
        secret: file of the secret of the stack that holds it.
    """

    def __init__(self) -> None:
        domain = os.environ.get("ROS_DOMAIN_ID", "0") or "0"
        if not domain.isdecimal() or not domain.isascii() or int(domain) > 101:
            raise GraphError(f"ROS_DOMAIN_ID={domain!r}: must be a number from 0 to 101")
        self._domain = domain
        self._path = Path(tempfile.gettempdir()) / f"openmtz-domain-{domain}.lock"
        self._fd: int | None = None
        self.secret = secret_path()

    def acquire(self) -> None:
        """Take the lock and make the stack's secret; nothing to do if it is held.

        Raises:
            GraphError: another stack holds it, or the secret cannot be made; names what to do.
        """
        if self._fd is not None:
            return
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise GraphError(
                f"the lock {self._path} cannot be opened ({error.strerror}): another user's stack made it."
                f" Remove it, or use a ROS domain of your own: ROS_DOMAIN_ID={(int(self._domain) + 1) % 102}"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise GraphError(
                f"another OpenMTZ stack (process {holder}) runs on this machine in ROS domain"
                f" {self._domain}. Stop it, or give this one a domain of its own:"
                f" ROS_DOMAIN_ID={(int(self._domain) + 1) % 102}"
            ) from None
        try:
            self.secret = make_secret()
        except SecretError:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Remove the secret and give the lock back."""
        if self._fd is not None:
            self.secret.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = None
