"""The example of docs/placement.md runs and prints what it should."""

from __future__ import annotations

import re


def test_the_example_of_the_page_runs(root, capsys):
    text = (root / "docs" / "placement.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, flags=re.S | re.M)
    exec(compile(code, "placement.md", "exec"), {})
    total, margin, passes = capsys.readouterr().out.strip().splitlines()
    count, dropped = map(int, total.split())
    assert abs(count - 442 * 16) < 5 and dropped == 0
    assert margin == "True"
    assert len(set(passes.strip("[]").split())) == 1
