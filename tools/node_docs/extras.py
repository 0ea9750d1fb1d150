"""What only some pages show: JSON requests, faults, lines."""

from __future__ import annotations

import ast
import json

from node_docs.markdown import table
from node_docs.models import model_rows
from node_docs.source import NODES, syntax_tree


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
    from openmtz.simulation.scan_head_device.injection import FAULTS
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
        table(("Fault", "Of", "What it does; parameters with their defaults"), _fault_rows(FAULTS)),
        "`lost_bytes`, `corrupt_bytes` and `late_bytes` also take `direction`: `both` (default), `rx` (to the"
        " device) or `tx`. Names and texts are those of `openmtz.simulation.faults`, where there is one.",
        "### Lines (`simulation/set_interlock`)",
        table(
            ("Line", "Wired to the scan head as well"),
            [(f"`{line}`", "yes" if line in HEAD_LINES else "no") for line in LINES],
        ),
    ]
    return parts


def _fault_rows(device: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return the faults the node carries out; its tables are constants, read as the node is."""
    from openmtz.simulation.faults import DEVICE_FAULT, FAULTS, LINE_OF_FAULT

    own: dict[str, str] = {}
    for node in syntax_tree(NODES / "simulated_cell" / "faults.py").body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant):
                    text = value.value if isinstance(value, ast.Constant) else ""
                    own[str(key.value)] = text if " " in str(text) else ""
    rows = [(f"`{name}`", "scan head", what) for name, what in device.items()]
    rows += [(f"`{name}`", "lines, clock", what) for name, what in own.items() if what]
    names = [n for n in DEVICE_FAULT if n not in device] + list(LINE_OF_FAULT)
    names += [n for n, what in own.items() if not what] + [n for n, f in FAULTS.items() if f.part == "camera"]
    for name in dict.fromkeys([*names, "arm_protective_stop", "arm_creeps", "arm_driven", "joints_frozen"]):
        fault = FAULTS[name]
        given = ", ".join(f"`{k}` ({json.dumps(v)})" for k, v in fault.parameters.items())
        rows.append((f"`{name}`", fault.part, fault.what + (f": {given}" if given else "")))
    return rows


EXTRAS = {"mtz_planner": _planner_extras, "simulation": _simulation_extras}
