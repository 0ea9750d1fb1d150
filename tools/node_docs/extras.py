"""What only some pages show: JSON requests, faults, lines."""

from __future__ import annotations

import json

from node_docs.markdown import table
from node_docs.models import model_rows


def _planner_extras() -> list[str]:
    from openmtz.hooks.types import PatientFacts
    from openmtz.planning.request import Overrides, PlanRequest, RegionRequest

    parts = [
        "### `request_json`",
        "A JSON object; unknown fields are refused. Empty text asks for nothing in particular.",
    ]
    models = {"the object": PlanRequest, "`facts`": PatientFacts, "`region`": RegionRequest}
    for title, model in (models | {"`overrides`": Overrides}).items():
        parts += [f"Fields of {title}:", table(("Field", "Type", "Limits", "Default"), model_rows(model))]
    return parts


def _simulation_extras() -> list[str]:
    from openmtz.simulation.patient.request import DepthRequest, MeshRequest, PhantomRequest
    from openmtz.simulation.scan_head_device.wires import HEAD_LINES, LINES

    parts = [
        "### `patient_json`",
        "A JSON object; `kind` says which of the three. Unknown fields are refused.",
    ]
    for title, model in (("phantom", PhantomRequest), ("mesh", MeshRequest), ("depth", DepthRequest)):
        text = " ".join((model.__doc__ or "").split())
        parts += [f"**{title}**: {text}", table(("Field", "Type", "Limits", "Default"), model_rows(model))]
    parts += [
        "### Faults (`simulation/inject_fault`)",
        *_fault_tables(),
        "### Lines (`simulation/set_interlock`)",
        table(
            ("Line", "Wired to the scan head as well"),
            [(f"`{line}`", "yes" if line in HEAD_LINES else "no") for line in LINES],
        ),
    ]
    return parts


def _fault_tables() -> list[str]:
    """Return the faults the world of the graph carries out, and those it refuses with the reason."""
    from openmtz.simulation.faults import ACTS, ALL_FAULTS, GRAPH, why_not

    refused = {name: why_not(GRAPH, ACTS[name].uses) for name in ALL_FAULTS}
    rows = []
    for name, fault in ALL_FAULTS.items():
        if not refused[name]:
            given = ", ".join(
                [
                    *(f"`{k}`" for k in fault.free),
                    *(f"`{k}` ({json.dumps(v)})" for k, v in fault.parameters.items()),
                ]
            )
            rows.append((f"`{name}`", fault.part, fault.what + (f": {given}" if given else "")))
    return [
        table(("Fault", "Of", "What it does; parameters with their defaults"), rows),
        "Refused, with the reason, because the part does not belong to this node (in lockstep all of them can"
        " be played):",
        table(("Fault", "Why not here"), ((f"`{name}`", why) for name, why in refused.items() if why)),
    ]


EXTRAS = {"mtz_planner": _planner_extras, "simulation": _simulation_extras}
