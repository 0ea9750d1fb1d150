"""The spots of one selection as they went to the device, put together from their chunks."""

from __future__ import annotations

import numpy as np

from openmtz.safety.inputs import LoadedSpots


class LoadedStore:
    """Holds one contiguous run of records; a chunk that does not continue it starts a new one."""

    def __init__(self) -> None:
        self._spots: LoadedSpots | None = None

    @property
    def spots(self) -> LoadedSpots | None:
        """All records of the selection so far."""
        return self._spots

    def clear(self) -> None:
        """Forget the records."""
        self._spots = None

    def append(self, chunk: LoadedSpots) -> None:
        """Continue the run, or begin anew: a repeated chunk means the device was told to select again."""
        if len(chunk) == 0:
            return
        s = self._spots
        same = s is not None and (s.plan_sha256, s.station, s.pass_index) == (
            chunk.plan_sha256,
            chunk.station,
            chunk.pass_index,
        )
        if s is None or not same or chunk.first != s.first + len(s):
            self._spots = chunk
            return
        self._spots = LoadedSpots(
            s.plan_sha256,
            s.station,
            s.pass_index,
            s.first,
            np.concatenate([s.counts, chunk.counts]),
            np.concatenate([s.energy_uj, chunk.energy_uj]),
            np.concatenate([s.pulse_us, chunk.pulse_us]),
            np.concatenate([s.not_before_us, chunk.not_before_us]),
            np.concatenate([s.digests, chunk.digests]),
        )
