"""What each interlock line carries: what was asked of it, unless faults hold it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from openmtz.safety import INTERLOCK_LINES, LINE_NAMES

LINE_OF_FAULT: dict[str, str] = {line.fault: line.name for line in INTERLOCK_LINES}
"""Fault of the catalogue -> the line that it holds open."""
CLOSED_AT_START: tuple[str, ...] = tuple(line.name for line in INTERLOCK_LINES if line.closed_at_start)
"""Lines that are closed from the first moment on: a head that hears of an open stop line latches a fault."""


class LineError(ValueError):
    """There is no such line, or the value is neither true nor false."""


class LineAnswer(Enum):
    """What became of a wish to move a line."""

    MOVED = "moved"
    HELD = "held"
    """The wish is kept, and takes effect when the faults that hold the line end."""
    REFUSED = "refused"
    """The line may not be closed now; the wish is forgotten."""


class Asked(NamedTuple):
    """The answer, and for a person what stands in the way (empty if nothing)."""

    answer: LineAnswer
    text: str = ""

    @property
    def taken(self) -> bool:
        """The wish has effect, now or when a fault ends."""
        return self.answer is not LineAnswer.REFUSED


class HeldLines:
    """The lines of a cell.

    A line carries what was asked of it last. While faults hold it open it stays open, whatever is asked,
    until the last of them ends; a wire that is stuck carries its value above all. When nothing holds the line
    any more, it takes what was asked last: what was before the faults, unless somebody asked for something
    else since. So the end of a fault presses no footswitch and attests no eyewear.

    Args:
        closed: the lines that begin closed.
        refused: lines that may not be closed at all, with the reason.
        carry: called with line and value after each change that concerns the line; `to_start` tells all.
    """

    def __init__(
        self,
        closed: Iterable[str] = CLOSED_AT_START,
        refused: Mapping[str, str] | None = None,
        carry: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._refused = dict(refused or {})
        self._carry = carry
        self._openers: dict[str, list[str]] = {}
        self._stuck: dict[str, bool] = {}
        self._misread: dict[str, bool] = {}
        self._asked = self._begin(closed)

    def to_start(self, closed: Iterable[str] = CLOSED_AT_START, kept_open: Iterable[str] = ()) -> None:
        """Ask every line for what it is at the start; what faults hold stays held.

        Args:
            kept_open: those of them that are open by somebody's hand stay open.
        """
        kept = {name for name in kept_open if not self._asked[name]}
        self._asked = self._begin(set(closed) - kept)
        for name in LINE_NAMES:
            self._tell(name)

    def _begin(self, closed: Iterable[str]) -> dict[str, bool]:
        begin = {require_line(name) for name in closed}
        return {name: name in begin and name not in self._refused for name in LINE_NAMES}

    def ask(self, name: str, value: bool) -> Asked:
        """Move a line, now or when the faults that hold it end.

        Raises:
            LineError: no such line.
        """
        require_line(name)
        if value and name in self._refused:
            return Asked(LineAnswer.REFUSED, f"{name} stays open: {self._refused[name]}")
        self._asked[name] = bool(value)
        self._tell(name)
        if name in self._stuck:
            text = f"asked for, but the line is stuck at {self._stuck[name]} (fault line_stuck)"
            return Asked(LineAnswer.HELD, text)
        if value and name in self._openers:
            by = ", ".join(self._openers[name])
            return Asked(LineAnswer.HELD, f"asked for, but held open until that ends (fault {by})")
        return Asked(LineAnswer.MOVED)

    # ---- faults ---------------------------------------------------------------------------------

    def hold_open(self, name: str, by: str) -> None:
        """A fault, by its name, holds a line open from now on; twice is as good as once.

        Raises:
            LineError: no such line.
        """
        openers = self._openers.setdefault(require_line(name), [])
        if by not in openers:
            openers.append(by)
        self._tell(name)

    def let_go(self, name: str, by: str) -> None:
        """A fault holds the line no longer; one that did not hold it changes nothing.

        Raises:
            LineError: no such line.
        """
        openers = self._openers.get(require_line(name), [])
        if by in openers:
            openers.remove(by)
            if not openers:
                del self._openers[name]
            self._tell(name)

    def switch_fault(self, fault: str, active: bool) -> None:
        """Begin or end a line fault of the catalogue (a key of `LINE_OF_FAULT`)."""
        (self.hold_open if active else self.let_go)(LINE_OF_FAULT[fault], fault)

    def stick(self, name: str, value: bool | None) -> None:
        """The wire of a line stays at a value whatever is asked; None: it is sound again.

        Raises:
            LineError: no such line.
        """
        _put(self._stuck, require_line(name), value)
        self._tell(name)

    def misread(self, name: str, value: bool | None) -> None:
        """Whoever reads the line reads a value, whatever the wire carries; None: it is read rightly again.

        Raises:
            LineError: no such line.
        """
        _put(self._misread, require_line(name), value)

    # ---- what they carry ------------------------------------------------------------------------

    def carried(self, name: str) -> bool:
        """Return what the wire of a line carries."""
        if name in self._stuck:
            return self._stuck[name]
        return self._asked[name] and name not in self._openers

    def wires(self) -> dict[str, bool]:
        """Return what the wire of every line carries."""
        return {name: self.carried(name) for name in LINE_NAMES}

    def read(self) -> dict[str, bool]:
        """Return what the reader of the lines says of them."""
        return {**self.wires(), **self._misread}

    def _tell(self, name: str) -> None:
        if self._carry is not None:
            self._carry(name, self.carried(name))


def require_line(name: object) -> str:
    """Return the name of a line.

    Raises:
        LineError: there is no such line.
    """
    if name not in LINE_NAMES:
        raise LineError(f"no line {name!r}; there are: {', '.join(LINE_NAMES)}")
    return str(name)


def _put(values: dict[str, bool], name: str, value: bool | None) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
