"""A scan head under test: the pure core with an injected clock, and the real process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from device_bench import Bench
from device_process import Granter, RealDevice, wait_until

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def new_bench() -> type[Bench]:
    return Bench


@pytest.fixture
def device(tmp_path: Path) -> Iterator[RealDevice]:
    real = RealDevice(tmp_path)
    yield real
    real.end()


@pytest.fixture
def poll() -> Callable[..., Any]:
    return wait_until


@pytest.fixture
def link(device: RealDevice) -> Iterator[Any]:
    from openmtz.devices import ScanHeadLink

    wait_until(device.link.exists, what="the device's port")
    device.lines()
    head = ScanHeadLink(str(device.link))
    yield head
    head.close()


@pytest.fixture
def granter() -> type[Granter]:
    return Granter
