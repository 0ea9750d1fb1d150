"""What a how-to page's code is taken out and run by."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "how_to"


def blocks(page: str, kind: str = "python") -> list[str]:
    """Return the fenced blocks of a page that have this info string."""
    text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.S | re.M)


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, at the root of the checkout."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
