"""docs/serial_protocol.md says what the code does: types, codes, faults on demand."""

from __future__ import annotations

import re
from pathlib import Path

from openmtz.devices import FaultCode, NakCode
from openmtz.devices.messages import FRAME_CLASSES, PROTOCOL_VERSION
from openmtz.simulation.scan_head_device.injection import FAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "serial_protocol.md").read_text(encoding="utf-8")


def test_every_message_stands_in_the_tables_with_its_type_byte() -> None:
    rows = dict(re.findall(r"^\| (0x\w\w) \| (\w+) \|", PAGE, re.MULTILINE))
    names = {f"0x{c.TYPE:02x}": c.__name__.removesuffix("Frame") for c in FRAME_CLASSES}  # type: ignore[attr-defined]
    assert rows == names and f"Version {PROTOCOL_VERSION}." in PAGE


def test_every_code_is_explained() -> None:
    codes = re.findall(r"^\| (\d) \| \w", PAGE.split("## Faults")[1], re.MULTILINE)
    assert [int(c) for c in codes] == [int(c) for c in FaultCode if c]
    naks = re.findall(
        r"\| (\d+) \| [a-z]", PAGE.split("| Nak | Meaning | | Nak | Meaning |")[1].split("##")[0]
    )
    assert sorted(map(int, naks)) == [int(c) for c in NakCode]


def test_every_fault_on_demand_is_listed() -> None:
    table = PAGE.split("| Fault | Parameters |")[1]
    assert all(re.search(rf"\b{name}\b", table) for name in FAULTS)
