"""The safety monitor: inputs and a time in, state, permits and replies out. No I/O, no clock of its own."""

from __future__ import annotations

import math
from typing import NamedTuple

from openmtz.safety import approval as approvals
from openmtz.safety.acts import own_act, waiting_conditions
from openmtz.safety.approval import Approval
from openmtz.safety.arm import ArmWatch
from openmtz.safety.condition_sets import in_order
from openmtz.safety.conditions import CONDITIONS
from openmtz.safety.config import SafetyConfig
from openmtz.safety.device import DeviceWatch
from openmtz.safety.fired import FiredBook
from openmtz.safety.fired_skin import FiredSkin
from openmtz.safety.grants import AimWatch, Credit, credit_now
from openmtz.safety.inputs import Approve, Inputs, Request, RequestToken, Reset, SetReady
from openmtz.safety.lines import LineWatch
from openmtz.safety.liveness import ProgressWatch, source_conditions
from openmtz.safety.loaded import LoadedStore
from openmtz.safety.outputs import Outputs, PermitGrant, Reply, SafetyEvent
from openmtz.safety.permits import PermitBook
from openmtz.safety.requests import Answer, answer_ready, laser_refusal, reset_refusal
from openmtz.safety.states import SafetyState as S, Token
from openmtz.safety.table import cause_text, next_transition
from openmtz.safety.token import TokenHolder, motion_refusal

RESET_PENDING_S = 2.0
"""A device has this long to clear its fault after a reset was accepted [s]."""


