"""Answers the procedure's commands as a well-behaved stack would, and keeps a log."""

from __future__ import annotations

from collections import deque

from openmtz.procedure import Group, Procedure, ProcedureConfig, commands as cmd, events as ev

SHA = "ab" * 32
GROUPS = (Group(0, 0, 0, 100), Group(0, 1, 100, 150), Group(1, 0, 150, 300))


class Driver:
    """`answer` of a command may be replaced by name to make that step fail."""

    def __init__(self, config: ProcedureConfig | None = None) -> None:
        self.procedure = Procedure(config or ProcedureConfig(views=3, views_min=2))
        self.now = 0.0
        self.safety = "STANDBY"
        self.frames = 0
        self.commands: list[cmd.Command] = []
        self.states: list[str] = []
        self.queue: deque[ev.Event] = deque()
        self.deaf: set[type[cmd.Command]] = set()
        self.capture_ticket = 0

    def send(self, *events: ev.Event) -> None:
        """Deliver events and everything that follows from them."""
        self.queue.extend(events)
        while self.queue:
            event = self.queue.popleft()
            for command in self.procedure.step(event):
                self.commands.append(command)
                if type(command) not in self.deaf:
                    self.queue.extend(self.answer(command))
            if not self.states or self.states[-1] != self.procedure.state:
                self.states.append(self.procedure.state)

    def tick(self, seconds: float = 0.2) -> None:
        self.now += seconds
        self.send(ev.Tick(self.now))

    def set_safety(self, state: str, cause: str = "test") -> None:
        self.safety = state
        self.send(ev.SafetyChanged(state, cause))

    def answer(self, command: cmd.Command) -> list[ev.Event]:
        match command:
            case cmd.StartCapture(ticket=t):
                self.capture_ticket, self.frames = t, 0
                return [ev.CaptureStarted(t)]
            case cmd.MoveTo(ticket=t, target="view"):
                answers: list[ev.Event] = [ev.Arrived(t)]
                for _ in range(self.procedure.config.frames_per_view):
                    self.frames += 1
                    answers.append(ev.FramesFused(self.capture_ticket, self.frames))
                return answers
            case cmd.MoveTo(ticket=t):
                return [ev.Arrived(t)]
            case cmd.FinishCapture(ticket=t):
                return [ev.CaptureDone(t, "surface-1")]
            case cmd.RequestPlan(ticket=t):
                return [ev.PlanReady(t, SHA, GROUPS)]
            case cmd.RequestToken(ticket=t):
                return [ev.TokenGranted(t)]
            case cmd.Fire(ticket=t, station=s, pass_index=p):
                end = next(g.end for g in GROUPS if (g.station, g.pass_index) == (s, p))
                return [ev.GroupFired(t, end)]
            case cmd.Verify(ticket=t):
                return [ev.Verified(t, True)]
        return []

    def to_approval(self) -> Driver:
        self.tick()
        self.set_safety("STANDBY")
        self.send(ev.TreatRequested())
        assert self.procedure.state == "approving", self.procedure.status
        return self

    def to_firing(self) -> Driver:
        """Up to the first `Fire`, not answered."""
        self.to_approval()
        self.deaf.add(cmd.Fire)
        self.send(ev.Approved(SHA))
        self.set_safety("READY")
        assert self.procedure.state == "firing", self.procedure.status
        return self

    def last(self, kind: type[cmd.Command]) -> cmd.Command:
        return next(c for c in reversed(self.commands) if isinstance(c, kind))

    @property
    def fire(self) -> cmd.Fire:
        command = self.last(cmd.Fire)
        assert isinstance(command, cmd.Fire)
        return command
