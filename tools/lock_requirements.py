"""Write requirements/constraints.txt: every package, direct or not, at one version for each supported Python.

Maintainers only: python tools/lock_requirements.py PYTHON3.10 PYTHON3.11 PYTHON3.12
Each argument is an interpreter; pip resolves the requirement files in each, preferring the versions already
in constraints.txt (--fresh forgets them). Lines that do not hold for every Python get an environment marker.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"
LISTS = ("ros.txt", "build.txt", "run.txt", "test.txt")
ALONE = "open3d.txt"
"""Installed without what it asks for: pinned as it stands there."""
HEADER = "# Every package at one version. Written by tools/lock_requirements.py; do not edit by hand.\n"


def resolve(python: str, constraints: Path | None) -> tuple[str, dict[str, str]]:
    """The Python version of an interpreter ("3.11"), and the version of every package pip chooses for it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report)]
        for name in LISTS:
            command += ["-r", str(FOLDER / name)]
        if constraints is not None:
            command += ["-c", str(constraints)]
        subprocess.run(command, check=True)
        data = json.loads(report.read_text())
    chosen = {
        re.sub(r"[-_.]+", "-", i["metadata"]["name"]).lower(): i["metadata"]["version"]
        for i in data["install"]
    }
    for line in (FOLDER / ALONE).read_text().splitlines():
        name, equals, pinned = line.partition("==")
        if equals and not line.startswith("#"):
            chosen[name] = pinned.strip()
    return ".".join(data["environment"]["python_version"].split(".")[:2]), chosen


def merge(chosen: dict[str, dict[str, str]]) -> list[str]:
    """One line for each package and version, with a marker where it does not hold for every Python."""
    lines = []
    for name in sorted(set().union(*chosen.values())):
        versions: dict[str, list[str]] = {}
        for python, packages in chosen.items():
            if name in packages:
                versions.setdefault(packages[name], []).append(python)
        for version, pythons in sorted(versions.items()):
            marker = " or ".join(f'python_version == "{python}"' for python in sorted(pythons))
            lines.append(f"{name}=={version}" + ("" if len(pythons) == len(chosen) else f"; {marker}"))
    return lines


def main(arguments: list[str]) -> None:
    pythons = [a for a in arguments if a != "--fresh"]
    if not pythons:
        sys.exit(__doc__)
    target = FOLDER / "constraints.txt"
    old = target if target.exists() and "--fresh" not in arguments else None
    with ThreadPoolExecutor() as pool:
        chosen = dict(pool.map(lambda python: resolve(python, old), pythons))
    target.write_text(HEADER + "\n".join(merge(chosen)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
