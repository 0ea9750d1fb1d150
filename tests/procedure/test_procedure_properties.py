"""Whatever happens in whatever order: `Fire` only with approval, token and arrival; stops are final."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings, strategies as st
from procedure_driver import GROUPS as WITHOUT_WAITS, SHA

from openmtz.procedure import (
    STATES as STATES_OF_THE_TABLE,
    Procedure,
    ProcedureConfig,
    commands as cmd,
    events as ev,
)

GROUPS = tuple(replace(g, wait_s=w) for g, w in zip(WITHOUT_WAITS, (0.0, 2.0, 0.3), strict=True))

TICKETED = (
    ev.CaptureStarted, ev.TokenGranted, ev.Arrived, ev.TokenRefused, ev.MoveFailed, ev.CaptureFailed,
    ev.CaptureDone, ev.PlanReady, ev.PlanFailed, ev.FramesFused, ev.FireProgress, ev.GroupFired,
    ev.FireInterrupted, ev.Verified,
)  # fmt: skip


def make(kind: type[ev.Event], ticket: int, number: int) -> ev.Event:
    """An event of a kind; `number` fills its spot index or count."""
    values = {
        "ticket": ticket, "total": number, "surface_id": "s", "reason": "r", "plan_sha256": SHA,
        "groups": GROUPS, "next_spot": number, "ok": number % 2 == 0,
    }  # fmt: skip
    names = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return kind(**{k: v for k, v in values.items() if k in names})


def walk_of(seed: int) -> list[tuple[str, int, int]]:
    """A random walk that answers well most of the time, so that it gets far into the treatment."""
    rng = Random(seed)
    wild = rng.choice([0.5, 2.0, 6.0])
    weights = {
        "good": 10,
        "up": 5,
        "answer": wild,
        "stray": wild,
        "safety": wild,
        "tick": wild,
        "misc": 0.1 * wild,
    }
    walk = []
    for name in rng.choices(list(weights), list(weights.values()), k=rng.randrange(20, 200)):
        choice = {"answer": 3, "stray": len(TICKETED), "safety": 7, "tick": 100, "misc": 12}.get(name, 1)
        walk.append((name, rng.randrange(choice), 320 if name == "good" else rng.randrange(321)))
    return walk


STATES = ("OFF", "STANDBY", "ARMING", "READY", "FIRING", "HOLD", "FAULT")
GOOD = {
    cmd.StartCapture: ev.CaptureStarted, cmd.MoveTo: ev.Arrived, cmd.RequestPlan: ev.PlanReady,
    cmd.RequestToken: ev.TokenGranted, cmd.Fire: ev.GroupFired, cmd.Verify: ev.Verified,
    cmd.FinishCapture: ev.CaptureDone,
}  # fmt: skip
BAD = {cmd.MoveTo: ev.MoveFailed, cmd.RequestToken: ev.TokenRefused, cmd.Fire: ev.FireInterrupted}


class Oracle:
    """Knows on its own, from events given and commands seen, whether firing may be asked for."""

    def __init__(self) -> None:
        self.approved = False
        self.token = ""
        self.emission_for: tuple[int, int] | None = None
        self.at: tuple[str, int] | None = None
        self.requests: dict[int, cmd.Command] = {}
        self.pending_emission: tuple[int, int] | None = None
        self.fired_to = 0
        self.ended_at = -1e9
        self.moving = False
        self.firing: int | None = None
        self.asked: cmd.Command | None = None
        self.move: cmd.Command | None = None

    def event(self, event: ev.Event, waiting_approval: bool, now: float) -> None:
        command = self.requests.get(getattr(event, "ticket", -1))
        if isinstance(event, ev.Approved) and waiting_approval and event.plan_sha256 == SHA:
            self.approved = True
        if isinstance(event, ev.ApprovalEnded):
            self.approved = False
        live = command is not None and command in (self.asked, self.move)
        if isinstance(event, ev.TokenGranted) and isinstance(command, cmd.RequestToken) and live:
            self.token = command.token
            self.emission_for = (command.station, command.pass_index)
        if isinstance(event, ev.Arrived) and isinstance(command, cmd.MoveTo) and live:
            self.at, self.moving = (command.target, command.index), False
        if isinstance(command, cmd.Fire) and command.ticket == self.firing:
            if isinstance(event, ev.FireProgress | ev.GroupFired | ev.FireInterrupted):
                key = (command.station, command.pass_index)
                end = next(g.end for g in GROUPS if (g.station, g.pass_index) == key)
                self.fired_to = max(self.fired_to, min(event.next_spot, end))
            if isinstance(event, ev.GroupFired | ev.FireInterrupted):
                self.firing = None
                if self.fired_to == end:
                    self.ended_at = now

    def command(self, command: cmd.Command, now: float) -> None:
        if hasattr(command, "ticket"):
            self.requests.setdefault(command.ticket, command)  # FinishCapture has the capture's
        if isinstance(command, cmd.RequestToken):
            self.asked = command
        if isinstance(command, cmd.ReturnToken):
            self.token, self.asked = "", None
        if isinstance(command, cmd.StopArm):
            self.at, self.moving, self.move = None, False, None
        if isinstance(command, cmd.CancelCapture):
            self.firing = None  # part of a stop: its answer is not waited for
        if isinstance(command, cmd.MoveTo):
            assert self.token == "motion", "a move without the motion token"
            self.at, self.moving, self.move = None, True, command
        if isinstance(command, cmd.Fire):
            assert self.approved, "Fire without an approved plan"
            assert self.token == "emission", "Fire without the emission token"
            assert self.emission_for == (command.station, command.pass_index)
            assert self.at == ("station", command.station), "Fire away from the station"
            assert not self.moving
            group = next(g for g in GROUPS if (g.station, g.pass_index) == self.emission_for)
            assert group.first <= command.first < group.end
            assert command.first >= self.fired_to, "a spot asked for twice"
            assert self.firing is None, "two firing actions at once"
            assert now - self.ended_at >= group.wait_s, "Fire before the skin has rested"
            self.firing = command.ticket
        if isinstance(command, cmd.StartCapture):
            self.fired_to, self.approved, self.ended_at = 0, False, -1e9


class Walker:
    """A procedure under watch: every event passes the oracle, every command is checked by it."""

    def __init__(self) -> None:
        self.procedure = Procedure(ProcedureConfig(views=1, views_min=1, frames_per_view=1))
        self.oracle = Oracle()
        self.now = 0.0
        self.asked: list[cmd.Command] = []
        self.reached: set[str] = {self.procedure.state}

    @property
    def state(self) -> str:
        return self.procedure.state

    def give(self, event: ev.Event) -> None:
        final = self.procedure.finished
        self.oracle.event(event, self.state == "approving", self.now)
        out = self.procedure.step(event)
        self.reached.add(self.state)
        if final and not isinstance(event, ev.TreatRequested):
            assert out == [], "something after the end"
        for c in out:
            self.oracle.command(c, self.now)
            if hasattr(c, "ticket"):
                self.asked.append(c)
        if self.state == "stopped" and not final:
            assert {type(c) for c in out} >= {cmd.CancelFire, cmd.StopArm, cmd.ReturnToken}

    def begin(self) -> None:
        self.give(ev.Tick(0.0))
        self.give(ev.TreatRequested())

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.give(ev.Tick(self.now))

    def answer(self, kind: type[ev.Event] | None = None, number: int = 320) -> None:
        """Answer the last command, well unless a kind of answer is given."""
        command = self.asked[-1]
        self.give(make(kind or GOOD[type(command)], command.ticket, number))  # type: ignore[attr-defined]

    def frames(self) -> None:
        capture = next(c for c in self.oracle.requests.values() if isinstance(c, cmd.StartCapture))
        self.give(ev.FramesFused(capture.ticket, 1))

    def walk(self, steps: list[tuple[str, int, int]]) -> None:
        for name, choice, number in steps:
            self.now += 0.003  # time goes by between the ticks too
            match name:
                case "answer" | "good" if self.asked:
                    command = self.asked[-1]
                    bad = BAD.get(type(command)) if name == "answer" and choice == 2 else None
                    self.answer(bad, number)
                    if isinstance(command, cmd.MoveTo) and command.target == "view":
                        self.frames()
                case "stray":
                    self.give(make(TICKETED[choice], number % (len(self.oracle.requests) + 2), number))
                case "safety":
                    safety = STATES[choice] if choice not in (0, 6) or number % 5 == 0 else "STANDBY"
                    self.give(ev.SafetyChanged(safety))
                case "up":
                    self.give(ev.Approved(SHA))
                    firing = self.state in ("firing", "holding")
                    self.give(ev.SafetyChanged("FIRING" if firing else "READY"))
                case "tick":
                    self.wait(choice / 20)
                case "misc":
                    if choice == 0:
                        self.give(ev.CancelRequested())
                    elif choice == 1:
                        self.give(ev.ApprovalEnded())
                    elif choice < 4:
                        self.give(ev.Approved(SHA))
                    elif choice < 8:
                        self.give(ev.TreatRequested())


def fire_every_group(w: Walker) -> None:
    while w.state != "retreat_token":
        if w.state == "cooling":
            w.wait(0.5)
        else:
            w.answer()


def fire_one_group(w: Walker) -> None:
    while w.state != "cooling":
        w.answer()


def hold(w: Walker) -> None:
    w.give(ev.SafetyChanged("FIRING"))
    w.give(ev.SafetyChanged("HOLD"))


# state: the state before it, and what leads from there to it
WAYS: dict[str, tuple[str, Callable[[Walker], None]]] = {
    "capture_starting": ("idle", Walker.begin),
    "capture_token": ("capture_starting", Walker.answer),
    "capture_moving": ("capture_token", Walker.answer),
    "capture_frames": ("capture_moving", Walker.answer),
    "capture_finishing": ("capture_frames", Walker.frames),
    "planning": ("capture_finishing", Walker.answer),
    "approving": ("planning", Walker.answer),
    "ready_waiting": ("approving", lambda w: w.give(ev.Approved(SHA))),
    "station_token": ("ready_waiting", lambda w: w.give(ev.SafetyChanged("READY"))),
    "station_moving": ("station_token", Walker.answer),
    "station_emission": ("station_moving", Walker.answer),
    "firing": ("station_emission", Walker.answer),
    "cooling": ("firing", fire_one_group),
    "holding": ("firing", hold),
    "fire_ending": ("firing", lambda w: w.give(ev.SafetyChanged("STANDBY"))),
    "refiring": ("firing", lambda w: w.answer(ev.FireInterrupted, 7)),
    "retreat_token": ("firing", fire_every_group),
    "retreat_moving": ("retreat_token", Walker.answer),
    "verifying": ("retreat_moving", Walker.answer),
    "done": ("verifying", Walker.answer),
    "stopped": ("firing", lambda w: w.give(ev.CancelRequested())),
    "failed": ("verifying", lambda w: w.answer(number=1)),
}


def walker_in(state: str) -> Walker:
    """A walker led to a state by the shortest honest way."""
    if state == "idle":
        return Walker()
    before, step = WAYS[state]
    walker = walker_in(before)
    assert walker.state == before
    step(walker)
    assert walker.state == state, f"from {before}: {walker.procedure.status}"
    return walker


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.booleans())
def test_never_fire_without_approval_token_and_arrival(seed: int, begin: bool) -> None:
    walker = Walker()
    if begin:
        walker.begin()
    walker.walk(walk_of(seed))


@pytest.mark.parametrize("state", STATES_OF_THE_TABLE)
def test_nor_from_any_state_on(state: str) -> None:
    """Led to each state of the table, then let loose: no state is left to the luck of the random walks."""
    for seed in range(40):
        walker_in(state).walk(walk_of(seed))


def test_random_walks_get_everywhere_by_themselves() -> None:
    """Guards the first test against becoming empty: the same kind of walk, with seeds that are fixed."""
    reached: set[str] = set()
    for seed in range(400):
        walker = Walker()
        walker.begin()
        walker.walk(walk_of(seed))
        reached |= walker.reached
    assert set(STATES_OF_THE_TABLE) <= reached, set(STATES_OF_THE_TABLE) - reached
