"""Patients as `demo` makes them of its options, treated to the end on virtual time.

That the graph on the clock does as lockstep does, pulse by pulse, is shown in tests/ros/test_demo.py; what
a patient's kind could change, the surface, the plan and the shots on it, is the same code here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openmtz.simulation.lockstep.run import SimulationResult


def treated(indication: str, **options: Any) -> SimulationResult:
    """Run what `openmtz demo --indication ... OPTIONS` asks for, with the quick scan of tests/ros."""
    from openmtz.cli.demo import demo_facts
    from openmtz.cli.patient_options import PatientTexts, parse_patient
    from openmtz.simulation.lockstep.run import simulate
    from openmtz.simulation.lockstep.scenario import Scenario

    patient = parse_patient(indication, PatientTexts(**options))
    return simulate(
        Scenario(
            name="demo",
            indication=indication,
            patient=patient.as_request(),
            facts=demo_facts(indication, patient, 2, None, None, None),
            views=3,
            frames_per_view=4,
        )
    )


def check(result: SimulationResult) -> None:
    assert result.as_expected, (result.reason, result.verification, result.harms)
    assert result.plan is not None and len(result.plan) > 300


def test_mesh_as_patient(shared_data: Path) -> None:
    head = shared_data / "lps_head" / "LeePerrySmith.glb"
    check(treated("atrophic_scar", mesh=head, scale=0.05))


def test_striae_on_the_abdomen() -> None:
    check(treated("striae"))
