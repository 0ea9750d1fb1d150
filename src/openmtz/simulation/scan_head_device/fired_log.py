"""Reports of fired spots: batched, and kept so that one lost on the line can be repeated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from openmtz.devices import MAX_FIRED_PER_FRAME, Fired

KEPT = 4096


class FiredReports:
    """Collects shots and makes `Fired` messages of up to 32 consecutive spots."""

    def __init__(self, batch_us: int) -> None:
        self._batch_us = batch_us
        self._kept: OrderedDict[int, tuple[int, int]] = OrderedDict()
        self._pending: list[int] = []
        self._pending_since_us = 0

    def add(self, index: int, tick_us: int, energy_uj: int, now_us: int) -> None:
        """Remember a shot: device tick of its start [us], measured energy [uJ]."""
        if not self._pending:
            self._pending_since_us = now_us
        self._pending.append(index)
        self._kept[index] = (tick_us, energy_uj)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def due(self, now_us: int, all_: bool) -> list[Fired]:
        """Return the reports to send now: a full frame, an old one, or everything."""
        old = now_us - self._pending_since_us >= self._batch_us
        if not self._pending or not (all_ or old or len(self._pending) >= MAX_FIRED_PER_FRAME):
            return []
        reports = self._frames(self._pending)
        self._pending = []
        return reports

    def repeat(self, first: int, end: int) -> list[Fired]:
        """Return again what is still kept of spots `[first, end)`."""
        return self._frames(index for index in self._kept if first <= index < end)

    def forget(self) -> None:
        """Another plan begins: its spots have their own indices."""
        self._kept.clear()
        self._pending = []

    def _frames(self, indices: Iterable[int]) -> list[Fired]:
        runs: list[list[int]] = []
        for index in indices:
            if runs and runs[-1][-1] + 1 == index and len(runs[-1]) < MAX_FIRED_PER_FRAME:
                runs[-1].append(index)
            else:
                runs.append([index])
        return [Fired(run[0], tuple(self._kept[i] for i in run)) for run in runs]
