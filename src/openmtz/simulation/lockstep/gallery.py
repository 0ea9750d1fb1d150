"""The gallery: scenarios shipped with OpenMTZ, by name."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def gallery_paths() -> dict[str, Path]:
    """Return name -> YAML file of every shipped scenario, sorted; the checkout's before installed ones."""
    checkout = Path(__file__).resolve().parents[4] / "config" / "scenarios"
    installed = Path(sysconfig.get_path("data")) / "share" / "openmtz" / "config" / "scenarios"
    for folder in (checkout, installed):
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    return {}
