"""Stands in for `launch` and what belongs to it, which are not on PyPI, to load a launch file without ROS."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """An action: keeps what it was made with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs


class Configuration(Recorded):
    def perform(self, context: dict[str, str]) -> str:
        return context[self.args[0]]


LAUNCH = {
    "launch": {"LaunchDescription": Recorded},
    "launch.actions": {"DeclareLaunchArgument": Recorded, "OpaqueFunction": Recorded},
    "launch.substitutions": {"LaunchConfiguration": Configuration},
}
"""What every launch file of ours imports, by module."""


def load_launch_file(
    name: str, monkeypatch: pytest.MonkeyPatch, more: Mapping[str, Mapping[str, Any]]
) -> types.ModuleType:
    """Load launch/`name`; it finds `LAUNCH` and `more`, names by module, and nothing else of ROS.

    A name that stands for `Recorded` becomes a class of its own, known by its name.
    """
    for module in {**LAUNCH, **more}:
        stand_in = types.ModuleType(module)
        for key, value in {**LAUNCH.get(module, {}), **more.get(module, {})}.items():
            setattr(stand_in, key, type(key, (Recorded,), {}) if value is Recorded else value)
        monkeypatch.setitem(sys.modules, module, stand_in)
    path = ROOT / "launch" / name
    spec = importlib.util.spec_from_file_location("openmtz_" + name.replace(".launch.py", "_launch"), path)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def filled_in(launch_file: Any, **given: str) -> dict[str, str]:
    """The context of a launch: every argument's default, and what is given."""
    return {**{name: default for name, (default, _) in launch_file.ARGUMENTS.items()}, **given}
