"""Depth frames as strangers bring them: each is read for what it is, or refused with what is wrong."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openmtz.capture import CameraIntrinsics, misfit
from openmtz.simulation.patient.depth_folder import Recording, load_depth_folder
from openmtz.simulation.patient.errors import PatientError
from openmtz.simulation.patient.recordings.judged import smoothness
from openmtz.simulation.patient.sources import look_at_recording, patient_from_depth

UNIT = 1e-4
SIZE = (320, 240)
CAMERA = (300.0, 300.0, 159.5, 119.5)


def skin(
    size: tuple[int, int] = SIZE, camera: tuple[float, ...] = CAMERA, nothing: float = 0.0
) -> np.ndarray:
    """Counts `(H, W)` float of an ellipsoid of 140 x 180 mm at 0.35 m with noise, `nothing` around it."""
    fx, fy, cx, cy = camera[:4]
    u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    half = np.array([0.07, 0.09, 0.06])
    ray = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones(u.shape)], axis=-1) / half
    center = np.array([0.0, 0.0, 0.35 + half[2]]) / half
    a, b, c = (ray**2).sum(-1), ray @ center, center @ center - 1.0
    root = b * b - a * c
    depth = (b - np.sqrt(np.maximum(root, 0.0))) / a + np.random.default_rng(0).normal(0.0, 1e-4, u.shape)
    return np.where(root > 0, depth / UNIT, nothing)


def save(path: Path, counts: np.ndarray) -> None:
    Image.fromarray(np.rint(counts).astype(np.uint16)).save(path)


def read(folder: Path, camera: tuple[float, ...] | None = CAMERA, unit: float = UNIT) -> Recording:
    return load_depth_folder(folder, camera, unit)


def refused(folder: Path, camera: tuple[float, ...] | None = CAMERA, unit: float = UNIT) -> str:
    with pytest.raises(PatientError) as caught:
        patient_from_depth(folder, camera, unit)
    return str(caught.value)


# ---- counts that mean nothing ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark", [0, 1, 10, 1023, 2047, 4095, 8191, 10000, 16383, 32001, 32767, 50000, 64001, 65533, 65534, 65535]
)
def test_a_sensors_mark_for_nothing_is_no_wall(tmp_path: Path, mark: int) -> None:
    save(tmp_path / "0.png", skin(nothing=mark))
    recording = read(tmp_path)
    assert ((recording.frames[0].counts > 0) == (skin() > 0)).all()
    assert any(f"pixels of {mark} counts" in note for note in recording.notes) == (mark != 0)


def test_what_was_measured_is_told_with_the_patient(tmp_path: Path) -> None:
    save(tmp_path / "0.png", skin(nothing=65535))
    marks, size = patient_from_depth(tmp_path, CAMERA, UNIT).notes
    assert marks == "pixels of 65535 counts are taken for nothing measured"
    width, height = (int(word) for word in size.split("measures ")[1].split(" mm")[0].split(" x "))
    assert 130 < width < 148 and 165 < height < 190 and size.endswith("lies 0.35 m from the camera")


def test_several_marks_of_one_sensor(tmp_path: Path) -> None:
    counts = skin(nothing=16001)
    counts[:40][counts[:40] == 16001] = 16003
    counts[-40:][counts[-40:] == 16001] = 16007
    save(tmp_path / "0.png", counts)
    frame = read(tmp_path).frames[0]
    assert frame.counts.max() < 5000 and (frame.counts > 0).sum() == (skin() > 0).sum()


@pytest.mark.parametrize("mark", [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e9, 65.535, 10.0])
@pytest.mark.parametrize("kind", [".npy", ".tif", ".npz"])
def test_distances_as_float_metres(tmp_path: Path, kind: str, mark: float) -> None:
    metres = np.where(skin() > 0, skin() * UNIT, mark).astype(np.float32)
    if kind == ".npy":
        np.save(tmp_path / "0.npy", metres)
    elif kind == ".npz":
        np.savez(tmp_path / "0.npz", depth=metres)
    else:
        Image.fromarray(metres).save(tmp_path / "0.tif")
    depth = read(tmp_path, unit=1.0).frames[0].depth
    assert (depth > 0).sum() == (skin() > 0).sum() and 0.34 < depth[depth > 0].min() < depth.max() < 0.42


def test_signed_counts(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", depth=skin(nothing=-32768).astype(np.int16))
    assert (read(tmp_path).frames[0].counts > 0).sum() == (skin() > 0).sum()


def test_a_real_wall_stays(tmp_path: Path) -> None:
    wall = skin()
    noise = np.random.default_rng(1).normal(12000.0, 3.0, wall.shape)
    save(tmp_path / "0.png", np.where(wall > 0, wall, noise))
    recording = read(tmp_path)
    assert recording.notes == () and (recording.frames[0].counts > 0).all()


@pytest.mark.parametrize(
    ("count", "cause"), [(0, "all zero or marked"), (65535, "all zero or marked"), (3500, "same count 3500")]
)
def test_frames_of_one_count(tmp_path: Path, count: int, cause: str) -> None:
    save(tmp_path / "0.png", np.full(SIZE[::-1], count))
    assert cause in refused(tmp_path)


# ---- intrinsics of other images ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "camera", "fits"),
    [
        ((848, 480), (915.0, 915.0, 640.0, 360.0), "1280x720"),
        ((480, 640), (600.0, 600.0, 319.5, 239.5), "640x480 pixels: these images seem turned"),
        ((640, 480), (305.0, 305.0, 160.0, 120.0), "320x240"),
        ((640, 480), (610.0, 610.0, 424.0, 240.0), "848x480"),
        ((848, 480), (600.0, 600.0, 320.0, 240.0), "640x480"),
        ((480, 270), (305.0, 305.0, 212.0, 120.0), "424x240"),
        ((848, 480), (690.0, 690.0, 480.0, 270.0), "960x540"),
        ((640, 400), (450.0, 450.0, 320.0, 240.0), "640x480"),
        ((600, 440), (600.0, 600.0, 320.0, 240.0), "640x480"),
        ((1280, 720), (900.0, 900.0, 640.0, 400.0), "1280x800"),
        ((424, 512), (365.0, 365.0, 256.0, 212.0), "512x424 pixels: these images seem turned"),
        ((200, 160), (600.0, 600.0, 30.0, 140.0), "near the middle"),
        ((640, 480), (600.0, 720.0, 319.5, 239.5), "square pixels"),
        ((640, 480), (319.5, 239.5, 319.5, 239.5), "square pixels"),
    ],
)
def test_intrinsics_of_another_image_are_refused(
    size: tuple[int, int], camera: tuple[float, ...], fits: str
) -> None:
    assert fits in misfit(CameraIntrinsics(*size, *camera))


@pytest.mark.parametrize(
    ("size", "camera"),
    [
        ((640, 480), (476.007, 476.007, 313.683, 242.755)),  # RealSense SR305
        ((848, 480), (421.4, 421.4, 423.1, 238.6)),  # RealSense D435
        ((1280, 720), (634.9, 634.9, 642.6, 353.6)),
        ((512, 424), (365.5, 365.5, 254.9, 205.4)),  # Kinect v2
        ((640, 576), (504.0, 504.1, 321.4, 335.1)),  # Azure Kinect, narrow: 58 % of the height
        ((320, 288), (252.0, 252.0, 160.5, 167.8)),
        ((1024, 1024), (502.9, 502.9, 514.9, 512.5)),
        ((640, 480), (575.8, 575.8, 319.5, 239.5)),  # Kinect v1
        ((320, 240), (298.57, 298.57, 159.23, 119.10)),  # TrueDepth
        ((480, 640), (600.0, 600.0, 239.5, 319.5)),  # an upright camera
        ((256, 192), (212.0, 212.0, 128.3, 95.7)),
        ((1944, 1200), (1780.0, 1780.0, 972.0, 600.0)),
    ],
)
def test_intrinsics_of_real_cameras_are_not(size: tuple[int, int], camera: tuple[float, ...]) -> None:
    assert misfit(CameraIntrinsics(*size, *camera)) == ""


def test_a_part_cut_out_of_an_image_is_said_to_be_one(tmp_path: Path) -> None:
    whole = (300.0, 300.0, 159.5, 119.5)
    save(tmp_path / "0.png", skin(camera=whole)[20:, 60:])
    cut = (300.0, 300.0, 99.5, 99.5)
    assert "38 % of the width" in refused(tmp_path, cut) and "width,height" in refused(tmp_path, cut)
    assert read(tmp_path, (*cut, 260, 220)).frames[0].intrinsics.cx == 99.5
    assert "of images of 320x240 pixels, 0.png has 260x220" in refused(tmp_path, (*cut, 320, 240))


@pytest.mark.parametrize("change", [(0, 1.1), (1, 1.1), (0, 0.97), (2, 1.05), (3, 0.95)])
def test_given_numbers_must_be_those_of_the_file(tmp_path: Path, change: tuple[int, float]) -> None:
    k = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
    np.savez(tmp_path / "0.npz", depth=skin().astype(np.uint16), K=k)
    given = list(CAMERA)
    given[change[0]] *= change[1]
    assert "contradict K" in refused(tmp_path, tuple(given))
    assert read(tmp_path, (300.4, 300.2, 159.2, 119.9)).frames[0].intrinsics.fx == 300.4


def test_files_of_two_cameras(tmp_path: Path) -> None:
    for k, f in enumerate((300.0, 330.0)):
        matrix = np.array([[f, 0, 159.5], [0, f, 119.5], [0, 0, 1]])
        np.savez(tmp_path / f"{k}.npz", depth=skin().astype(np.uint16), K=matrix)
    assert "frames of two cameras" in refused(tmp_path, None)


def test_frames_of_mixed_size(tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path / f"{k}.png", skin() + k * (skin() > 0))
    save(tmp_path / "3.png", skin((328, 244), (300.0, 300.0, 163.5, 121.5)))
    text = refused(tmp_path)
    assert "mixed size: 3 of 320x240 pixels (0), 1 of 328x244 pixels (3)" in text


# ---- what lies beside, what repeats, what is no surface -----------------------------------------------


def test_pictures_beside_the_depth_frames_are_left_out_aloud(tmp_path: Path) -> None:
    save(tmp_path / "depth_0.png", skin())
    for k in range(4):
        Image.new("RGB", SIZE, (200, 150, 120)).save(tmp_path / f"color_{k}.png")
    Image.new("L", SIZE, 7).save(tmp_path / "mask_0.png")
    noise = np.random.default_rng(0).integers(0, 60000, SIZE[::-1])
    save(tmp_path / "ir_0.png", noise)
    (tmp_path / "._depth_0.png").write_bytes(b"left by another system")
    recording = read(tmp_path)
    assert [frame.name for frame in recording.frames] == ["depth_0"]
    assert recording.notes[:2] == (
        "5 files beside the depth frames are left out, no depth images:"
        " color_0.png, color_1.png, color_2.png, ...",
        "1 files beside the depth frames are left out, not called depth: ir_0.png",
    )
    assert look_at_recording(tmp_path, CAMERA, UNIT) == recording.notes


def test_two_kinds_and_folders_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "depth").mkdir()
    (tmp_path / "rgb").mkdir()
    assert "it holds the folders depth, rgb" in refused(tmp_path)
    save(tmp_path / "0.png", skin())
    np.savez(tmp_path / "0.npz", depth=skin().astype(np.uint16))
    assert "several kinds: .npz, .png" in refused(tmp_path)


def test_repeated_and_empty_frames_are_counted_once_aloud(tmp_path: Path) -> None:
    for k in range(4):
        save(tmp_path / f"{k}.png", skin())
    save(tmp_path / "4.png", np.zeros(SIZE[::-1]))
    recording = read(tmp_path)
    assert len(recording.frames) == 1
    assert recording.notes == (
        "1 of 5 frames hold no depth and are left out",
        "3 of 4 frames repeat another and are left out",
    )
    assert "merged" not in patient_from_depth(tmp_path, CAMERA, UNIT).name


def test_three_hundred_frames_are_thinned_aloud(tmp_path: Path) -> None:
    for k in range(300):
        counts = np.zeros((16, 16))
        counts[:] = 3500 + np.arange(256).reshape(16, 16) % 40 + k
        save(tmp_path / f"{k}.png", counts)
    assert (
        "200 of 300 frames are read, evenly spread over the recording"
        in read(tmp_path, (20, 20, 7.5, 7.5)).notes
    )


@pytest.mark.parametrize("nothing", [0, 12000])
def test_swapped_bytes_are_called_so(tmp_path: Path, nothing: int) -> None:
    Image.fromarray(np.rint(skin(nothing=nothing)).astype(np.uint16).byteswap()).save(tmp_path / "0.png")
    for unit in (UNIT, 1e-3, 1e-5):
        text = refused(tmp_path, unit=unit)
        assert "swap the bytes" in text and "a unit of" not in text


def test_noise_and_pictures_get_no_hint_of_a_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = np.clip(np.cumsum(rng.normal(0.0, 900.0, SIZE[::-1]), axis=1) + 30000.0, 300, 60000)
    for counts in (rng.integers(1, 65535, SIZE[::-1]), rng.integers(3000, 4000, SIZE[::-1]), picture):
        save(tmp_path / "0.png", counts)
        text = refused(tmp_path, unit=1e-3)
        assert "0 looks like noise" in text and "a unit of" not in text


def test_one_frame_of_noise_among_good_ones(tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path / f"{k}.png", skin() + k * (skin() > 0))
    save(tmp_path / "3.png", np.random.default_rng(0).integers(1, 65535, SIZE[::-1]))
    assert "1 of 4 frames (3) look like noise" in refused(tmp_path)


def test_smoothness_of_surfaces_and_noise() -> None:
    counts = np.rint(skin()).astype(np.uint16)
    assert smoothness(counts) > 0.95 and smoothness(counts.byteswap()) < 0.4
    assert smoothness(np.rint(counts / 100).astype(np.uint16)) > 0.95, "centimetres: steps of one count"
    assert smoothness(np.full((20, 20), 7, np.uint16)) == 1.0


def test_a_frame_of_another_unit_among_them(tmp_path: Path) -> None:
    for k in range(3):
        save(tmp_path / f"{k}.png", skin() + k * (skin() > 0))
    save(tmp_path / "3.png", skin() / 10)
    assert "1 of 4 frames are of another kind or unit: 3 lies at 0.03" in refused(tmp_path)


@pytest.mark.parametrize(
    ("unit", "cause"),
    [
        (1e-3, "lies 3.6"),
        (1.0, "0.0001 m would give 0.3"),
        (1e-5, "0.0001 m would give 0.3"),
        (1e-6, "0.0001 m would give 0.3"),
    ],
)
def test_a_wrong_unit(tmp_path: Path, unit: float, cause: str) -> None:
    save(tmp_path / "0.png", skin())
    assert cause in refused(tmp_path, unit=unit)


def test_centimetres_are_too_coarse(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", depth=np.where(skin() > 0, np.rint(skin() / 100) + 300, 0).astype(np.uint16))
    assert "one count is 10 mm, too coarse" in refused(tmp_path, unit=0.01)


# ---- files that are broken, hostile or something else ---------------------------------------------------


def truncated_png(folder: Path) -> None:
    save(folder / "0.png", skin())
    (folder / "0.png").write_bytes((folder / "0.png").read_bytes()[:5000])


def grey_in_16_bits(folder: Path) -> None:
    save(folder / "0.png", np.clip(skin() / 20, 0, 255))


def eight_bit_array(folder: Path) -> None:
    np.savez(folder / "0.npz", depth=(skin() / 20).astype(np.uint8))


def colours_as_array(folder: Path) -> None:
    np.save(folder / "0.npy", np.zeros((240, 320, 3), np.uint16))


def objects(folder: Path) -> None:
    np.savez(folder / "0.npz", depth=np.array([{}] * 400, object).reshape(20, 20))


def complex_numbers(folder: Path) -> None:
    np.save(folder / "0.npy", skin().astype(complex))


def bomb_npz(folder: Path) -> None:
    header = {"descr": "<u2", "fortran_order": False, "shape": (10500, 10000)}
    with (
        zipfile.ZipFile(folder / "0.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("depth.npy", "w", force_zip64=True) as stream,
    ):
        np.lib.format.write_array_header_1_0(stream, header)
        for _ in range(105):
            stream.write(b"\0" * 2_000_000)


def bomb_png(folder: Path) -> None:
    """A header that claims 1.8 GB."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 16, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    (folder / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT\0\0\0\0")


