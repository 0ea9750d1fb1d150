"""Where a simulated scan head keeps what it has executed: with the device, not with the stack that uses it.

A real head remembers by itself. The simulated one is given a serial number and a file by whoever starts the
stack: a device that is kept has a folder of its own among the user's state, one of a single run lies with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "executed_spots"
SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
"""What a serial number may look like; it is a folder's name too."""


def kept_device(serial: str) -> dict[str, str]:
    """Return the substitutions for a device that outlives runs, under `$XDG_STATE_HOME/openmtz/devices`
    (`~/.local/state` where that is not set)."""
    state = os.environ.get("XDG_STATE_HOME", "")
    # By the XDG base directory specification a relative path counts as none.
    base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return {
        "device_serial": serial,
        "device_memory": str(base / "openmtz" / "devices" / serial / FILE),
    }


def device_of_run(log_dir: Path) -> dict[str, str]:
    """Return the substitutions for a device that is new with a run, and is that of the run's folder."""
    name = hashlib.sha256(str(log_dir.resolve()).encode()).hexdigest()[:12]
    return {"device_serial": f"sim-run-{name}", "device_memory": str(log_dir / f"scan_head_{FILE}")}


def serial_of_patient(patient_request: Mapping[str, Any], seed: int | str) -> str:
    """Return the serial number of the simulated head that treats this simulated patient: the same patient,
    by the simulation's `patient_json` and seed, comes again with the dose it has had."""
    name = str(patient_request.get("phantom") or patient_request.get("kind") or "patient")
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "_-"))[:16]
    text = json.dumps([dict(patient_request), str(seed)], sort_keys=True, default=str)
    return f"sim-{kept or 'patient'}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
