"""Make the ./openmtz environment smaller: `slim_environment.py VENV`.

Wheels hold what nobody here uses (headers of C++ libraries, a viewer's fonts, libraries' own tests), and, as
they cannot hold links, one library under two or three names. The first goes; of the second one copy stays,
with the other names as hard links to it. Run with `python -I -S`: standard library only.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from check_environment import NOT_KEPT, PYTHON

LARGE = 100_000
"""Smaller files are not worth a look at their content [bytes]."""


def files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and state of every file that is no link."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(here, name)
            if not os.path.islink(path):
                yield path, os.stat(path)


def remove_unused(site: str) -> int:
    """Remove what is not kept below site-packages; return its bytes."""
    freed = 0
    for path, state in files_below(site):
        if NOT_KEPT.match(os.path.relpath(path, site)):
            os.unlink(path)
            freed += state.st_size
    for here, _, _ in os.walk(site, topdown=False):
        inside = os.path.relpath(here, site) + "/"
        if NOT_KEPT.match(inside) and not os.listdir(here):
            os.rmdir(here)
    return freed


def link_copies(folder: str) -> int:
    """Make one file of those with the same content and rights; return the bytes freed."""
    alike: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    for path, state in files_below(folder):
        if state.st_size >= LARGE:
            alike[state.st_size, state.st_mode].append((path, state.st_ino))
    freed = 0
    for (size, _), found in alike.items():
        if len({inode for _, inode in found}) < 2:
            continue
        kept: dict[bytes, tuple[str, int]] = {}
        for path, inode in found:
            first, its_inode = kept.setdefault(_digest(path), (path, inode))
            if inode != its_inode:
                # Beside, then renamed: who has it open or looks for it now finds one or the other.
                os.link(first, path + ".openmtz-new")
                os.replace(path + ".openmtz-new", path)
                freed += size
    return freed


def _digest(path: str) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.digest()


def main(arguments: list[str]) -> None:
    """Slim the environment and say by how much."""
    (venv,) = arguments
    unused = remove_unused(os.path.join(venv, "lib", PYTHON, "site-packages"))
    copies = link_copies(os.path.join(venv, "lib"))
    print(f"removed {unused / 1e6:.0f} MB that nothing uses, and {copies / 1e6:.0f} MB of second copies")


if __name__ == "__main__":
    main(sys.argv[1:])
