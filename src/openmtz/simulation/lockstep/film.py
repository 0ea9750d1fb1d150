"""A film of a lockstep run, from its track of joints and the truth of its shots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from openmtz.simulation.lockstep.run import SimulationResult
from openmtz.simulation.visual import Look, Snapshot, film


def snapshots(result: SimulationResult) -> Iterator[Snapshot]:
    """Give what there was to see at every instant of the track.

    Raises:
        ValueError: the run kept no track.
    """
    if not result.track:
        raise ValueError("the run kept no track of the joints: simulate with track_s")
    truth = result.truth
    hit = np.asarray(truth["hit"], bool)
    times, places = truth["time_s"][hit], truth["position_m"][hit]
    since = -np.inf
    stages = [(entry["t"], entry["name"]) for entry in result.log.of("stage")]
    for time_s, joints in result.track:
        new = places[(times > since) & (times <= time_s)]
        since = time_s
        stage = next((name for at, name in reversed(stages) if at <= time_s), "")
        yield Snapshot(time_s, joints, new, f"{time_s:5.1f} s  {stage}")


def write_film(path: Path, result: SimulationResult, size: tuple[int, int] = (560, 420)) -> int:
    """Write the film (`.gif` or `.png`); returns the number of frames.

    Raises:
        ValueError: as `snapshots`, or an ending that is no film's.
    """
    x, y, z = (float(v) for v in result.patient.target_m)
    return film(
        snapshots(result), path, size, fps=8.0, patient=result.patient.mesh,
        close_up=Look((x + 0.05, y - 0.06, z + 0.10), (x, y, z), 24.0),
    )  # fmt: skip
