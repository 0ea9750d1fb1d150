"""Make a film of a simulated treatment out of its record.

    python tools/make_film.py RUN_FOLDER OUT.gif [--seed 0] [--patient JSON] [--every 1.0] [--fps 8]

RUN_FOLDER holds `record.mcap`. The patient is not in the record: it is made anew from the seed (and the
JSON of docs/nodes/simulation.md) that the run was started with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))


def main() -> int:
    """Write the film; returns the exit code."""
    from openmtz.simulation.patient.request import PatientRequestError, build_patient
    from openmtz.simulation.visual import Look, film, snapshots_of_record

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patient", default="", help="patient_json of the run")
    parser.add_argument("--every", type=float, default=1.0, help="simulated seconds from frame to frame")
    parser.add_argument("--fps", type=float, default=8.0)
    given = parser.parse_args()
    try:
        patient = build_patient(given.patient, given.seed).mesh
        frames = list(snapshots_of_record(given.run / "record.mcap", given.every))
        spots = np.concatenate([f.new_spots_m for f in frames])
        close_up = None
        if len(spots):
            x, y, z = spots.mean(axis=0)
            close_up = Look((x + 0.05, y - 0.06, z + 0.10), (x, y, z), 24.0)
        count = film(frames, given.out, (560, 420), given.fps, patient=patient, close_up=close_up)
    except (ValueError, PatientRequestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{given.out}: {count} frames, {len(spots)} spots, {given.out.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
