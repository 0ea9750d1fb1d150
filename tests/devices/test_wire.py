"""The codec of the serial line: exact bytes, round trips, corruption, arbitrary splits."""

from __future__ import annotations

import itertools
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openmtz.devices import wire
from openmtz.devices.messages import (
    FRAME_CLASSES,
    DeviceState,
    Fired,
    FiredRequest,
    GateClose,
    Hello,
    HelloReply,
    Nak,
    PermitFrame,
    ResetFault,
    Select,
    SelectReply,
    ShowPlan,
    Spots,
    Status,
    StatusRequest,
    plan_bytes,
)

PLAN = bytes(range(1, 33))
u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
u64 = st.integers(0, 2**64 - 1)
plan16 = st.binary(min_size=16, max_size=16)
plan32 = st.binary(min_size=32, max_size=32)
name = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
records = st.integers(1, 32).flatmap(lambda n: st.binary(min_size=14 * n, max_size=14 * n))
frames = st.one_of(
    st.builds(Hello, u16),
    st.builds(Select, plan32, u16, u8, u32, u32),
    st.builds(Spots, u32, records),
    st.builds(PermitFrame, u32, plan16, u16, u8, u32, u32, u32, u64, u32),
    st.builds(GateClose),
    st.builds(ResetFault),
    st.builds(StatusRequest),
    st.builds(FiredRequest, u32, u32),
    st.builds(ShowPlan, st.binary(min_size=32, max_size=32)),
    st.builds(HelloReply, u16, u32, u32, u32, u32, u16, name),
    st.builds(
        Status,
        st.sampled_from(DeviceState),
        u32,
        u64,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        u32,
        u32,
        u32,
        u32,
        u32,
        u16,
        plan32.map(lambda p: p if any(p) else b""),
        name,
    ),
    st.builds(Fired, u32, st.lists(st.tuples(u64, u32), min_size=1, max_size=32).map(tuple)),
    st.builds(Nak, u8, name),
    st.builds(SelectReply, plan16, u16, u8, u32, u32, u64),
)


def framed(body: bytes) -> bytes:
    from cobs import cobs

    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (Hello(1), "01 0100"),
        (GateClose(), "05"),
        (ResetFault(), "06"),
        (StatusRequest(), "07"),
        (FiredRequest(3, 258), "08 03000000 02010000"),
        (ShowPlan(PLAN), "09" + PLAN.hex()),
        (Select(PLAN, 7, 1, 100, 300), "02" + PLAN.hex() + "0700 01 64000000 2c010000"),
        (
            Spots(5, wire.encode_records([[-1, 2]], [20_000], [800], [70_000])),
            "03 05000000 ffff 0200 204e0000 2003 70110100",
        ),
        (
            PermitFrame(9, PLAN[:16], 7, 1, 164, 0xDEADBEEF, 0x01020304, 1_000_000, 60_000),
            "04 09000000" + PLAN[:16].hex() + "0700 01 a4000000 efbeadde 04030201 40420f0000000000 60ea0000",
        ),
        (
            HelloReply(1, 5, 4096, 100_000, 200_000, 10_000, "sim"),
            "81 0100 05000000 00100000 a0860100 400d0300 1027 73696d",
        ),
        (
            Status(DeviceState.FIRING, 5, 258, True, False, True, 64, 3, 40, 9, 2, 0, PLAN, ""),
            "82 02 05000000 0201000000000000 05 40000000 03000000 28000000 09000000 02000000 0000"
            + PLAN.hex(),
        ),
        (Fired(3, ((258, 20_000),)), "83 03000000 0201000000000000 204e0000"),
        (Nak(2, "gap"), "84 02 676170"),
        (
            SelectReply(PLAN[:16], 7, 1, 100, 300, 258),
            "85" + PLAN[:16].hex() + "0700 01 64000000 2c010000 0201000000000000",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_exact_bytes_of_every_message(message: object, body: str) -> None:
    assert wire.encode(message) == framed(bytes.fromhex(body))  # type: ignore[arg-type]
    assert wire.Decoder().feed(framed(bytes.fromhex(body))) == [message]


def test_every_message_class_has_an_exact_byte_case() -> None:
    marks = test_exact_bytes_of_every_message.pytestmark[0].args[1]
    assert {type(case[0]) for case in marks} == set(FRAME_CLASSES)


def test_hello_on_the_wire_byte_by_byte() -> None:
    crc = struct.pack("<I", zlib.crc32(b"\x01\x01\x00"))
    assert b"\0" not in crc
    assert wire.encode(Hello(1)) == b"\x03\x01\x01\x05" + crc + b"\0"


@given(frames)
def test_round_trip(frame: object) -> None:
    encoded = wire.encode(frame)  # type: ignore[arg-type]
    assert encoded.count(0) == 1 and encoded.endswith(b"\0") and len(encoded) <= wire.MAX_ENCODED
    assert wire.Decoder().feed(encoded) == [frame]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 2000), max_size=10))
