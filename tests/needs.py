"""Libraries that some tests need and that a checkout on its own may lack."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def needs(module: str, reason: str | None = None) -> ModuleType:
    """Import a module; skip what needs it where it is missing.

    `./openmtz test` has installed everything and says so (`OPENMTZ_TEST`): there a missing module is a
    broken environment, and raises ImportError instead of hiding as a skip.
    """
    if os.environ.get("OPENMTZ_TEST"):
        return importlib.import_module(module)
    skip: ModuleType = pytest.importorskip(module, reason=reason)
    return skip
