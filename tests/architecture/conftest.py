"""The import rules of `tools/import_contracts`, and the house they look at."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tools.import_contracts.house import House


@pytest.fixture(scope="session")
def house(root: Path) -> House:
    """OpenMTZ's own package, read from its source in this checkout."""
    return House(root / "src" / "openmtz", "openmtz")