def test_arbitrary_splits(sent: list[object], cuts: list[int]) -> None:
    stream = b"".join(wire.encode(f) for f in sent)  # type: ignore[arg-type]
    edges = [0, *sorted(c for c in cuts if c < len(stream)), len(stream)]
    decoder = wire.Decoder()
    got = [f for a, b in itertools.pairwise(edges) for f in decoder.feed(stream[a:b])]
    assert got == sent


@given(st.lists(frames, min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_corruption_never_yields_a_wrong_frame(sent: list[object], random: object) -> None:
    stream = bytearray(b"".join(wire.encode(f) for f in sent))  # type: ignore[arg-type]
    for _ in range(random.randint(1, 6)):  # type: ignore[attr-defined]
        at = random.randrange(len(stream))  # type: ignore[attr-defined]
        action = random.randrange(3)  # type: ignore[attr-defined]
        if action == 0:
            stream[at] = random.randrange(256)  # type: ignore[attr-defined]
        elif action == 1 and len(stream) > 1:
            del stream[at]
        else:
            stream.insert(at, random.randrange(256))  # type: ignore[attr-defined]
    got = [f for f in wire.Decoder().feed(bytes(stream)) if not isinstance(f, wire.WireError)]
    remaining = iter(sent)
    assert all(any(frame == wanted for wanted in remaining) for frame in got), "a frame that was never sent"


@given(st.binary(max_size=3000), frames)
def test_resynchronises_after_garbage(garbage: bytes, frame: object) -> None:
    decoder = wire.Decoder()
    decoder.feed(garbage)
    decoder.feed(b"\0")
    assert decoder.feed(wire.encode(frame)) == [frame]  # type: ignore[arg-type]


def test_errors_are_named() -> None:
    good = wire.encode(Hello(1))
    flipped = bytes([good[0], good[1] ^ 2, *good[2:]])
    kinds = [
        event.kind
        for data in (
            flipped,
            b"\x05\x01\0",
            b"\x02\x01\0",
            framed(b"\x7f"),
            framed(b"\x01\x01"),
            b"\x01" * 700,
        )
        for event in wire.Decoder().feed(data)
        if isinstance(event, wire.WireError)
    ]
    assert kinds == ["crc", "cobs", "short", "type", "payload", "too-long"]


def test_memory_is_bounded_on_an_endless_line_without_boundary() -> None:
    decoder = wire.Decoder()
    errors = [e for _ in range(1000) for e in decoder.feed(b"\x55" * 100)]
    assert len(errors) == 1
    assert len(decoder._buffer) <= wire.MAX_ENCODED


def test_records_round_trip_and_never_wrap() -> None:
    counts = np.array([[-32768, 32767], [1, -2]])
    data = wire.encode_records(counts, [200_000, 5], [10_000, 1], [0, 2**32 - 1])
    assert len(data) == 28
    decoded = wire.decode_records(data)
    assert decoded.counts.tolist() == counts.tolist() and decoded.counts.dtype == np.int16
    assert decoded.energy_uj.tolist() == [200_000, 5]
    assert decoded.pulse_us.tolist() == [10_000, 1]
    assert decoded.not_before_us.tolist() == [0, 2**32 - 1]
    for bad in (
        ([[32768, 0]], [1], [1], [0]),
        ([[0, 0]], [-1], [1], [0]),
        ([[0, 0]], [1], [65_536], [0]),
        ([[0, 0]], [1], [1], [2**32]),
        ([[0.5, 0]], [1], [1], [0]),
        ([[0, 0]], [1, 2], [1], [0]),
    ):
        with pytest.raises(ValueError):
            wire.encode_records(*bad)
    with pytest.raises(ValueError):
        wire.decode_records(b"123")


@given(records, u32)
def test_running_digest_is_a_chain(data: bytes, before: int) -> None:
    digests = wire.running_digest(data, before)
    assert digests.dtype == np.uint32 and len(digests) == len(data) // 14
    value = before
    for i, digest in enumerate(digests):
        value = zlib.crc32(data[14 * i : 14 * i + 14], value)
        assert int(digest) == value
    half = len(digests) // 2 * 14
    if half:
        assert (
            wire.running_digest(data[half:], int(digests[half // 14 - 1])).tolist()
            == digests[half // 14 :].tolist()
        )
    assert int(wire.running_digest(data)[-1]) == zlib.crc32(data)


def test_plan_bytes() -> None:
    assert plan_bytes(PLAN.hex()) == PLAN
    for bad in ("", "zz" * 32, "00" * 16):
        with pytest.raises(ValueError):
            plan_bytes(bad)
