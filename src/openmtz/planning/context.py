"""What one plan is made from: the same context gives the same plan, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from openmtz.geometry import SkinSurface
from openmtz.hooks import PatientFacts, PluginManager
from openmtz.optics import FieldCalibration
from openmtz.plan import Finding, Severity
from openmtz.planning.errors import PlanningError
from openmtz.planning.request import Overrides
from openmtz.planning.skin import AnyRegion
from openmtz.planning.stations import Reachable

SOURCE = "planner"
Progress = Callable[[str, float], None]
"""Called with the name of a step and the fraction of the whole that is done."""


def _tell_nobody(_step: str, _fraction: float) -> None:
    """Do nothing: the default of `PlanningSetup.progress`."""


@dataclass(frozen=True, eq=False)
class PlanningSetup:
    """The machine a plan is made for, and who hears how far planning has come.

    Attributes:
        reachable: asks the arm about a world pose `(4, 4)` of `scan_head`; None: every pose can be taken.
        calibration: of the scan head's field; None: the nominal field.
        calibration_id: stands in the header where there is no `calibration`.
        progress: called before each step.
        known: what is known of the surface before planning; told with the plan.
    """

    reachable: Reachable | None = None
    calibration: FieldCalibration | None = None
    calibration_id: str = "nominal"
    progress: Progress = _tell_nobody
    known: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class PlanningContext:
    """One plan's request, checked, as every step reads it. Only `findings` grows: what the steps have to
    tell, in their order.

    Attributes:
        surface: captured skin as given, world frame; steps work on that of `ExaminedSkin`.
        indication: name of what is treated. facts: about the patient. seed: of the placement.
        manager: the plugins. region: where to treat; None: the planner chooses.
        overrides: what the operator set. setup: the machine.
    """

    surface: SkinSurface
    indication: str
    facts: PatientFacts
    seed: int
    manager: PluginManager
    region: AnyRegion | None
    overrides: Overrides
    setup: PlanningSetup
    findings: list[Finding] = field(default_factory=list)

    def begin(self, step: str, fraction: float) -> None:
        """Tell whoever listens that `step` begins and `fraction` of the whole is done."""
        self.setup.progress(step, fraction)

    def note(self, *findings: Finding) -> None:
        """Add to what is told with the plan, or with its refusal."""
        self.findings.extend(findings)

    def warn(self, code: str, text: str, fix: str, count: int = 0) -> None:
        """Note a warning of the planner itself."""
        self.note(Finding(Severity.WARNING, SOURCE, code, text, fix, count))

    def refused(self, text: str, *findings: Finding) -> PlanningError:
        """Return the error to raise, with everything found so far and `findings` last."""
        return PlanningError(text, [*self.findings, *findings])
