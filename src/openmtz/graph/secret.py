"""The secret of a running stack: a file that `up` and `demo` make and only the stack's user can read.

Nodes that arm, approve or reset compare what a caller tells with it (`openmtz.safety.StackSecret`). The file
lies where every client of the same user on the same machine finds it, by the ROS domain; another place is
named by the environment variable `OPENMTZ_SECRET_FILE`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from openmtz.graph.description import GraphError

SECRET_FILE = "OPENMTZ_SECRET_FILE"
SECRET_BYTES = 32
"""256 bits of the machine's random numbers: not to be guessed, however often somebody tries."""


class SecretError(GraphError):
    """The secret cannot be made or read; the message names file and fix."""


def secret_path() -> Path:
    """Return where the secret of a stack of this user in this ROS domain lies."""
    given = os.environ.get(SECRET_FILE)
    if given:
        return Path(given)
    domain = os.environ.get("ROS_DOMAIN_ID", "0") or "0"
    return Path(tempfile.gettempdir()) / f"openmtz-user-{os.geteuid()}" / f"domain-{domain}.secret"


def make_secret() -> Path:
    """Make a new secret, in the place of one that an earlier stack left; return its file, mode 0600.

    Raises:
        SecretError: the folder is another user's or open to others, or cannot be written.
    """
    path = secret_path()
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if SECRET_FILE not in os.environ:
            _require_own(folder, os.lstat(folder), stat.S_ISDIR)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            os.fchmod(fd, 0o600)
            file.write(secrets.token_hex(SECRET_BYTES))
    except OSError as error:
        raise SecretError(
            f"the stack's secret {path} cannot be made ({error.strerror}): remove it or its folder, or name"
            f" another file by {SECRET_FILE}"
        ) from error
    return path


def read_secret() -> str:
    """Return the secret of the stack of this user that runs in this ROS domain.

    Raises:
        SecretError: there is none, it is not this user's own, or others may read it.
    """
    path = secret_path()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SecretError(
            f"there is no {path}: the stack was not started by `./openmtz up`, `demo` or `ros2 launch`, or by"
            " another user or in another ROS domain"
        ) from None
    except OSError as error:
        raise SecretError(f"the stack's secret {path} cannot be read ({error.strerror})") from error
    try:
        _require_own(path, os.fstat(fd), stat.S_ISREG)
        text = os.read(fd, 1024).decode(errors="replace").strip()
    finally:
        os.close(fd)
    if not text:
        raise SecretError(f"the stack's secret {path} is empty: start the stack again")
    return text


def _require_own(path: Path, found: os.stat_result, kind: Callable[[int], bool]) -> None:
    """Refuse what is not this user's alone.

    Raises:
        SecretError: it is another's, others may read or write it, or it is no such thing.
    """
    own = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not (own and kind(found.st_mode)):
        raise SecretError(
            f"{path} is not this user's alone (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}):"
            f" remove it, or name another file by {SECRET_FILE}"
        )
