"""Permits against the device's rules: credit is the limit, and a wrong, old or repeated one is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from device_bench import PLAN, naks

from openmtz.devices import DeviceState, FaultCode, NakCode
from openmtz.devices.messages import ResetFault, Select, Spots


def test_nothing_fires_without_permit(bench: Any) -> None:
    bench.load(5)
    bench.run(200_000)
    assert not bench.events("emission") and bench.status.state is DeviceState.LOADED


def test_credit_is_the_limit(bench: Any) -> None:
    bench.load(10)
    bench.run(100_000, credit=4)
    assert bench.core.executed == 4 and bench.status.state is DeviceState.HOLD and not bench.core.gate_open
    bench.run(100_000, credit=6)
    assert [s.spot for s in bench.shots] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "changes",
    [
        {"device_boot_id": 78},
        {"plan_prefix": bytes(16)},
        {"station": 4},
        {"pass_index": 1},
        {"counter": 0},
        {"device_tick_us": 10_001},
        {"device_tick_us": 999},
        {"ttl_us": 100_001},
        {"ttl_us": 0},
        {"credit_until": 6},
    ],
    ids=lambda c: "-".join(f"{k}={v}" for k, v in c.items() if k != "plan_prefix") or "plan",
)
def test_a_permit_with_one_wrong_field_is_rejected(bench: Any, changes: dict[str, Any]) -> None:
    bench.step(at=1000)
    bench.load(5)
    bench.step(at=10_000)
    bench.step(replace(bench.permit(5), **changes))
    assert bench.status.permits_rejected == 1 and bench.status.credit_until == 0
    assert naks(bench) == [NakCode.PERMIT_REJECTED]
    bench.run(100_000)
    assert not bench.events("emission")


def test_replayed_permits_are_rejected(bench: Any) -> None:
    bench.load(50)
    permit = bench.permit(50)
    bench.step(permit)
    for at in range(1000, 300_000, 1000):
        bench.step(permit, at=at)
    assert bench.events("emission")[-1]["tick_us"] + 800 <= 60_000
    assert bench.status.permits_rejected == 299


def test_digest_mismatch_is_a_latched_fault(bench: Any) -> None:
    bench.load(5)
    bench.step(replace(bench.permit(5), digest_at_credit=1))
    assert bench.status.fault_code == FaultCode.DIGEST and bench.status.state is DeviceState.FAULT
    bench.run(50_000, credit=5)
    assert not bench.events("emission")
    bench.step(ResetFault())
    assert bench.status.state is DeviceState.IDLE


def test_withdrawn_credit_closes_the_gate_at_once_and_is_obeyed_from_anyone(bench: Any) -> None:
    bench.load(50)
    bench.run(20_000, credit=50)
    assert bench.status.state is DeviceState.FIRING
    bench.step(bench.permit(0, device_boot_id=1))
    done = bench.core.executed
    bench.run(100_000)
    assert bench.core.executed == done and not bench.core.gate_open


def test_permit_of_before_the_selection_is_rejected(bench: Any) -> None:
    bench.load(10)
    old = bench.permit(10)
    bench.step(at=1000)
    bench.step(Select(PLAN, 3, 0, 0, 10), Spots(0, bench.records))
    bench.step(old, at=2000)
    assert bench.status.permits_rejected == 1 and bench.status.credit_until == 0
