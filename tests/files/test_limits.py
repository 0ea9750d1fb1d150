"""What others hand in is read with a limit, and refused with it in the message, before memory is filled."""

from __future__ import annotations

import io
import os
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from needs import needs

from openmtz.files import (
    UnsafeFileError,
    check_mcap,
    npz_names,
    read_bytes,
    read_npy,
    read_npz,
    read_text,
    read_yaml,
)


def refused(read: Callable[[], object]) -> str:
    """Return the refusal; to come to it may not take more memory than the limits of these tests."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnsafeFileError) as caught:
        read()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "kB"
    return str(caught.value)


# ---- whole files ---------------------------------------------------------------------------------------


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 1000)
    assert read_bytes(file, 0.001) == b"x" * 1000
    file.write_bytes(b"x" * 1001)
    assert "larger than 1 kB" in refused(lambda: read_bytes(file, 0.001))


def test_what_has_no_end_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/zero", tmp_path / "pipe"):
        assert "a device or a pipe, no file" in refused(lambda path=path: read_bytes(path, 1.0))
    for _ in range(3):
        with pytest.raises(IsADirectoryError):
            read_bytes(tmp_path, 1.0)
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none", 1.0)


def test_a_sparse_file_of_a_terabyte(tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as file:
        file.truncate(10**12)
    assert "larger than 1000 kB" in refused(lambda: read_bytes(tmp_path / "a", 1.0))


def test_text_is_utf8(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfna\xc3\xafve")
    assert read_text(tmp_path / "a", 1.0) == "na\u00efve"
    (tmp_path / "a").write_bytes(b"\xff\xfea\0")
    assert "no text in UTF-8" in refused(lambda: read_text(tmp_path / "a", 1.0))


# ---- arrays --------------------------------------------------------------------------------------------


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue()


def packed(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_were_saved(tmp_path: Path, save: Callable[..., None]) -> None:
    arrays = {
        "a": np.arange(12.0).reshape(3, 4), "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array("text"), "d": np.zeros((0, 3)), "e": np.array([True, False]), "f": np.float32(2.5),
        "g": np.arange(4, dtype=">i2"),
    }  # fmt: skip
    save(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(arrays) == npz_names(tmp_path / "a.npz")
    for name, array in arrays.items():
        assert found[name].dtype == np.asarray(array).dtype and np.array_equal(found[name], array)
    found["a"][0, 0] = 7.0  # ours to change
    assert list(read_npz(tmp_path / "a.npz", ("b", "nothing"))) == ["b"]
    np.save(tmp_path / "a.npy", arrays["b"])
    assert np.array_equal(read_npy(tmp_path / "a.npy"), arrays["b"])


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    size = 30_000_000
    file = packed(tmp_path / "a.npz", a=header((size,), "|u1") + bytes(size), b=header((1,)) + bytes(8))
    assert file.stat().st_size < 50_000
    assert "would unpack to 30 MB; 10 MB are the most" in refused(lambda: read_npz(file, most_mb=10.0))
    assert list(read_npz(file, ("b",), 10.0)) == ["b"], "what is not asked for is not unpacked"


def test_many_small_arrays_are_too_many_or_too_large_together(tmp_path: Path) -> None:
    many = packed(tmp_path / "a.npz", **{f"a{k}": header((1,)) + bytes(8) for k in range(1001)})
    assert "1001 arrays; 1000 are the most" in refused(lambda: read_npz(many))
    large = packed(
        tmp_path / "b.npz", **{f"a{k}": header((600_000,), "|u1") + bytes(600_000) for k in range(4)}
    )
    assert "2 MB; 2 MB are the most" in refused(lambda: read_npz(large, most_mb=2.0))


@pytest.mark.parametrize("shape", [(10**12,), (10**6, 10**6, 10**6), (10,), (3,), (0,), (-1,)])
def test_a_header_that_lies_about_its_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    text = refused(lambda: read_npz(packed(tmp_path / "a.npz", a=header(shape) + bytes(32))))
    assert "its header says" in text or "no array" in text
    (tmp_path / "a.npy").write_bytes(header(shape) + bytes(32))
    refused(lambda: read_npy(tmp_path / "a.npy"))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "opened"),)

    np.savez(tmp_path / "a.npz", a=np.array([Evil()], object))
    np.save(tmp_path / "a.npy", np.array([Evil()], object))
    assert "Python objects (a pickle)" in refused(lambda: read_npz(tmp_path / "a.npz"))
    assert "Python objects (a pickle)" in refused(lambda: read_npy(tmp_path / "a.npy"))
    assert not (tmp_path / "opened").exists()


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, a=np.arange(5000.0))
    good = file.read_bytes()
    for bad in (
        b"",
        b"PK\x03\x04",
        good[:-30],
        good[:200],
        b"garbage" * 100,
        good[:300] + b"\0\1" + good[302:],
    ):
        file.write_bytes(bad)
        refused(lambda: read_npz(file))
    packed(file, a=b"\x93NUMPY\x09\0" + bytes(40))
    assert "version 9" in refused(lambda: read_npz(file))
    packed(file, a=b"\x93NUMPY\x01\0" + struct.pack("<H", 60000) + b"(" * 60000)
    refused(lambda: read_npz(file))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as other:
        other.writestr("a.npy", header((1,)) + bytes(8))
    assert "numpy does not write" in refused(lambda: read_npz(file))


# ---- YAML and MCAP ---------------------------------------------------------------------------------------


def test_yaml_is_plain_data_of_limited_size(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: &x [1, 2]\nb: *x\n")
    assert read_yaml(file) == {"a": [1, 2], "b": [1, 2]}
    laughs = "a0: &a0 [x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 15)
    )
    for text, cause in (
        (laughs, "more than 100 aliases"),
        ("[" * 100_000, "deeper than 50 levels"),
        ("- " * 100_000, "deeper than 50 levels"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("a: [1", "not YAML"),
        ("a: 2026-13-40", "not YAML"),
        ("#" * 1_000_001, "larger than 1000 kB"),
    ):
        file.write_text(text)
        assert cause in refused(lambda: read_yaml(file))


def chunk(kind: bytes, unpacked: int, data: bytes) -> bytes:
    head = struct.pack("<QQQI", 0, 0, unpacked, 0) + struct.pack("<I", len(kind)) + kind
    body = head + struct.pack("<Q", len(data)) + data
    return struct.pack("<BQ", 6, len(body)) + body


def test_a_record_as_ours_are_passes(tmp_path: Path) -> None:
    writer = needs("mcap.writer")
    for kind in writer.CompressionType:
        file = tmp_path / f"{kind.name}.mcap"
        with open(file, "wb") as stream:
            out = writer.Writer(stream, compression=kind)
            out.start()
            schema = out.register_schema("a", "jsonschema", b"{}")
            channel = out.register_channel("t", "json", schema)
            for k in range(100):
                out.add_message(channel, k, b"{}" * 1000, k)
            out.finish()
        check_mcap(file)
        file.write_bytes(file.read_bytes()[:2000])  # cut off by a crash
        check_mcap(file)


def test_chunks_that_unpack_to_more_than_they_say(tmp_path: Path) -> None:
    needs("mcap.reader")
    lz4, zstd = needs("lz4.frame"), needs("zstandard")
    file = tmp_path / "a.mcap"
    zeros = bytes(3_000_000)
    magic = b"\x89MCAP0\r\n"
    for record, cause in (
        (chunk(b"", 10**12, b""), "may unpack to 1000000 MB; 2 MB are the most"),
        (chunk(b"zstd", 10, zstd.compress(zeros)), "may unpack to 3 MB"),
        (chunk(b"lz4", 10, lz4.compress(zeros)), "may unpack to 3 MB"),
        (chunk(b"lz4", 10, lz4.compress(zeros, store_size=False)), "may unpack to 3 MB"),
        (struct.pack("<BQ", 5, 10**15), "a record of 1000000000 MB"),
    ):
        file.write_bytes(magic + record + magic)
        assert cause in refused(lambda: check_mcap(file, 2.0))
    file.write_bytes(b"no record")
    assert "no MCAP file" in refused(lambda: check_mcap(file))
