"""Whatever happens in whatever order: `Fire` only with approval, token and arrival; stops are final."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from procedure_driver import GROUPS, SHA

from openmtz.procedure import STATES as STATES_OF_THE_TABLE
from openmtz.procedure import Procedure, ProcedureConfig
from openmtz.procedure import commands as cmd
from openmtz.procedure import events as ev

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


reached: set[str] = set()


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
        self.moving = False
        self.firing: int | None = None
        self.asked: cmd.Command | None = None
        self.move: cmd.Command | None = None

    def event(self, event: ev.Event, waiting_approval: bool) -> None:
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

    def command(self, command: cmd.Command) -> None:
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
            self.firing = command.ticket
        if isinstance(command, cmd.StartCapture):
            self.fired_to, self.approved = 0, False


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.booleans())
def test_never_fire_without_approval_token_and_arrival(seed: int, begin: bool) -> None:
    walk = walk_of(seed)
    procedure = Procedure(ProcedureConfig(views=1, views_min=1, frames_per_view=1))
    oracle = Oracle()
    now = 0.0
    last: list[cmd.Command] = []
    safety = "STANDBY"

    def give(event: ev.Event) -> None:
        final = procedure.finished
        oracle.event(event, procedure.state == "approving")
        out = procedure.step(event)
        reached.add(procedure.state)
        if final and not isinstance(event, ev.TreatRequested):
            assert out == [], "something after the end"
        for c in out:
            oracle.command(c)
            if hasattr(c, "ticket"):
                last.append(c)
        if procedure.state in ("stopped",) and not final:
            assert {type(c) for c in out} >= {cmd.CancelFire, cmd.StopArm, cmd.ReturnToken}

    if begin:
        give(ev.Tick(0.0))
        give(ev.TreatRequested())
    for name, choice, number in walk:
        match name:
            case "answer" | "good" if last:
                command = last[-1]
                table = BAD if name == "answer" and choice == 2 and type(command) in BAD else GOOD
                give(make(table[type(command)], command.ticket, number))  # type: ignore[attr-defined]
                if isinstance(command, cmd.MoveTo) and command.target == "view":
                    capture = next(c for c in oracle.requests.values() if isinstance(c, cmd.StartCapture))
                    give(ev.FramesFused(capture.ticket, 1))
            case "stray":
                give(make(TICKETED[choice], number % (len(oracle.requests) + 2), number))
            case "safety":
                safety = STATES[choice] if choice not in (0, 6) or number % 5 == 0 else "STANDBY"
                give(ev.SafetyChanged(safety))
            case "up":
                give(ev.Approved(SHA))
                safety = "FIRING" if procedure.state in ("firing", "holding") else "READY"
                give(ev.SafetyChanged(safety))
            case "tick":
                now += choice / 20
                give(ev.Tick(now))
            case "misc":
                if choice == 0:
                    give(ev.CancelRequested())
                elif choice == 1:
                    give(ev.ApprovalEnded())
                elif choice < 4:
                    give(ev.Approved(SHA))
                elif choice < 8:
                    give(ev.TreatRequested())


def test_the_random_walks_went_everywhere() -> None:
    """Guards the test above against becoming empty; runs after it, in file order."""
    if not reached:  # another worker ran it
        return
    assert set(STATES_OF_THE_TABLE) <= reached, set(STATES_OF_THE_TABLE) - reached
