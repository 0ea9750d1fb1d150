"""What the tests of the work loops share: their rigs, and the made-up plans of the safety tests."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "safety"):
    sys.path.insert(0, str(folder))