class PermitStep(NamedTuple):
    """What a step says of permits: one to send or None, whether it is without credit, and why there is none.

    `withheld` and `refused` are those of `Outputs`.
    """

    grant: PermitGrant | None = None
    revoke: bool = False
    withheld: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class SafetyMonitor:
    """Call `step` at about 200 Hz, and at once with a request. Begins in OFF with nothing approved.

    `boot_id` is new for each run; approvals name it, so none survives a restart.
    """

    def __init__(self, config: SafetyConfig, boot_id: str, now: float) -> None:
        if not boot_id:
            raise ValueError("boot_id must not be empty: approvals name it")
        self.config, self.boot_id = config, boot_id
        self._state, self._cause, self._detail = S.OFF, "boot", "the monitor has started"
        self._entered = self._now = now
        self._lines, self._progress = LineWatch(config), ProgressWatch(config)
        self._arm, self._device = ArmWatch(config), DeviceWatch(config)
        self._loaded, self._fired = LoadedStore(), FiredBook(config, FiredSkin(config), now)
        self._permits = PermitBook(config, now)
        self._holder = TokenHolder()
        self._approval: Approval | None = None
        self._aim = AimWatch()
        self._reset_until = -math.inf
        self._events: list[SafetyEvent] = []

    @property
    def state(self) -> S:
        """The present state."""
        return self._state

    def step(self, inputs: Inputs, now: float) -> Outputs:
        """Judge the inputs at `now` [s, the monotonic clock of their receipt times] and say what to do."""
        self._events = []
        clock_ok = math.isfinite(now) and now >= self._now
        if clock_ok:
            self._now = now
        else:
            now = self._now
        self._absorb(inputs, now)
        active = self._conditions(inputs, now)
        if not clock_ok:
            active["clock-invalid"] = "the time given to this step lies before the last one"
        self._advance(active, now)
        replies: list[Reply] = []
        reset_device = False
        for request in inputs.requests:
            answer = self._answer(request, inputs, active, now)
            replies.append(answer.reply)
            reset_device |= answer.reset_device
            if answer.act:
                # What the act changes must hold for the next request in the same step.
                self._take(answer.act, answer.reply.text, now)
                if isinstance(request, Approve):
                    active.pop("approval-ended", None)
        own = self._own_act(inputs, active, now)
        if own:
            self._take(own, "", now)
        self._settle_tokens(now)
        permit = self._permit(inputs, active, now)
        account = self._fired.account(self._approval.sha256) if self._approval else None
        return Outputs(
            state=self._state,
            cause=self._cause,
            detail=self._detail,
            token=self._holder.token,
            grant=permit.grant,
            revoke=permit.revoke,
            replies=tuple(replies),
            withheld=permit.withheld,
            conditions=tuple(active.items()),
            events=tuple(self._events),
            approved_plan_sha256=self._approval.sha256 if self._approval else "",
            credit_until=account.granted_until if account else 0,
            permits_granted=self._permits.granted,
            reset_device=reset_device,
            stop_arm=self._state in (S.OFF, S.FAULT),
            refused=permit.refused,
        )

    # --- what the inputs say -------------------------------------------------------------------------

    def _absorb(self, inputs: Inputs, now: float) -> None:
        for chunk in inputs.loaded:
            self._loaded.append(chunk)
        for batch in inputs.fired:
            self._fired.shots(batch, now, inputs.plan)
        self._arm.update(inputs.arm)
        if inputs.head is not None and inputs.head.connected:
            self._fired.status(inputs.head, inputs.plan, now)
            self._permits.hear(inputs.head)

    def _conditions(self, inputs: Inputs, now: float) -> dict[str, str]:
        cfg = self.config
        found = source_conditions(inputs, cfg, now)
        found.update(self._lines.update(inputs.interlocks, now))
        found.update(self._progress.update(inputs.progress, now))
        for code, detail in self._device.update(inputs.head).items():
            found[code] = f"{found[code]}; {detail}" if code in found else detail
        found.update(self._fired.latched)
        found.update(inputs.strangers)
        found.update(self._permits.latched)
        if inputs.permit_unmade:
            found["permit-unmade"] = inputs.permit_unmade
        if not inputs.run_line_ok:
            found["run-line-down"] = "the line is low"
        if inputs.head is not None and self._permits.gate_stuck(inputs.head, now):
            found["gate-open-without-permit"] = "open in a status made after the last permit's end"
        account = self._fired.account(self._approval.sha256) if self._approval else None
        why = approvals.ended(self._approval, inputs, cfg, now) or (account.fired_before if account else "")
        if why:
            found["approval-ended"] = why
            self._end_approval(why, now)
        station = None
        if self._holder.token is Token.EMISSION and self._approval is not None:
            station = self._approval.station_poses[self._holder.station]
        found.update(self._arm.conditions(station))
        found.update(waiting_conditions(self._state, now - self._entered, self._lines.pressed, cfg))
        found.update(self._aim.conditions(now, cfg))
        return in_order(found)

    # --- states --------------------------------------------------------------------------------------

    def _advance(self, active: dict[str, str], now: float) -> None:
        row = next_transition(self._state, active)
        if row is not None:
            self._enter(row.to, row.cause, f"{cause_text(row.cause)} ({active[row.cause]})", now)

    def _take(self, act: str, detail: str, now: float) -> None:
        row = next_transition(self._state, (act,))
        if row is not None:
            self._enter(row.to, row.cause, detail or row.text, now)

    def _enter(self, state: S, cause: str, detail: str, now: float) -> None:
        before = self._state
        self._state, self._cause, self._detail, self._entered = state, cause, detail, now
        self._event(now, "state", cause, f"{before.name} -> {state.name}: {detail}")
        if state is S.HOLD or (state is S.READY and before is S.ARMING):
            self._lines.forget_press()
        if state in (S.OFF, S.FAULT):
            self._end_approval(f"ended by {state.name}", now)
        if state is S.FAULT:
            self._reset_until = -math.inf
        if state is not S.FIRING:
            self._aim.forget()

    def _end_approval(self, why: str, now: float) -> None:
        if self._approval is not None:
            self._event(now, "approval", "approval-ended", why)
            self._approval = None

    def _own_act(self, inputs: Inputs, active: dict[str, str], now: float) -> str:
        return own_act(
            self._state, active, self._holder.token, self._lines,
            lines_known=inputs.interlocks is not None,
            reset_pending=now <= self._reset_until,
            since_s=now - self._entered,
            config=self.config,
        )  # fmt: skip

    # --- requests ------------------------------------------------------------------------------------

    def _answer(self, request: Request, inputs: Inputs, active: dict[str, str], now: float) -> Answer:
        if isinstance(request, Approve):
            return Answer(self._approve(request, inputs, now))
        if isinstance(request, SetReady):
            pressed = self._lines.pressed
            return answer_ready(request, self._state, self._approval, pressed, active, self.config)
        if isinstance(request, Reset):
            return self._reset(active, now)
        return self._token(request, inputs, active, now)

    def _approve(self, request: Approve, inputs: Inputs, now: float) -> Reply:
        given, reply = approvals.judge(request, inputs, self._state, self.boot_id, self.config, now)
        if given is not None:
            refusal = self._fired.refusal(given.plan)
            given, reply = (given, reply) if refusal is None else (None, refusal)
        if given is not None:
            self._fired.skin.heat.adopt(given.plan, now)
            self._approval = given
        self._event(now, "approval", reply.code, reply.text)
        return reply

    def _reset(self, active: dict[str, str], now: float) -> Answer:
        latched = {**self._fired.latched, **self._permits.latched}
        refusal = reset_refusal(self._state, active, latched)
        if refusal is not None:
            return Answer(refusal)
        for code, detail in latched.items():
            self._event(now, "note", code, f"acknowledged by reset: {detail}")
            active.pop(code, None)
        self._fired.acknowledge()
        self._permits.acknowledge()
        if "device-fault" in active:
            self._reset_until = now + RESET_PENDING_S
            text = f"the scan head was asked to clear its fault ({active['device-fault']}); standby follows"
            return Answer(Reply(True, "device-reset-asked", text), reset_device=True)
        return Answer(Reply(True, "reset", "reset; approve and make ready anew"), "reset")

    def _token(self, request: RequestToken, inputs: Inputs, active: dict[str, str], now: float) -> Answer:
        held, wanted = self._holder.token, Token(request.token)
        if wanted is Token.NONE:
            self._give(Token.NONE, 0, 0, now)
            act = "token-returned" if held is Token.EMISSION else ""
            return Answer(Reply(True, "returned", "nobody holds the token"), act)
        same = (request.station, request.pass_index) == (self._holder.station, self._holder.pass_index)
        if held is wanted and (wanted is Token.MOTION or same):
            return Answer(Reply(True, "held", f"the {wanted.name.lower()} token is held already"))
        if held is not Token.NONE:
            text = f"the {held.name.lower()} token is out; give it back first"
            return Answer(Reply(False, "token-out", text))
        if wanted is Token.MOTION:
            fresh = "head-stale" not in active and "head-lost" not in active
            refusal = motion_refusal(self._state, inputs.head, fresh, self._permits, now)
        else:
            refusal = laser_refusal(request, self._approval, self._state, active, self._arm, self.config)
        if refusal is not None:
            return Answer(refusal)
        self._give(wanted, request.station, request.pass_index, now)
        if wanted is Token.EMISSION:
            # Records and status from before the token may be of an earlier selection of the same group.
            self._loaded.clear()
        return Answer(Reply(True, "granted", f"{wanted.name.lower()} token granted"))

    def _give(self, token: Token, station: int, pass_index: int, now: float) -> None:
        if token is not self._holder.token:
            self._event(now, "token", token.name.lower(), f"station {station}, pass {pass_index}")
        self._holder = TokenHolder(token, station, pass_index, now)

    def _settle_tokens(self, now: float) -> None:
        """A state that does not allow the token takes it away."""
        if not self._holder.allowed_in(self._state):
            self._give(Token.NONE, 0, 0, now)

    # --- permits -------------------------------------------------------------------------------------

    def _permit(self, inputs: Inputs, active: dict[str, str], now: float) -> PermitStep:
        withheld = list(active)
        refused: tuple[tuple[str, str], ...] = ()
        if self._state is not S.FIRING:
            withheld.append("not-firing")
        if self._holder.token is not Token.EMISSION:
            withheld.append("no-emission-token")
        credit: Credit | None = None
        if not withheld and self._approval is not None and inputs.head is not None and inputs.arm is not None:
            key = (self._holder.station, self._holder.pass_index)
            loaded = self._loaded.spots if inputs.head.received_at >= self._holder.since else None
            credit = credit_now(
                self._approval, key, self._fired, loaded, inputs.head, inputs.arm, self.config, now
            )
            if credit.withheld:
                withheld.append(credit.withheld)
                if credit.detail:
                    refused = ((credit.withheld, credit.detail),)
            self._aim.note(credit, now)
        if not withheld and credit is not None and inputs.head is not None and self._approval is not None:
            if not self._permits.due(now):
                return PermitStep()
            self._fired.credited(self._approval.sha256, credit.until)
            grant = self._permits.grant(
                inputs.head, self._approval.sha256, self._holder.station, self._holder.pass_index,
                credit.until, credit.digest, now,
            )  # fmt: skip
            return PermitStep(grant)
        against = self._state is not S.FIRING or any(CONDITIONS[c].revoke for c in active)
        if against and inputs.head is not None:
            revocation = self._permits.revoke(inputs.head, now)
            if revocation is not None:
                self._event(now, "permit", "revoked", ", ".join(withheld))
                return PermitStep(revocation, True, tuple(withheld), refused)
        return PermitStep(None, False, tuple(withheld), refused)

    def _event(self, now: float, kind: str, code: str, text: str) -> None:
        self._events.append(SafetyEvent(now, kind, code, text))
