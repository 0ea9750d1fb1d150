"""A short film, or one picture, of a simulated treatment; no display needed."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from openmtz.geometry import TriangleMesh
from openmtz.simulation.visual.picture import BEAM_RGB, CELL_LOOK, SPOT_RGB, CellPainter, Look
from openmtz.simulation.visual.snapshot import Snapshot

ENDINGS = (".gif", ".png", ".apng")
COLORS = 96
"""Of a GIF's palette: more cost size and show nothing new here."""
INSET = 0.42
"""Share of the height that the close-up takes."""


def film(
    frames: Iterable[Snapshot],
    path: str | PathLike[str],
    size: tuple[int, int] = (640, 480),
    fps: float = 10.0,
    *,
    patient: TriangleMesh | None = None,
    look: Look = CELL_LOOK,
    close_up: Look | None = None,
) -> int:
    """Write a film: `.gif`, or `.png` / `.apng` (animated where there is more than one frame).

    Every frame shows all spots fired so far. `close_up`: a second view, drawn into the lower right corner.

    Returns:
        The number of frames.

    Raises:
        ValueError: no frames, an ending that is none of these, fps or size that cannot be.
    """
    target = Path(path)
    if target.suffix.lower() not in ENDINGS:
        raise ValueError(f"{target.name}: a film ends in one of {', '.join(ENDINGS)}")
    if not 0.1 <= fps <= 50.0:
        raise ValueError(f"fps must lie in 0.1..50, got {fps!r}")
    main = CellPainter(patient, look, size)
    inset = None
    if close_up is not None:
        side = round(INSET * size[1])
        inset = CellPainter(patient, close_up, (round(side * 4 / 3), side), spot_px=1.1, label=False)
    pictures = []
    spots = np.zeros((0, 3))
    for snapshot in frames:
        spots = np.concatenate([spots, snapshot.new_spots_m])
        picture = main.paint(snapshot, spots)
        if inset is not None:
            small = inset.paint(Snapshot(snapshot.time_s, snapshot.joints_rad, snapshot.new_spots_m), spots)
            picture.paste(small, (size[0] - small.width, size[1] - small.height))
        pictures.append(picture)
    if not pictures:
        raise ValueError("a film needs at least one frame")
    _write(pictures, target, round(1000 / fps))
    return len(pictures)


def _write(pictures: list[Image.Image], target: Path, milliseconds: int) -> None:
    if target.suffix.lower() == ".gif":
        palette = _palette(pictures[len(pictures) // 2])
        pictures = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    first, *rest = pictures
    # Pillow takes the format from the ending; `.apng` is one of PNG's.
    first.save(target, save_all=bool(rest), append_images=rest, duration=milliseconds, loop=0, optimize=True)


def _palette(picture: Image.Image) -> Image.Image:
    """Return one palette for all frames: with one of its own each, still parts would flicker. Spots and beam
    are few pixels, which no palette of a picture would keep.
    """
    own = picture.quantize(COLORS).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*own[: 3 * COLORS], *SPOT_RGB, *BEAM_RGB])
    return palette
