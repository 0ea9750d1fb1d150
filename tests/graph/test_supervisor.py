"""The supervisor on programs that are no nodes: what it keeps open, what it says of a lock it cannot have."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from openmtz.graph import GraphDescription, GraphError, Supervisor
from openmtz.graph.description import fill
from openmtz.graph.lock import StackLock


def graph(*programs: tuple[str, str, tuple[str, ...]]) -> GraphDescription:
    rows = [{"name": n, "program": p, "arguments": a} for n, p, a in programs]
    return GraphDescription.model_validate({"version": 1, "processes": rows})


LASTS = ("lasts", "http.server", ("--bind", "127.0.0.1", "0"))
ENDS = ("ends", "platform", ())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.alone
def test_nothing_stays_open_and_nobody_is_left(tmp_path: Path) -> None:
    before = open_files()
    for k in range(3):
        supervisor = Supervisor(graph(LASTS, ENDS), log_dir=tmp_path / str(k), substitutions={})
        with supervisor:
            deadline = time.monotonic() + 10.0
            while supervisor.died is None:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            pids = supervisor.pids().values()
            assert supervisor.died.name == "ends" and supervisor.died.returncode == 0
            began = time.monotonic()
        assert time.monotonic() - began < 3.0, "three seconds are promised"
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "not even a zombie"
        assert not supervisor.runtime_dir.exists()
    assert open_files() == before


def test_a_lock_that_cannot_be_opened_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(GraphError, match=r"openmtz-domain-\d+.lock"):
        StackLock().acquire()


@pytest.mark.parametrize("domain", ["²", "-1", "102", "x"])
def test_a_domain_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", domain)
    with pytest.raises(GraphError, match="ROS_DOMAIN_ID"):
        StackLock()


@pytest.mark.parametrize("value", ["{", "{0}", "{seed.nothing}", "{nobody}"])
def test_braces_that_do_not_match_are_named(value: str) -> None:
    with pytest.raises(GraphError):
        fill(value, {"seed": "1"})