def large_png(folder: Path) -> None:
    Image.new("I;16", (5000, 4000)).save(folder / "0.png")


def pages(folder: Path) -> None:
    images = [Image.fromarray(np.rint(skin()).astype(np.uint16)) for _ in range(3)]
    images[0].save(folder / "0.tif", save_all=True, append_images=images[1:])


def packed_colours(folder: Path) -> None:
    counts = np.rint(skin()).astype(np.uint16)
    Image.fromarray(np.stack([counts >> 8, counts & 255, 0 * counts], -1).astype(np.uint8)).save(
        folder / "0.png"
    )


def jpeg(folder: Path) -> None:
    Image.new("L", SIZE, 9).save(folder / "0.jpg")


def exr(folder: Path) -> None:
    (folder / "0.exr").write_bytes(b"v/1\x01")


def matrix_of_words(folder: Path) -> None:
    np.savez(folder / "0.npz", depth=skin().astype(np.uint16), K=np.array(["a"] * 9))


@pytest.mark.parametrize(
    ("setup", "cause"),
    [
        (truncated_png, "cannot be read as PNG"),
        (grey_in_16_bits, "8-bit picture kept in a wider file"),
        (eight_bit_array, "8-bit counts"),
        (colours_as_array, "not one depth image"),
        (objects, "Python objects"),
        (complex_numbers, "no numbers"),
        (bomb_npz, "would unpack to 210 MB; 200 MB are the most"),
        (bomb_png, "more than the 16777216 pixels"),
        (large_png, "5000x4000 pixels, more than the 16777216"),
        (pages, "holds 3 images"),
        (packed_colours, "8-bit picture"),
        (jpeg, "JPEG has lost the distances"),
        (exr, "32-bit TIFF or NPY"),
        (matrix_of_words, "no camera matrix"),
    ],
)
def test_what_is_no_depth_frame(tmp_path: Path, setup: Callable[[Path], None], cause: str) -> None:
    setup(tmp_path)
    assert cause in refused(tmp_path)


def test_byte_orders_that_the_file_states(tmp_path: Path) -> None:
    counts = np.rint(skin()).astype(np.uint16)
    np.save(tmp_path / "0.npy", counts.astype(">u2"))
    assert np.array_equal(read(tmp_path).frames[0].counts, counts)
    (tmp_path / "0.npy").unlink()
    header = f"P5\n{SIZE[0]} {SIZE[1]}\n65535\n".encode()
    (tmp_path / "0.pgm").write_bytes(header + counts.astype(">u2").tobytes())
    assert np.array_equal(read(tmp_path).frames[0].counts, counts)
