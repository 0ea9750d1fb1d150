"""Four pictures of a plan in one: stations, refused spots, heat, density error.

    ./openmtz plan --surface head.glb --scale 0.05 --indication ladd --agent methotrexate --site cheek \
        --fitzpatrick 2 --region -0.0044,0.0549,0.1295,0.025 --out runs/nose
    python tools/make_plan_picture.py runs/nose docs/images/plan_head.jpg

The region is around the tip of the nose of the head scan.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

PICTURES = ("stations.png", "refused.png", "heat.png", "evenness.png")
WIDTH_PX = 620
"""Of each of the four."""


def main() -> int:
    """Read the pictures `./openmtz plan` left in a folder, write one."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    missing = [name for name in PICTURES if not (folder / name).is_file()]
    if missing:
        print(f"{folder} has no {', '.join(missing)}: draw them by `./openmtz plan show {folder}`")
        return 2
    parts = [Image.open(folder / name).convert("RGB") for name in PICTURES]
    scaled = [part.resize((WIDTH_PX, round(part.height * WIDTH_PX / part.width))) for part in parts]
    height = max(part.height for part in scaled)
    sheet = Image.new("RGB", (2 * WIDTH_PX, 2 * height), "white")
    for number, part in enumerate(scaled):
        sheet.paste(part, (number % 2 * WIDTH_PX, number // 2 * height))
    sheet.save(target, quality=88)
    return 0


if __name__ == "__main__":
    sys.exit(main())
