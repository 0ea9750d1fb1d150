"""The line to a scan head, and what may be wrong with what the host sends: other records, old permits."""

from __future__ import annotations

from typing import Any

import numpy as np

from openmtz.devices import decode_records, encode_records


class SpoiledLink:
    """Stands before a link (`LinkCore`, or whoever loads and relays as it does); all else goes through.

    Attributes:
        energy_factor: energies of the records loaded are changed by this factor; 1: untouched, to the byte.
    """

    def __init__(self, link: Any) -> None:
        self._link = link
        self.energy_factor = 1.0
        self._last = b""
        self._replayed = b""

    def load(self, first: int, records: bytes) -> None:
        """Hand over records of spots `first`, ... in order, with their energies changed.

        Raises:
            ValueError: as the link.
        """
        self._link.load(first, self._spoil(records))

    def _spoil(self, records: bytes) -> bytes:
        if self.energy_factor == 1.0:
            return records
        said = decode_records(records)
        energy = np.rint(said.energy_uj * self.energy_factor).astype(np.uint32)
        return encode_records(said.counts, energy, said.pulse_us, said.not_before_us)

    def relay_permit(self, frame: bytes) -> None:
        """Pass a permit's frame on, or the one that is replayed in its place.

        Raises:
            ValueError: as the link.
        """
        self._last = frame
        self._link.relay_permit(self._replayed or frame)

    def replay(self, active: bool) -> None:
        """Let the permit relayed last be sent in place of each new one, or let new ones pass again."""
        self._replayed = self._last if active else b""

    @property
    def replays(self) -> bool:
        """Whether an old permit is sent in place of new ones."""
        return bool(self._replayed)

    def __getattr__(self, name: str) -> Any:
        """Return what the link itself offers."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._link, name)
