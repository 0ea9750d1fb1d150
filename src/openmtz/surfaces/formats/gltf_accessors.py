"""glTF accessors -> arrays: component types, strides, normalised integers, sparse substitution."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import BrokenFileError, FeatureError
from openmtz.surfaces.formats.gltf_container import Document

COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
MOST_VALUES = 200_000_000
"""More numbers in one accessor than this are not read. Engineering default."""
COMPRESSED = {
    "EXT_meshopt_compression": "meshopt compression",
    "KHR_meshopt_compression": "meshopt compression",
}


class Accessed(NamedTuple):
    """`values` `(N, width)` float64 or int64, integers normalised where the file says so; `step` between
    neighbouring values that can be stored, `stored` how they are, for the user."""

    values: NDArray[Any]
    step: float
    stored: str


def entry(document: Document, kind: str, number: Any) -> dict[str, Any]:
    """Return object `number` of the list `kind` of the document.

    Raises:
        BrokenFileError: there is none.
    """
    rows = document.json.get(kind)
    known = rows if isinstance(rows, list) else []
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(known):
        raise BrokenFileError(f"it names {kind} {number!r}, but there are {len(known)}")
    if not isinstance(known[number], dict):
        raise BrokenFileError(f"its {kind} {number} are no object")
    return known[number]


def whole(source: dict[str, Any], name: str, default: int | None = None) -> int:
    """Return a member that must be a whole number of at least 0.

    Raises:
        BrokenFileError: it is not.
    """
    value = source.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BrokenFileError(f"its {name} is {value!r}")
    return value


def read_accessor(document: Document, number: Any, kind: str) -> Accessed:
    """Return the values of accessor `number` of type `kind` (`SCALAR`, `VEC3`).

    Raises:
        BrokenFileError: of another type, out of its buffer's bounds, or unlike the extent it states.
        FeatureError: in a compressed buffer view.
    """
    accessor = entry(document, "accessors", number)
    if accessor.get("type") != kind:
        raise BrokenFileError(f"its accessor {number} is {accessor.get('type')!r} where {kind} belongs")
    code = COMPONENTS.get(whole(accessor, "componentType"))
    if code is None:
        raise BrokenFileError(f"its accessor {number} has component type {accessor['componentType']}")
    count, width = whole(accessor, "count"), WIDTHS[kind]
    if count * width > MOST_VALUES:
        raise BrokenFileError(f"its accessor {number} states {count} values")
    if "bufferView" in accessor:
        raw = _view(document, accessor, "bufferView", code, count, width).copy()
    else:
        raw = np.zeros((count, width), code)
    if "sparse" in accessor:
        _substitute(document, accessor["sparse"], raw, code, width)
    stated = _stated(accessor, raw)
    if not stated:
        raise BrokenFileError(f"the values of its accessor {number} lie outside the extent that it states")
    return _as_numbers(raw, code, accessor.get("normalized") is True)


def _view(
    document: Document, source: dict[str, Any], key: str, code: str, count: int, width: int
) -> NDArray[Any]:
    view = entry(document, "bufferViews", source.get(key))
    for extension in view.get("extensions") or {}:
        if extension in COMPRESSED:
            raise FeatureError(
                f"it uses {extension} ({COMPRESSED[extension]})", "export it without compression"
            )
    number = whole(view, "buffer")
    if number >= len(document.buffers):
        raise BrokenFileError(f"it names buffer {number}, but there are {len(document.buffers)}")
    offset = whole(view, "byteOffset", 0)
    length = whole(view, "byteLength")
    block = document.buffers[number][offset : offset + length]
    size = np.dtype(code).itemsize * width
    stride = whole(view, "byteStride", 0) or size
    start = whole(source, "byteOffset", 0)
    if stride < size or len(block) < length or (count and start + stride * (count - 1) + size > length):
        raise BrokenFileError(f"its accessor reaches beyond buffer view {source.get(key)}")
    if count == 0:
        return np.zeros((0, width), code)
    item = np.dtype(code).itemsize
    return np.ndarray((count, width), code, block, start, (stride, item))


def _substitute(document: Document, sparse: Any, raw: NDArray[Any], code: str, width: int) -> None:
    if not isinstance(sparse, dict) or not all(
        isinstance(sparse.get(k), dict) for k in ("indices", "values")
    ):
        raise BrokenFileError("one of its sparse accessors has no indices or values")
    count = whole(sparse, "count")
    index_code = COMPONENTS.get(whole(sparse["indices"], "componentType"), "")
    if index_code not in ("<u1", "<u2", "<u4") or count > len(raw):
        raise BrokenFileError("the indices of one of its sparse accessors cannot be")
    rows = _view(document, sparse["indices"], "bufferView", index_code, count, 1)[:, 0].astype(np.int64)
    if count and rows.max() >= len(raw):
        raise BrokenFileError("a sparse accessor names a value that does not exist")
    raw[rows] = _view(document, sparse["values"], "bufferView", code, count, width)


def _stated(accessor: dict[str, Any], raw: NDArray[Any]) -> bool:
    """Say whether the values keep to the `min` and `max` that the writer took of them: a second reading of
    the file by whoever wrote it. Writers round these to a few digits."""
    try:
        low = np.array(accessor["min"], np.float64)
        high = np.array(accessor["max"], np.float64)
    except (KeyError, TypeError, ValueError):
        return True
    if len(raw) == 0 or low.shape != (raw.shape[1],) or high.shape != low.shape:
        return True
    values = raw[np.isfinite(raw).all(axis=1)].astype(np.float64)
    if len(values) == 0 or not np.isfinite([low, high]).all():
        return True
    size = np.abs([low, high]).max()
    allowed = 1e-3 * max(float((high - low).max()), 1e-3 * float(size))
    return bool((values.min(axis=0) >= low - allowed).all() and (values.max(axis=0) <= high + allowed).all())


def _as_numbers(raw: NDArray[Any], code: str, normalized: bool) -> Accessed:
    kind, bits = code[1], 8 * int(code[2])
    if kind == "f":
        return Accessed(raw.astype(np.float64), 0.0, "32-bit floats")
    if not normalized:
        return Accessed(raw.astype(np.int64), 1.0, f"{bits}-bit whole numbers")
    most = 2.0 ** (bits - (kind == "i")) - 1.0
    return Accessed(
        np.maximum(raw.astype(np.float64) / most, -1.0), 1.0 / most, f"{bits}-bit normalised numbers"
    )
