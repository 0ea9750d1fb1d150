"""The placement benchmark's own check: spacing, evenness, exact count, on the surface; never time."""

from __future__ import annotations

import os
import subprocess
import sys


def test_short_run_reaches_the_figures(root):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "src"), *sys.path[1:]])}
    command = [sys.executable, str(root / "bench" / "planning.py"), "--short"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| OpenMTZ, ") == 2
