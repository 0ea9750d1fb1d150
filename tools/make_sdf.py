"""Write urdf/openmtz_cell.sdf, the cell as a Gazebo world, from urdf/openmtz_cell.urdf and the furniture.

python tools/make_sdf.py            write
python tools/make_sdf.py --check    only say whether it is stale, exit 1 if it is
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
URDF, SDF = ROOT / "urdf" / "openmtz_cell.urdf", ROOT / "urdf" / "openmtz_cell.sdf"


def main() -> int:
    """Write, or check with `--check`."""
    from openmtz.simulation.arm.gazebo import world_sdf

    wanted = world_sdf(URDF.read_text(encoding="utf-8"))
    if SDF.exists() and SDF.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in sys.argv:
        print(f"stale: {SDF.relative_to(ROOT)}; run python tools/make_sdf.py")
        return 1
    SDF.write_text(wanted, encoding="utf-8")
    print(f"written: {SDF.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
