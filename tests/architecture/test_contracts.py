"""The import contracts of `pyproject.toml` hold, and each way around them that we know of is closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from needs import needs

from openmtz.cli.maintenance import IMPORT_RULES
from tools.import_contracts import rules
from tools.import_contracts.house import House

MOST_LATE = 33
"""Half of the 67 statements that imported our own code inside a function at commit e06c10f."""
LATE = {
    "openmtz.cli.plan": "only `plan` itself waits for the planner, not --help",
    "openmtz.cli.report": "only reading a record needs rclpy, which not every command has",
    "openmtz.cli.treatment_run": "only a started graph needs rclpy, which not every command has",
    "openmtz.planning.dose.bridges": "compiled loops (numba) load when a plan's bridges are measured",
    "openmtz.planning.dose.dose_map": "compiled loops (numba) load when a dose is mapped",
    "openmtz.planning.skin.no_fire": "a volume is plain data: meshes load when one is drawn; until rewritten",
    "openmtz.planning.spots.placement": "until placement is rewritten",
    "openmtz.planning.warm_up": "what is warmed up is what the planner loads",
    "openmtz.simulation.camera.camera": "compiled loops (numba) load with the first picture",
    "openmtz.simulation.camera.mesh_scene": "compiled loops (numba) load with the first picture",
    "openmtz.simulation.patient.request": "each kind of patient loads what reads it: meshes, frames",
    "openmtz.simulation.truth.tissue_truth": "compiled loops (numba) load with the first shots",
    "openmtz.tissue.coagulation": "compiled loops (numba) load when a table of rims is not enough",
    "openmtz.tissue.disc": "compiled loops (numba) load with the first points",
}


def test_all_contracts_are_kept(root: Path) -> None:
    needs("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_RULES, "--no-logo"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken." in done.stdout, "import-linter checked nothing"


def test_no_import_goes_past_a_face(house: House) -> None:
    assert not [str(each) for each in rules.past_faces(house)]


def test_no_underscore_module_is_used_across_rooms(house: House) -> None:
    assert not [str(each) for each in rules.underscores(house)]


def test_late_imports_are_few_and_each_has_a_reason(house: House) -> None:
    late = {(each.importer, each.line) for each in house.imports if each.late}
    assert len(late) <= MOST_LATE, sorted(late)
    without = {module for module, _ in late} - LATE.keys()
    assert not without, f"say in LATE why {sorted(without)} imports inside a function, or import at the top"
    gone = LATE.keys() - {module for module, _ in late}
    assert not gone, f"nothing is imported late any more: strike out {sorted(gone)}"


def test_every_name_on_a_face_leads_to_a_module_of_the_house(house: House) -> None:
    lost = [
        f"{room}: {name}"
        for room, face in house.faces.items()
        for name, (module, _) in face.items()
        if module not in house.files or house.find(room, name) == room
    ]
    assert not lost, "a face names what is not there"
