from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_rig import Captured, capture


@pytest.fixture(scope="session")
def known() -> Captured:
    """The surface and the plan with which every run begins."""
    return capture()
