"""The stack's secret: made anew by each stack, for its user alone; read from nothing else."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from openmtz.graph import GraphDescription, GraphError, Supervisor, make_secret, read_secret, secret_path
from openmtz.graph.secret import SECRET_BYTES, SECRET_FILE, SecretError


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(SECRET_FILE, raising=False)


def test_only_its_user_may_read_it_and_each_is_new() -> None:
    seen = set()
    for _ in range(3):
        path = make_secret()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        seen.add(read_secret())
    assert len(seen) == 3 and all(len(text) == 2 * SECRET_BYTES for text in seen)


def test_another_place_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SECRET_FILE, str(tmp_path / "mine"))
    assert make_secret() == secret_path() == tmp_path / "mine"
    assert read_secret() == (tmp_path / "mine").read_text()


def test_none_is_said_with_the_way_to_one() -> None:
    with pytest.raises(SecretError, match=r"there is no .*domain-\d+\.secret.*\./openmtz up"):
        read_secret()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_one_that_others_may_read_or_write_is_none(mode: int) -> None:
    make_secret().chmod(mode)
    with pytest.raises(SecretError, match="not this user's alone"):
        read_secret()
    make_secret()
    assert read_secret(), "the next stack makes its own"


def test_a_link_a_folder_or_nothing_is_no_secret(tmp_path: Path) -> None:
    path = make_secret()
    path.rename(tmp_path / "kept")
    path.symlink_to(tmp_path / "kept")
    with pytest.raises(SecretError, match="cannot be read"):
        read_secret()
    path.unlink()
    path.mkdir(mode=0o700)
    with pytest.raises(SecretError):
        read_secret()
    with pytest.raises(SecretError, match="cannot be made"):
        make_secret()
    path.rmdir()
    make_secret().write_text("\n")
    with pytest.raises(SecretError, match="empty"):
        read_secret()


def test_a_folder_that_is_not_the_user_s_own_holds_no_secret(tmp_path: Path) -> None:
    folder = tmp_path / f"openmtz-user-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(SecretError, match="not this user's alone"):
        make_secret()
    folder.rmdir()
    (tmp_path / "trap").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "trap")
    with pytest.raises(SecretError, match="not this user's alone"):
        make_secret()


def test_a_stack_makes_it_and_takes_it_away(tmp_path: Path) -> None:
    program = {"name": "ends", "program": "platform"}
    graph = GraphDescription.model_validate({"version": 1, "processes": [program]})
    with Supervisor(graph, log_dir=tmp_path / "logs", substitutions={}):
        assert read_secret()
    assert not secret_path().exists()


def test_a_stack_that_cannot_have_one_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / f"openmtz-user-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    graph = GraphDescription.model_validate({"version": 1, "processes": []})
    for _ in range(2):
        with pytest.raises(GraphError, match="not this user's alone"):
            Supervisor(graph, log_dir=tmp_path / "logs", substitutions={})
    folder.rmdir()
    Supervisor(graph, log_dir=tmp_path / "logs", substitutions={}).stop()
