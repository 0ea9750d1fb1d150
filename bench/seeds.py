"""Every indication with several seeds, each run twice: does the same seed give the same plan?

    python bench/seeds.py [--seeds 3] [--repeats 2]

Takes about a minute a run: 18 runs with the defaults.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

INDICATIONS = ("atrophic_scar", "striae", "ladd")


def main() -> int:
    """Print a row per indication and seed; exit code 0 only if all were delivered and repeatable."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    failures = 0
    print("indication     seed  spots  stations  delivered  same plan  plan")
    for indication in INDICATIONS:
        for seed in range(options.seeds):
            hashes, delivered, last = set(), True, {}
            for _ in range(options.repeats):
                with tempfile.TemporaryDirectory() as folder:
                    out = Path(folder) / "run"
                    command = [sys.executable, "-m", "openmtz.cli", "demo", "--out", str(out)]
                    command += ["--indication", indication, "--seed", str(seed)]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    last = json.loads((out / "summary.json").read_text())
                    delivered &= done.returncode == 0 and last["ok"]
                    hashes.add(last["plan_sha256"])
            same = len(hashes) == 1
            failures += not (same and delivered)
            print(
                f"{indication:<14} {seed:>4}  {last['spots_planned']:>5}  {last['stations']:>8}  "
                f"{'all' if delivered else 'NOT ALL':>9}  {'yes' if same else 'NO':>9}  "
                f"{last['plan_sha256'][:12]}",
                flush=True,
            )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
