"""A new folder for a run: named, never overwriting, on a disk that can hold the record."""

from __future__ import annotations

import errno
import os
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path

NEEDED_BYTES = 512 * 1024 * 1024
"""Free space asked for before a run. A demo's record with depth images takes 50-150 MB."""


class RunFolderError(RuntimeError):
    """No folder for the run; the text names the path, the cause and the nearest fix."""


def new_run_folder(
    indication: str,
    seed: int,
    out: str | os.PathLike[str] | None = None,
    base: str | os.PathLike[str] = "runs",
    now: datetime | None = None,
    needed_bytes: int = NEEDED_BYTES,
) -> Path:
    """Make and return the run's folder, after checking that it can be written and has space.

    Args:
        out: the folder itself, which must be new or empty; otherwise
            `base/YYYYmmdd-HHMMSS_indication_seedN` (UTC) is made, with `-2`, `-3`... if it exists.
        now: time for the name; the present if omitted.
        needed_bytes: free space asked for.

    Raises:
        RunFolderError: a file in the way, a folder with content, no permission, too little space.
    """
    if out is not None:
        folder = Path(out)
        _make_chosen(folder)
    else:
        moment = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", indication).strip("-")[:60] or "run"
        folder = _make_named(Path(base), f"{moment:%Y%m%d-%H%M%S}_{name}_seed{seed}")
    check_space(folder, needed_bytes)
    return folder


def check_space(folder: Path, needed_bytes: int = NEEDED_BYTES) -> None:
    """Check that `folder` has room and takes a file.

    Raises:
        RunFolderError: too little space, or the write probe failed.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise RunFolderError(
            f"the disk of {folder} has {free / 1e6:.0f} MB free, a run needs {needed_bytes / 1e6:.0f} MB:"
            " free some space, or choose a folder on another disk with --out"
        )
    probe = folder / f".probe.{os.getpid()}"
    try:
        with open(probe, "wb") as file:
            file.write(bytes(65536))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunFolderError(
            f"{folder} cannot be written: {error.strerror}. Choose another folder with --out"
        ) from error
    finally:
        probe.unlink(missing_ok=True)


def _make_chosen(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = next(folder.iterdir(), None)
    except (FileExistsError, NotADirectoryError):
        raise RunFolderError(
            f"{folder} is (or lies under) a file: choose another folder with --out"
        ) from None
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be made: {error.strerror}") from error
    if content is not None:
        raise RunFolderError(
            f"{folder} is not empty (it holds {content.name}) and nothing is ever overwritten:"
            " choose a new folder with --out"
        )


def _make_named(base: Path, name: str) -> Path:
    try:
        base.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = base / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                if not base.is_dir():
                    raise
    except OSError as error:
        cause = "a file is in the way" if error.errno in (errno.EEXIST, errno.ENOTDIR) else error.strerror
        raise RunFolderError(
            f"a folder for the run cannot be made in {base}: {cause}. Choose one with --out"
        ) from error
    raise RunFolderError(f"{base} holds a thousand runs named {name}: choose a folder with --out")
