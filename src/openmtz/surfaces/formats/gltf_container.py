"""glTF 2.0 and GLB: the JSON document and its buffers, from the file, beside it, or within it."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from openmtz.surfaces.errors import BrokenFileError, FeatureError

_JSON, _BIN = 0x4E4F534A, 0x004E4942
MOST_BUFFER_BYTES = 1_000_000_000
"""Larger buffers are not read. Engineering default, that of the file itself."""


class Document(NamedTuple):
    """`json` the parsed document, `buffers` the bytes of each buffer in their order."""

    json: dict[str, Any]
    buffers: list[bytes]


def read_document(data: bytes, path: Path) -> Document:
    """Parse a GLB or a glTF file and fetch its buffers.

    Raises:
        BrokenFileError: cut off, no JSON, a buffer missing or shorter than stated.
        FeatureError: another version, or buffers on the network.
    """
    own: bytes | None = None
    text = data
    if data[:4] == b"glTF":
        text, own = _chunks(data)
    try:
        document = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BrokenFileError(f"its JSON part is none ({error})") from None
    if not isinstance(document, dict):
        raise BrokenFileError("its JSON part is no object")
    version = str(_object(document.get("asset")).get("version", "missing"))
    if not version.startswith("2."):
        raise FeatureError(f"it is glTF of version {version}", "export it as glTF 2.0")
    buffers = [_buffer(_object(b), k, own, path) for k, b in enumerate(document.get("buffers") or [])]
    return Document(document, buffers)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON chunk and the binary one of a GLB."""
    head = np.frombuffer(data[:12].ljust(12, b"\0"), "<u4")
    if int(head[1]) != 2:
        raise BrokenFileError(f"it is a GLB of version {int(head[1])}, or garbage")
    if int(head[2]) > len(data):
        raise BrokenFileError(f"it states {int(head[2])} bytes and has {len(data)}")
    at = 12
    found: dict[int, bytes] = {}
    while at + 8 <= int(head[2]):
        size, kind = (int(v) for v in np.frombuffer(data[at : at + 8], "<u4"))
        if at + 8 + size > len(data):
            raise BrokenFileError("one of its chunks is cut off")
        found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if _JSON not in found:
        raise BrokenFileError("it has no JSON chunk")
    return found[_JSON].rstrip(b"\0 "), found.get(_BIN)


def _buffer(entry: dict[str, Any], number: int, own: bytes | None, path: Path) -> bytes:
    length, uri = entry.get("byteLength"), entry.get("uri")
    if not isinstance(length, int) or not 0 <= length <= MOST_BUFFER_BYTES:
        raise BrokenFileError(f"its buffer {number} states a length of {length!r} bytes")
    if uri is None and set(entry.get("extensions") or {}) & {
        "EXT_meshopt_compression",
        "KHR_meshopt_compression",
    }:
        return b""  # filled by decompression; whoever needs it is refused by the extension's name
    if uri is None:
        content = own if number == 0 and own is not None else None
        if content is None:
            raise BrokenFileError(f"its buffer {number} has no content")
    elif not isinstance(uri, str):
        raise BrokenFileError(f"its buffer {number} names no file")
    elif uri.startswith("data:"):
        content = _inline(uri, number)
    else:
        content = _beside(uri, path)
    if len(content) < length:
        raise BrokenFileError(f"its buffer {number} states {length} bytes and has {len(content)}")
    return content[:length]


def _inline(uri: str, number: int) -> bytes:
    head, comma, body = uri.partition(",")
    try:
        if not comma:
            raise ValueError("no comma")
        body = unquote(body)
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else body.encode("latin-1")
    except (ValueError, binascii.Error):
        raise BrokenFileError(f"the data URI of its buffer {number} cannot be decoded") from None


def _beside(uri: str, path: Path) -> bytes:
    """Return the content of a file in the folder of `path` or below it; nothing else is opened."""
    if "://" in uri:
        raise FeatureError(f"its buffer lies on the network ({uri[:60]})", "export it as one GLB file")
    folder = path.resolve().parent
    file = (folder / unquote(uri)).resolve()
    if folder != file.parent and folder not in file.parents:
        raise FeatureError(f"its buffer {uri!r} lies outside its folder", "export it as one GLB file")
    try:
        if file.stat().st_size > MOST_BUFFER_BYTES:
            raise BrokenFileError(f"its buffer {uri!r} has {file.stat().st_size} bytes", "export less of it")
        return file.read_bytes()
    except OSError:
        raise BrokenFileError(
            f"its buffer {uri!r} is not there", "keep it beside the file, or export it as one GLB file"
        ) from None
