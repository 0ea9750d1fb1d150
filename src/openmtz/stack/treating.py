"""The work loop of the treatment's process: carries the procedure's commands out and tells it the answers.

Free of ROS, threads and clocks; the other processes are reached through `TreatmentClients`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np

from openmtz.plan import TreatmentPlan, summarise
from openmtz.procedure import Dispatcher, Procedure, ProcedureStatus, events, groups_of
from openmtz.records import FiredSpots
from openmtz.stack.fired_record import FiredRecord
from openmtz.stack.firing import ShotReport
from openmtz.stack.ports import TreatmentClients
from openmtz.stack.treatment_commands import REPORTS_WAIT_S, TreatmentCommands
from openmtz.stack.treatment_settings import TreatingConfig, TreatRequest

END_WAIT_S = 3.0
"""The end of a treatment waits so long for the actions it used [s]; one that does not answer is left."""
STATUS_PERIOD_S, SPOTS_PERIOD_S = 1.0, 0.1
"""The status is told when it changes, counted spots ten times a second, and once a second at least [s]."""


class Ended(NamedTuple):
    """A treatment is over, with all that it used."""

    status: ProcedureStatus
    spots_fired: int

    @property
    def success(self) -> bool:
        """Whether all was done and verified."""
        return self.status.state == "done"


class Turn(NamedTuple):
    """What a turn has to tell: the status, where it is time for it, and the end, once."""

    status: ProcedureStatus | None
    ended: Ended | None


class Treating:
    """One treatment at a time, by `Procedure`.

    Args:
        indications: names of those there are, None while that is not known: the planner tells it then.
    """

    def __init__(
        self,
        clients: TreatmentClients,
        config: TreatingConfig | None = None,
        indications: Callable[[], Collection[str] | None] = lambda: None,
    ) -> None:
        self._indications = indications
        self.config = config or TreatingConfig()
        self.clients = clients
        self.commands = TreatmentCommands(self, clients, self.config)
        self.dispatcher = Dispatcher(Procedure(self.config.procedure()), self.commands.carry_out)
        self.plan: TreatmentPlan | None = None
        """The newest plan, None where it could not be believed."""
        self.request = TreatRequest()
        """What the operator asked for."""
        self._active = False
        self._plan_wanted: tuple[int, str] | None = None
        self._seen: set[str] = set()
        self._fired = FiredRecord()
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._now = -np.inf
        self._over_since: float | None = None
        self._told: tuple[object, ...] | None = None
        self._told_at = -np.inf

    @property
    def status(self) -> ProcedureStatus:
        """Where the treatment stands."""
        return self.dispatcher.procedure.status

    def fired_of(self, plan_sha256: str) -> FiredSpots:
        """Return everything fired of a plan since this process began."""
        return self._fired.of(plan_sha256)

    # ---- what it hears --------------------------------------------------------------------------

    def hear_safety(self, state: str, detail: str, approved_plan_sha256: str) -> None:
        """Take the safety monitor's state, why it is in it, and the plan it holds approved (empty: none)."""
        self.dispatcher.safety_changed(state, detail, approved_plan_sha256)

    def hear_plan(self, plan: TreatmentPlan | None) -> None:
        """Take the newest plan; None where it cannot be believed."""
        self.plan = plan
        if plan is not None:
            self._seen.add(plan.sha256)
        self._tell_plan()

    def hear_fired(self, report: ShotReport) -> None:
        """Take a report of shots: what an earlier treatment fired of a plan counts for it too."""
        if report.plan_sha256 in self._seen:
            self._fired.add(report)

    # ---- what is asked of it --------------------------------------------------------------------

    def start(self, request: TreatRequest, now: float) -> None:
        """Begin a treatment."""
        self.request, self._active = request, True
        self._over_since = self.plan = self._plan_wanted = None
        self.step(events.Tick(now))
        known = self._indications()
        if known is None or request.indication in known:
            self.step(events.TreatRequested())
            return
        there = ", ".join(known) or "none: no plugin with an indication is installed"
        self.step(events.TreatRefused(f"unknown indication {request.indication!r}; there are: {there}"))

    def cancel(self, reason: str = "") -> None:
        """The operator stops it."""
        self.step(events.CancelRequested(reason) if reason else events.CancelRequested())

    def work(self, now: float) -> Turn:
        """Let the treatment go on; return what there is to tell."""
        self._now = now
        self.clients.work(now)
        self._act_late(now)
        self.step(events.Tick(now))
        status = self.status if self._status_due(now) else None
        ended = None
        if self._active and self.dispatcher.procedure.finished and self.all_ended(now):
            self._active = False
            fired = self.fired_of(self.status.plan_sha256)
            ended = Ended(self.status, len(np.unique(fired.index)))
        return Turn(status, ended)

    def all_ended(self, now: float) -> bool:
        """Whether arm, laser, capture and planner have ended too, so that the next treatment may begin."""
        self._over_since = now if self._over_since is None else self._over_since
        over = now - self._over_since
        # The head's last reports of shots come by another way than its answer, and a little later.
        reported = not self._fired or over >= REPORTS_WAIT_S
        return over > END_WAIT_S or (reported and not self.clients.busy)

    def _status_due(self, now: float) -> bool:
        status = self.status
        key = (status.state, status.detail, status.waiting_for, status.spots_done)
        since = now - self._told_at
        wait_s = STATUS_PERIOD_S if key == self._told else SPOTS_PERIOD_S
        if self._told is not None and key[:3] == self._told[:3] and since < wait_s:
            return False
        self._told, self._told_at = key, now
        return True

    # ---- what its commands need -----------------------------------------------------------------

    def step(self, event: events.Event) -> None:
        """Give the procedure an event."""
        self.dispatcher.step(event)

    def expect_plan(self, ticket: int, plan_sha256: str) -> None:
        """Tell the procedure of this plan as soon as it is here."""
        self._plan_wanted = (ticket, plan_sha256)
        self._tell_plan()

    def call_later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Act in the first turn after a delay [s]."""
        self._later.append((self._now + delay_s, act))

    def _act_late(self, now: float) -> None:
        due = [act for at, act in self._later if at <= now]
        self._later = [(at, act) for at, act in self._later if at > now]
        for act in due:
            act()

    def _tell_plan(self) -> None:
        """The result of planning and the plan itself come by different ways: both must be here."""
        if self._plan_wanted is None or self.plan is None:
            return
        ticket, sha = self._plan_wanted
        if self.plan.sha256 == sha:
            self._plan_wanted = None
            self.step(events.PlanReady(ticket, sha, groups_of(self.plan), f"{summarise(self.plan).text}."))
