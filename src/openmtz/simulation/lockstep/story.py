"""What a lockstep run's log tells of monitor and procedure: changes, each once."""

from __future__ import annotations

from openmtz.procedure import ProcedureStatus
from openmtz.safety import Outputs
from openmtz.simulation.lockstep.log import EventLog


class Story:
    """Writes to a log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._shown: tuple[str, ...] = ()
        self._said: tuple[str, ...] = ()

    def tell_outputs(self, outputs: Outputs, now: float) -> None:
        """Note changes of state, what was said, and why permits are withheld while it fires."""
        for event in outputs.events:
            if event.kind == "state":
                self._log.add(now, "safety", outputs.state.name, cause=event.code, text=event.text)
            elif event.kind != "permit":
                self._log.add(now, event.kind, event.code, text=event.text)
        withheld = outputs.withheld if outputs.state.name == "FIRING" else ()
        if withheld != self._said:
            self._said = withheld
            self._log.add(now, "withheld", ", ".join(withheld))

    def tell_status(self, status: ProcedureStatus, now: float) -> None:
        """Note each new stage and state of the procedure."""
        key = (status.stage, status.state)
        if key != self._shown:
            if not self._shown or self._shown[0] != status.stage:
                self._log.add(now, "stage", status.stage)
            self._shown = key
            self._log.add(now, "procedure", status.state, detail=status.detail)
