"""The body of a PLY file -> columns of each element; lists of any length, in ASCII or either byte order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openmtz.surfaces.errors import BrokenFileError
from openmtz.surfaces.formats.ply_header import Element, Header
from openmtz.surfaces.formats.text_numbers import parse_numbers

Values = NDArray[np.generic]


class Lists(NamedTuple):
    """`counts` `(R,)` length of each row's list, `values` `(sum(counts),)` one after the other."""

    counts: NDArray[np.int64]
    values: Values


Columns = dict[str, "Values | Lists"]


def read_body(data: bytes, header: Header) -> dict[str, Columns]:
    """Return the columns of every element by name; of elements of one name the last.

    Raises:
        BrokenFileError: cut off, or more or fewer numbers than the head states.
    """
    if not header.order:
        return _ascii(parse_numbers(data[header.body :]), header)
    result = {}
    at = header.body
    for element in header.elements:
        result[element.name], at = _binary(data, at, element, header.order)
    return result


def _cut_off(element: Element) -> BrokenFileError:
    return BrokenFileError(f"it ends within its {element.rows} rows of {element.name}")


def _ascii(numbers: NDArray[np.float64], header: Header) -> dict[str, Columns]:
    result: dict[str, Columns] = {}
    at = 0
    for element in header.elements:
        width = len(element.properties)
        lists = [k for k, p in enumerate(element.properties) if p.length]
        if not lists:
            block = numbers[at : at + element.rows * width]
            if len(block) < element.rows * width:
                raise _cut_off(element)
            table = block.reshape(element.rows, width)
            result[element.name] = {p.name: table[:, k] for k, p in enumerate(element.properties)}
            at += element.rows * width
            continue
        result[element.name], at = _ascii_lists(numbers, at, element)
    if at != len(numbers):
        raise BrokenFileError(f"its body holds {len(numbers)} numbers, {at} are stated in its head")
    return result


def _ascii_lists(numbers: NDArray[np.float64], at: int, element: Element) -> tuple[Columns, int]:
    starts = {p.name: np.empty(element.rows, np.int64) for p in element.properties}
    counts = {p.name: np.ones(element.rows, np.int64) for p in element.properties}
    for row in range(element.rows):
        for p in element.properties:
            if p.length:
                if at >= len(numbers) or not 0 <= numbers[at] < len(numbers):
                    raise _cut_off(element)
                counts[p.name][row] = int(numbers[at])
                at += 1
            starts[p.name][row] = at
            at += int(counts[p.name][row])
    if at > len(numbers):
        raise _cut_off(element)
    return {
        p.name: Lists(counts[p.name], numbers[_slots(starts[p.name], counts[p.name])])
        if p.length
        else numbers[starts[p.name]]
        for p in element.properties
    }, at


def _binary(data: bytes, at: int, element: Element, order: str) -> tuple[Columns, int]:
    lengths = _first_lengths(data, at, element, order)
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for k, p in enumerate(element.properties):
        if p.length:
            fields.append((f"n{k}", order + p.length))
            fields.append((f"v{k}", order + p.code, (lengths[k],)))
        else:
            fields.append((f"v{k}", order + p.code))
    row = np.dtype(fields)
    if at + row.itemsize * element.rows <= len(data):
        table = np.frombuffer(data, row, element.rows, at)
        if all((table[f"n{k}"] == n).all() for k, n in lengths.items()):
            columns: Columns = {}
            for k, p in enumerate(element.properties):
                values = table[f"v{k}"]
                columns[p.name] = (
                    Lists(np.full(element.rows, lengths[k]), values.reshape(-1)) if p.length else values
                )
            return columns, at + row.itemsize * element.rows
    elif not lengths:
        raise _cut_off(element)
    return _binary_rows(data, at, element, order)


def _first_lengths(data: bytes, at: int, element: Element, order: str) -> dict[int, int]:
    """Return the length of each list of the first row: in most files that of all rows."""
    lengths = {}
    for k, p in enumerate(element.properties):
        if p.length:
            found = int(_one(data, at, order + p.length, element)) if element.rows else 0
            if not 0 <= found <= len(data):
                raise _cut_off(element)
            lengths[k] = found
            at += np.dtype(p.length).itemsize + found * np.dtype(p.code).itemsize
        else:
            at += np.dtype(p.code).itemsize
    return lengths


def _one(data: bytes, at: int, code: str, element: Element) -> int:
    if at + np.dtype(code).itemsize > len(data):
        raise _cut_off(element)
    return int(np.frombuffer(data, code, 1, at)[0])


def _binary_rows(data: bytes, at: int, element: Element, order: str) -> tuple[Columns, int]:
    """Walk rows whose lists differ in length."""
    little = "little" if order == "<" else "big"
    starts = {p.name: np.empty(element.rows, np.int64) for p in element.properties}
    counts = {p.name: np.ones(element.rows, np.int64) for p in element.properties}
    plan = [
        (p.name, np.dtype(p.length).itemsize if p.length else 0, (p.length or "u")[0] == "i",
         np.dtype(p.code).itemsize)
        for p in element.properties
    ]  # fmt: skip
    for row in range(element.rows):
        for name, head, signed, size in plan:
            count = 1
            if head:
                count = int.from_bytes(data[at : at + head], little, signed=signed)  # type: ignore[arg-type]
                at += head
                counts[name][row] = count
            starts[name][row] = at
            at += count * size
            if count < 0 or at > len(data):
                raise _cut_off(element)
    raw = np.frombuffer(data, np.uint8)
    columns: Columns = {}
    for p in element.properties:
        size = np.dtype(p.code).itemsize
        at_bytes = _slots(starts[p.name], counts[p.name], size)
        values = raw[at_bytes[:, None] + np.arange(size)].reshape(-1).view(order + p.code)
        columns[p.name] = Lists(counts[p.name], values) if p.length else values
    return columns, at


def _slots(starts: NDArray[np.int64], counts: NDArray[np.int64], size: int = 1) -> NDArray[np.int64]:
    """Return where each value of lists that begin at `starts` stands, `size` apart."""
    total = int(counts.sum())
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + (np.arange(total) - first) * size
