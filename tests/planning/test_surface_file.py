"""A surface file that cannot be read is refused, and closed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openmtz.planning.skin.surface_file import SurfaceFileError, load_surface, save_surface


@pytest.mark.parametrize("keep", [0, 2000])
def test_a_damaged_file_is_closed_again(skin, tmp_path: Path, keep: int) -> None:
    file = save_surface(skin["plain"], tmp_path / "surface.npz")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(SurfaceFileError, match="damaged") as refused:
        load_surface(file)
    # The error's traceback keeps every frame, and whatever they opened, as long as it is looked at.
    open_files = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
    assert str(file.resolve()) not in open_files, refused
