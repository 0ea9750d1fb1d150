"""The timeline as lanes of bars in percent of its length, for HTML and CSS to draw at any width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openmtz.records.run_data import SAFETY_STATES, RunData, TimelineEvent

ENDS = ("done", "stopped", "failed", "idle")
KEYS = {
    "Arm": "arm moves",
    "Permits": "permits granted",
    "Laser": "spots fired",
    "Withheld": "no permit granted",
}


@dataclass(frozen=True)
class Bar:
    """From `left`, `width` wide [% of the timeline]; `style` names a CSS class."""

    left: float
    width: float
    label: str
    style: str
    title: str


@dataclass(frozen=True)
class Lane:
    name: str
    bars: list[Bar]
    thin: bool = False


@dataclass(frozen=True)
class Timeline:
    """`ticks`: (position [%], text). `marks`: (position [%], number) of the numbered `events`.

    `states`: the safety states that occur, in their order. `keys`: (text, style) of the lanes' other colours.
    `log`: every change, for a table.
    """

    length_s: float
    lanes: list[Lane]
    ticks: list[tuple[float, str]]
    marks: list[tuple[float, int]]
    events: list[TimelineEvent]
    states: list[str]
    keys: list[tuple[str, str]] = field(default_factory=list)
    log: list[TimelineEvent] = field(default_factory=list)


def build_timeline(data: RunData) -> Timeline | None:
    """Return the lanes of a run, or None if nothing is known of its course."""
    events = sorted((e for e in data.timeline if np.isfinite(e.t)), key=lambda e: e.t)
    permits = _times(data.permit_times_s, [e.t for e in events if e.kind == "permit"])
    shots = _times(data.shot_times_s, [])
    ends = [e.t for e in events] + [float(a[-1]) for a in (permits, shots) if len(a)]
    if not ends:
        return None
    start = min(0.0, events[0].t if events else 0.0)
    length = max(max(ends) - start, 1e-3)

    def bar(a: float, b: float, label: str, style: str, detail: str = "") -> Bar:
        title = f"{label}: {a:.2f} to {b:.2f} s" + (f" ({detail})" if detail else "")
        return Bar(100 * (a - start) / length, max(100 * (b - a) / length, 0.15), label, style, title)

    def spans(kind: str) -> Iterable[tuple[float, float, TimelineEvent]]:
        chosen = [e for e in events if e.kind == kind]
        ends = [e.t for e in chosen[1:]] + [start + length]
        for event, end in zip(chosen, ends[: len(chosen)], strict=True):
            yield event.t, end, event

    def lane(name: str, kind: str, style: str, thin: bool = True) -> Lane:
        chosen = [(a, b, e) for a, b, e in spans(kind) if e.name and e.name not in ENDS]
        return Lane(
            name, [bar(a, b, e.name, style.format(e.name.lower()), e.detail) for a, b, e in chosen], thin
        )

    lanes = [
        lane("Stage", "stage", "stage-{}", thin=False),
        lane("Safety", "safety", "safety-{}", thin=False),
        lane("Arm", "motion", "motion"),
        Lane("Permits", [bar(a, b, "permits granted", "permit") for a, b in _runs(permits)], True),
        Lane("Laser", [bar(a, b, "spots fired", "shots") for a, b in _runs(shots)], True),
        lane("Withheld", "withheld", "withheld"),
    ]
    notable = [e for e in events if e.kind == "event"]
    marks = [(100 * (e.t - start) / length, k) for k, e in enumerate(notable, 1)]
    log = [e for e in events if e.kind in ("stage", "safety", "event", "withheld") and e.name]
    states = [s for s in SAFETY_STATES if any(e.kind == "safety" and e.name == s for e in events)]
    shown = [lane for lane in lanes if lane.bars]
    keys = [(KEYS[lane.name], lane.bars[0].style) for lane in shown if lane.name in KEYS]
    return Timeline(length, shown, _ticks(start, length), marks, notable, states, keys, log)


def _ticks(start: float, length: float) -> list[tuple[float, str]]:
    """Return (position [%], text) from the first to the very end of the run."""
    step = next((s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800) if length / s <= 7), 3600)
    at = np.arange(np.ceil(start / step) * step, start + length - 0.45 * step, step)
    ticks = [(100 * (t - start) / length, f"{t:g} s") for t in at]
    return [*ticks, (100.0, f"{start + length:.{0 if length > 30 else 1}f} s")]


def _times(given: NDArray[np.floating] | None, others: list[float]) -> NDArray[np.float64]:
    times = np.asarray(others if given is None else given, np.float64).ravel()
    return np.sort(times[np.isfinite(times)])


def _runs(times: NDArray[np.float64], gap_s: float = 0.1) -> list[tuple[float, float]]:
    """Return first and last time of each run of times closer than `gap_s` [s] to each other."""
    if len(times) == 0:
        return []
    cut = np.flatnonzero(np.diff(times) > gap_s)
    firsts, lasts = np.concatenate([[0], cut + 1]), np.concatenate([cut, [len(times) - 1]])
    return [(float(times[a]), float(times[b])) for a, b in zip(firsts, lasts, strict=True)]
