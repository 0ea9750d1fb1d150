"""A run's folder: new, named, writable, with space, and never over somebody's work."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from openmtz.records import RunFolderError, new_run_folder

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)


def make(tmp_path, **more):
    return new_run_folder(**{"indication": "striae", "seed": 3, "base": tmp_path / "runs", "now": NOW} | more)


def test_named_by_time_indication_seed_and_never_the_same_twice(tmp_path):
    assert make(tmp_path).name == "20260304-050607_striae_seed3"
    assert make(tmp_path).name == "20260304-050607_striae_seed3-2"
    assert make(tmp_path).name == "20260304-050607_striae_seed3-3"


def test_an_odd_indication_makes_no_odd_path(tmp_path):
    folder = make(tmp_path, indication="../../etc/x y")
    assert folder.parent == tmp_path / "runs" and folder.name == "20260304-050607_etc-x-y_seed3"
    assert list(folder.iterdir()) == []


def test_out_may_be_new_or_empty(tmp_path):
    assert make(tmp_path, out=tmp_path / "a" / "b").is_dir()
    assert make(tmp_path, out=tmp_path / "a" / "b") == tmp_path / "a" / "b"


def test_out_with_content_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(RunFolderError, match=r"not empty \(it holds thesis.txt\).*--out"):
        make(tmp_path, out=tmp_path / "mine")


@pytest.mark.parametrize("where", ["file", "file/under"])
def test_a_file_in_the_way(tmp_path, where):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="--out"):
        make(tmp_path, out=tmp_path / where)
    with pytest.raises(RunFolderError, match="file is in the way"):
        make(tmp_path, base=tmp_path / where)


def test_too_little_space(tmp_path):
    with pytest.raises(RunFolderError, match="MB free, a run needs"):
        make(tmp_path, needed_bytes=10**18)


def test_a_disk_that_takes_nothing(tmp_path, monkeypatch):
    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        make(tmp_path)
