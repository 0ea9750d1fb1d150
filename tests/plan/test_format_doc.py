"""A reader written only from docs/plan_format.md reads a plan."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np

from openmtz.plan import TreatmentPlan


def test_documented_layout_reads_a_plan():
    rng = np.random.default_rng(0)
    count = 5
    plan = TreatmentPlan(
        header={"format_version": 1, "b": 2, "a": "µ"},
        position_nm=rng.integers(-(10**8), 10**8, (count, 3)),
        normal_e9=np.tile([0, 0, 10**9], (count, 1)),
        energy_uj=np.arange(1, count + 1),
        pulse_us=np.arange(11, count + 11),
        depth_um=np.arange(21, count + 21),
        not_before_us=np.arange(31, count + 31),
        station=[0, 0, 1, 1, 1],
        pass_index=[0, 0, 0, 0, 1],
        station_pose=np.array([[0.1, 0.2, 0.3, 0, 0, 0, 1.0], [0.4, 0.5, 0.6, 1.0, 0, 0, 0]]),
    )
    data = plan.canonical_bytes()
    assert hashlib.sha256(data).hexdigest() == plan.sha256
    assert data[:10] == b"OMTZPLAN1\n"
    (length,) = struct.unpack_from("<I", data, 10)
    assert json.loads(data[14 : 14 + length]) == plan.header
    at = 14 + length
    n, s = struct.unpack_from("<II", data, at)
    assert (n, s) == (5, 2)
    at += 8
    columns = [("position_nm", "<i4", 3), ("normal_e9", "<i4", 3)]
    columns += [(k, "<u4", 1) for k in ("energy_uj", "pulse_us", "depth_um", "not_before_us")]
    columns += [("station", "<u2", 1), ("pass_index", "u1", 1)]
    for name, kind, width in columns:
        values = np.frombuffer(data, kind, n * width, at)
        assert np.array_equal(values, getattr(plan, name).ravel()), name
        at += values.nbytes
    poses = np.frombuffer(data, "<i8", 7 * s, at)
    assert np.array_equal(poses, np.rint(plan.station_pose.ravel() * 1e9))
    assert at + poses.nbytes == len(data)
