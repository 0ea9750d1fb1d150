"""`demo`: a whole simulated treatment through the real graph, with a report at the end."""

from __future__ import annotations

from pathlib import Path

import typer

from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import PatientOptions, PatientTexts, parse_patient
from openmtz.cli.request import TreatmentRequest
from openmtz.cli.treatment_run import run_treatment

DEMO_FITZPATRICK = 2
DEMO_FACTS: dict[str, dict[str, object]] = {
    "striae": {"striae_stage": "alba"},
    "ladd": {"agent": "methotrexate"},
}
"""Facts of the simulated patient where the user states none; they stand in the plan's header."""


def demo_facts(
    indication: str,
    patient: PatientOptions,
    fitzpatrick: int | None,
    site: str | None,
    agent: str | None,
    striae_stage: str | None,
) -> dict[str, object]:
    """Return the facts about the patient: what was stated, else what the simulated patient is."""
    facts: dict[str, object] = {"fitzpatrick": DEMO_FITZPATRICK, **DEMO_FACTS.get(indication, {})}
    if patient.mesh is None and patient.frames is None:
        facts["site"] = patient.site or patient.phantom
    stated = {"fitzpatrick": fitzpatrick, "site": site, "agent": agent, "striae_stage": striae_stage}
    facts.update({name: value for name, value in stated.items() if value})
    return facts


def _check_depth_unit(depth_unit: float) -> None:
    if not (1e-7 < depth_unit < 0.1 or depth_unit == 1.0):
        raise UserError(
            f"--depth-unit {depth_unit:g}: metres per count, usually 0.0001 to 0.001; 1 for metres"
        )


def demo(
    indication: str = typer.Option("atrophic_scar", help="atrophic_scar, striae, ladd, or a plugin's own."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of patient, noise and plan; same seed, same plan."
    ),
    out: Path = typer.Option(None, help="Result folder, new or empty (default: a new one under runs/)."),
    phantom: str = typer.Option(
        None, help="Synthetic patient: cheek, forearm, abdomen, face, or a plugin's (default: by indication)."
    ),
    lesions: str = typer.Option(
        None, help="Synthetic lesions, also on mesh or frames: icepick+rolling, atrophic_scar, striae, none."
    ),
    motion: str = typer.Option(None, help="How the patient moves, e.g. breathing+drift (default: still)."),
    mesh: Path = typer.Option(None, help="A mesh as the patient: GLB, OBJ, PLY or STL."),
    scale: float = typer.Option(1.0, help="Metres per unit of the mesh."),
    outward: str = typer.Option(None, help="Direction x,y,z out of the skin, where the mesh does not tell."),
    frames: Path = typer.Option(None, help="Depth frames (folder of 16-bit PNG, TIFF, NPZ, ...) as patient."),
    intrinsics: str = typer.Option(None, help="Their fx,fy,cx,cy in pixels; add width,height if cut out."),
    depth_unit: float = typer.Option(0.001, help="Metres per count of those frames."),
    region: str = typer.Option(None, help="Where to treat: x,y,z,radius in metres, frame of mesh or frames."),
    fitzpatrick: int = typer.Option(
        None, min=1, max=6, help="Skin type; lowers density from IV up (default: 2, and the report says so)."
    ),
    site: str = typer.Option(None, help="Body site, e.g. cheek, abdomen, neck (neck has hard limits)."),
    agent: str = typer.Option(None, help="For ladd: the medication, e.g. methotrexate, plla."),
    striae_stage: str = typer.Option(None, help="For striae: rubrae (red, early) or alba (white, late)."),
    allow_partial: bool = typer.Option(
        False,
        "--allow-partial",
        help="Accept a plan that leaves out much of the region or its worst lesion.",
    ),
    confirm: bool = typer.Option(False, "--confirm", help="Ask before approving the plan."),
    serial_port: str = typer.Option("", help="Another serial port for the scan head than the simulated one."),
    graph: Path = typer.Option(None, help="Another graph description than config/graph.yaml."),
    allow_foreign_programs: bool = typer.Option(
        False, "--allow-foreign-programs", help="Let --graph start programs that are not OpenMTZ's own."
    ),
    open_report: bool = typer.Option(False, "--open", help="Open the report in a browser at the end."),
) -> int:
    """Run a whole simulated treatment: capture, plan, approve, treat, verify.

    It starts the seven nodes on real ROS 2, shows progress, and ends with a folder holding
    report.html, record.mcap (opens in Foxglove), plan/ and summary.json. Exit code 0 only when every
    planned spot was delivered once and nothing outside.

    Examples:

      ./openmtz demo --indication striae --seed 3

      ./openmtz demo --mesh head.glb --scale 0.05

      ./openmtz demo --frames recording/ --intrinsics 476,476,314,243 --depth-unit 0.000125
    """
    texts = PatientTexts(
        phantom, mesh, scale, frames, intrinsics, depth_unit, region, lesions, motion, outward
    )
    if frames is not None:
        _check_depth_unit(depth_unit)
    patient = parse_patient(indication, texts)
    for note in patient.notes:
        typer.echo(f"note: {note}")
    facts = demo_facts(indication, patient, fitzpatrick, site, agent, striae_stage)
    stated = {"fitzpatrick": fitzpatrick, "site": site, "agent": agent, "striae_stage": striae_stage}
    request = TreatmentRequest(
        indication=indication,
        seed=seed,
        patient=patient,
        facts=facts,
        assumed=tuple(sorted(name for name in facts if not stated.get(name))),
        out=out,
        serial_port=serial_port,
        graph=graph,
        allow_foreign_programs=allow_foreign_programs,
        confirm=confirm,
        allow_partial=allow_partial,
    )
    result = run_treatment(request)
    if open_report and result.report is not None:
        typer.launch(str(result.report))
    return 0 if result.ok else 1
