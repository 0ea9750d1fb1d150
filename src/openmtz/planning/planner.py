"""From captured skin to a plan: region, assessment, prescription, spots, stations, energy, order, checks."""

from __future__ import annotations

from typing import Any

from openmtz.geometry import SkinSurface
from openmtz.hooks import PatientFacts, PluginManager, load_plugins
from openmtz.limits import check_plan
from openmtz.plan import Finding, Severity, TreatmentPlan
from openmtz.planning.assemble import assemble
from openmtz.planning.context import PlanningContext, PlanningSetup
from openmtz.planning.dose import dose_spots
from openmtz.planning.header import plan_header
from openmtz.planning.refusals import Cause
from openmtz.planning.refused_spots import account_for_refused
from openmtz.planning.request import Overrides, as_model
from openmtz.planning.result import PlanningResult, result_of
from openmtz.planning.skin import AnyRegion, examine_skin, prescribe
from openmtz.planning.spots import place
from openmtz.planning.stations import meet_spots
from openmtz.planning.untreated import account_for_untreated


def plan_treatment(
    surface: SkinSurface,
    indication: str,
    facts: PatientFacts | dict[str, Any] | None = None,
    seed: int = 0,
    manager: PluginManager | None = None,
    region: AnyRegion | None = None,
    overrides: Overrides | dict[str, Any] | None = None,
    setup: PlanningSetup | None = None,
) -> PlanningResult:
    """Plan one treatment. The same arguments give the same plan hash.

    Args:
        surface: captured skin, world frame. indication: a name the installed plugins provide.
        facts: about the patient. seed: of the placement. manager: default, all installed plugins.
        region: default, the most affected disc near the middle of the surface; also a polygon drawn on the
            skin, or all of it.
        overrides: what the operator sets, see `Overrides`. setup: the arm, the calibration, and who is told
            of progress, see `PlanningSetup`.

    Raises:
        PlanningError: refused, with findings. RequestError: facts or overrides that cannot be read.
        openmtz.hooks.UnknownIndication, openmtz.hooks.PluginError: no (working) plugin for it.
    """
    stated: PatientFacts = as_model(PatientFacts, facts, "the patient facts")
    wanted: Overrides = as_model(Overrides, overrides, "the overrides")
    plugins = manager or load_plugins()
    plugins.provider(indication)
    machine = setup or PlanningSetup()
    context = PlanningContext(surface, indication, stated, seed, plugins, region, wanted, machine)
    context.note(*machine.known)
    for failure in plugins.failures:
        fix = "repair or remove the plugin"
        context.note(Finding(Severity.WARNING, failure.name, "plugin-failed", str(failure), fix))
    return _plan(context)


def _plan(context: PlanningContext) -> PlanningResult:
    """Take the steps of planning, one after the other."""
    context.begin("assessing", 0.05)
    skin = examine_skin(context)
    context.begin("prescribing", 0.25)
    prescribed = prescribe(context, skin)
    context.begin("placing spots", 0.35)
    spots = place(skin.surface, prescribed, context.overrides, context.seed, context.findings)
    context.begin("choosing stations", 0.55)
    met = meet_spots(context, skin.surface, spots.positions, prescribed.profile)
    context.begin("correcting energy", 0.7)
    doses = dose_spots(context, prescribed, spots, met)
    refused = account_for_refused(context, prescribed, spots, met, doses)
    untreated = account_for_untreated(context, skin, prescribed, spots, doses)
    context.begin("ordering", 0.8)
    header = plan_header(context, prescribed, spots, met, doses, refused)
    header["untreated"] = untreated.to_header()
    planned = doses.planned
    plan = assemble(
        header, spots.positions[planned], met.normals[planned], doses.energy_mj[planned],
        doses.depth_um[planned], spots.pass_index[planned], met.stations.kept(planned), prescribed.profile,
    )  # fmt: skip
    context.begin("checking", 0.95)
    _check(context, plan)
    context.begin("done", 1.0)
    return result_of(context, skin, prescribed, spots, doses, untreated, plan)


def _check(context: PlanningContext, plan: TreatmentPlan) -> None:
    """Note what the plugins and the absolute limits say of the plan.

    Raises:
        PlanningError: one of them refuses it. Spots left out are no reason here: that was decided before.
    """
    context.note(*context.manager.check_plan(plan, context.facts))
    context.note(*check_plan(plan, context.setup.calibration))
    causes = {cause.value for cause in Cause}
    stop = [f for f in context.findings if f.severity == Severity.REFUSAL and f.code not in causes]
    if stop:
        raise context.refused("; ".join(f"{f.source}: {f.text}" for f in stop))
