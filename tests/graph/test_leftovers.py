"""What a killed stack leaves is swept by the next one; what a live one or another user has is not."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openmtz.graph import leftovers
from openmtz.graph.leftovers import LEAST_AGE_S, RuntimeFolder, sweep

MADE = 1_000_000.0
LATER = MADE + 2 * LEAST_AGE_S
PORT = ("fastrtps_port7411", "sem.fastrtps_port7411_mutex", "fastrtps_port7411_el")
SEGMENT = ("fastrtps_003bb8f219363cfa", "fastrtps_003bb8f219363cfa_el")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A temporary directory and a shared memory of our own."""
    out = tmp_path / "tmp", tmp_path / "shm"
    for folder in out:
        folder.mkdir()
    return out


@pytest.fixture
def owner(places: tuple[Path, Path]) -> Iterator[subprocess.Popen[str]]:
    """Another process with a runtime folder; `owner.stdout` says which."""
    code = (
        "import pathlib, sys; from openmtz.graph.leftovers import RuntimeFolder\n"
        f"f = RuntimeFolder(pathlib.Path({str(places[0])!r})); (f.path / 'wires').touch()\n"
        "print(f.path, flush=True); sys.stdin.read()"
    )
    source = str(Path(leftovers.__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    yield process
    process.kill()
    process.communicate()


def made(folder: Path, names: tuple[str, ...]) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.touch()
        os.utime(path, (MADE, MADE))
    return paths


def test_a_folder_goes_when_its_process_was_killed_and_not_before(
    places: tuple[Path, Path], owner: subprocess.Popen[str]
) -> None:
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    assert f"-{owner.pid}-" in folder.name
    assert sweep(*places) == [] and (folder / "wires").exists()
    owner.kill()
    owner.wait()
    assert sweep(*places) == [folder] and not folder.exists()


def test_a_folder_whose_lock_is_held_stays_whatever_its_name_says(
    places: tuple[Path, Path], owner: subprocess.Popen[str]
) -> None:
    """In a container the same folder may be seen where the process has another number."""
    owner.kill()
    owner.wait()
    ours = RuntimeFolder(places[0])
    moved = ours.path.rename(places[0] / f"openmtz-{owner.pid}-abcdefgh")
    assert moved not in sweep(*places) and moved.exists()
    ours.remove()
    assert moved in sweep(*places) and not moved.exists()


def test_a_stack_removes_its_own(places: tuple[Path, Path]) -> None:
    ours = RuntimeFolder(places[0])
    assert ours.path.stat().st_mode & 0o777 == 0o700
    ours.remove()
    ours.remove()
    assert not ours.path.exists()


def test_shared_memory_goes_when_nobody_holds_its_lock(places: tuple[Path, Path]) -> None:
    port, segment = made(places[1], PORT), made(places[1], SEGMENT)
    kept = made(places[1], ("lttng-ust-wait-6", "x_el", "fastrtps_other", "sem.another_mutex"))
    with segment[-1].open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert sorted(sweep(*places, now=LATER)) == sorted(port)
        assert all(path.exists() for path in segment), "its participant lives"
    with segment[-1].open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert sweep(*places, now=LATER) == []
    assert sorted(sweep(*places, now=LATER)) == sorted(segment)
    assert sorted(places[1].iterdir()) == sorted(kept), "only what is Fast DDS's"


@pytest.fixture
def mapped(places: tuple[Path, Path]) -> Iterator[Path]:
    """The port's file, mapped by another process."""
    port = places[1] / PORT[0]
    port.write_bytes(b"x" * 4096)
    code = (
        "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 4096); f.close()\n"
        "print('mapped', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None and user.stdout.readline() == "mapped\n"
        yield port
        user.kill()


@pytest.mark.parametrize("names", [PORT[:2], PORT[1:2], SEGMENT[:1]])
def test_what_has_no_lock_goes(places: tuple[Path, Path], names: tuple[str, ...]) -> None:
    """A port that a killed process was counted in stays for ever, without a lock, and loses messages."""
    files = made(places[1], names)
    assert sorted(sweep(*places, now=LATER)) == sorted(files)


def test_what_has_no_lock_stays_while_a_process_maps_it(places: tuple[Path, Path], mapped: Path) -> None:
    made(places[1], PORT[:2])
    assert sweep(*places, now=LATER) == [] and mapped.exists(), "somebody writes there"


def test_a_port_whose_reader_died_goes_whoever_still_writes_there(
    places: tuple[Path, Path], mapped: Path
) -> None:
    files = made(places[1], PORT)
    assert mapped in files and sorted(sweep(*places, now=LATER)) == sorted(files)


@pytest.mark.parametrize("held_lock", ["_el", "_sl"])
def test_a_port_stays_while_one_of_its_locks_is_held(places: tuple[Path, Path], held_lock: str) -> None:
    port = made(places[1], (*PORT, "fastrtps_port7411_sl"))
    with (places[1] / f"fastrtps_port7411{held_lock}").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert sweep(*places, now=LATER) == []
    assert sorted(sweep(*places, now=LATER)) == sorted(port)


def test_what_was_only_just_made_is_left(places: tuple[Path, Path]) -> None:
    made(places[1], SEGMENT)
    assert sweep(*places, now=MADE + LEAST_AGE_S / 2) == []


def test_what_belongs_to_another_user_is_left(
    places: tuple[Path, Path], owner: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert owner.stdout is not None
    folder = Path(owner.stdout.readline().strip())
    owner.kill()
    owner.wait()
    segment = made(places[1], SEGMENT)
    with monkeypatch.context() as another:
        another.setattr(os, "getuid", lambda: os.geteuid() + 1)
        assert sweep(*places, now=LATER) == []
    assert folder.exists() and all(path.exists() for path in segment)
    assert len(sweep(*places, now=LATER)) == 3


def test_links_and_names_that_only_look_alike_are_left(
    places: tuple[Path, Path], owner: subprocess.Popen[str], tmp_path: Path
) -> None:
    owner.kill()
    owner.wait()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = places[0] / f"openmtz-{owner.pid}-link"
    link.symlink_to(elsewhere)
    for name in ("openmtz-bench-abc", "openmtz-abcdefgh", "openmtz-domain-0.lock"):
        (places[0] / name).mkdir()
    swept = sweep(*places, now=LATER)
    assert link not in swept and elsewhere.exists()
    assert {p.name for p in places[0].iterdir()} >= {"openmtz-bench-abc", "openmtz-abcdefgh", link.name}


def test_places_that_are_not_there_hold_nothing(places: tuple[Path, Path]) -> None:
    for folder in places:
        shutil.rmtree(folder)
    assert sweep(*places) == []
