"""What time and the footswitch do without anybody's request: acts, and waits that took too long."""

from __future__ import annotations

from openmtz.safety.condition_sets import ALWAYS_NEEDED, HOLDING, faults
from openmtz.safety.config import SafetyConfig
from openmtz.safety.lines import LineWatch
from openmtz.safety.states import SafetyState as S, Token


def own_act(
    state: S,
    active: dict[str, str],
    token: Token,
    lines: LineWatch,
    *,
    lines_known: bool,
    reset_pending: bool,
    since_s: float,
    config: SafetyConfig,
) -> str:
    """Return the act that needs no request, or empty; `since_s`: time in this state."""
    if state is S.OFF and lines_known and not (ALWAYS_NEEDED & active.keys()):
        return "stack-complete"
    if state is S.FAULT and reset_pending and not faults(active):
        return "reset"
    if state is S.ARMING and since_s >= config.ready_delay_s:
        return "delay-passed"
    if (
        state in (S.READY, S.HOLD)
        and token is Token.EMISSION
        and lines.fresh_press
        and not (HOLDING & active.keys())
    ):
        return "footswitch-pressed"
    return ""


def waiting_conditions(state: S, since_s: float, pressed: bool, config: SafetyConfig) -> dict[str, str]:
    """Return what a state does not bear (any longer): a press while arming, a wait without end."""
    if state is S.ARMING and pressed:
        return {"footswitch-in-arming": "pressed"}
    if state is S.READY and since_s > config.ready_timeout_s:
        return {"ready-timeout": f"{since_s:.0f} s"}
    if state is S.HOLD and since_s > config.hold_timeout_s:
        return {"hold-timeout": f"{since_s:.0f} s"}
    return {}
