"""The event log of a lockstep run: what happened, when, in an order that never changes between runs."""

from __future__ import annotations

import hashlib
import json
from typing import Any


class EventLog:
    """Entries `{"t", "kind", "name", ...}`; times are rounded to the microsecond of the virtual clock."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add(self, time_s: float, kind: str, name: str, **more: Any) -> None:
        """Append what happened at `time_s` [s]. Kinds: stage, procedure, safety, token, withheld, group,
        operator, line, fault, device, contact, note."""
        self.entries.append({"t": round(time_s, 6), "kind": kind, "name": name, **more})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the entries of a kind."""
        return [entry for entry in self.entries if entry["kind"] == kind]

    def lines(self) -> str:
        """Return the log as JSON lines."""
        return "".join(json.dumps(entry, sort_keys=True) + "\n" for entry in self.entries)

    @property
    def sha256(self) -> str:
        """Hex digest of `lines()`: equal for equal runs."""
        return hashlib.sha256(self.lines().encode()).hexdigest()
