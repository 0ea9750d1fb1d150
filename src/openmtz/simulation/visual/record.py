"""Snapshots of a treatment out of its record (`record.mcap`): for films of runs that are over."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from openmtz import files
from openmtz.robot import JOINT_NAMES
from openmtz.simulation.visual.snapshot import Snapshot

JOINTS, SHOTS, STATE = "/joint_states", "/ground_truth/shots", "/safety/state"


def snapshots_of_record(
    record: str | PathLike[str], every_s: float = 0.5, idle_s: float = 2.0
) -> Iterator[Snapshot]:
    """Yield what was to be seen every `every_s` [s] of simulation time, from joint states and true shots.

    Times in which nothing moves and nothing fires are cut to `idle_s` [s].

    Raises:
        ValueError: no file, no joint states in it, or `every_s` not positive.
    """
    path = Path(record)
    if not path.is_file():
        raise ValueError(f"{path}: no such record; a run leaves `record.mcap` in its folder")
    if not every_s > 0:
        raise ValueError(f"every_s must be positive [s], got {every_s!r}")
    spots: list[np.ndarray] = []
    state, due, busy_until = "", -np.inf, -np.inf
    last: np.ndarray | None = None
    joints: np.ndarray | None = None
    for topic, message in _messages(path):
        if topic == STATE:
            state = message.state_name
        elif topic == SHOTS:
            hit = np.asarray(message.hit, bool)
            spots.append(np.asarray(message.position_m, np.float64).reshape(-1, 3)[hit])
        else:
            time_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            position = dict(zip(message.name, message.position, strict=True))
            joints = np.array([position[name] for name in JOINT_NAMES])
            if spots or last is None or np.abs(joints - last).max() > 1e-3:
                busy_until = time_s + idle_s
            if time_s >= due and time_s <= busy_until:
                new = np.concatenate(spots) if spots else np.zeros((0, 3))
                yield Snapshot(time_s, joints, new, state)
                spots, due, last = [], time_s + every_s, joints
    if joints is None:
        raise ValueError(f"{path}: no joint states in this record")


def _messages(path: Path) -> Iterator[tuple[str, Any]]:
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    files.check_mcap(path)
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        for _, channel, _, message in reader.iter_decoded_messages(topics=[JOINTS, SHOTS, STATE]):
            yield channel.topic, message
