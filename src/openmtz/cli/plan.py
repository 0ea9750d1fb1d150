"""`plan`: a treatment plan from a surface file, without ROS; `plan show`, `plan diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import numbers

app = typer.Typer(
    name="plan",
    invoke_without_command=True,
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def plan(
    context: typer.Context,
    surface: Path = typer.Option(None, help="Skin: GLB, OBJ, PLY, STL (mesh or cloud), or a surface.npz."),
    indication: str = typer.Option("atrophic_scar", help="atrophic_scar, striae, ladd, or a plugin's own."),
    out: Path = typer.Option(None, help="Folder for the plan, new or empty."),
    site: str = typer.Option(
        None, help="Body site, e.g. cheek, abdomen, forearm, neck (neck has hard limits)."
    ),
    fitzpatrick: int = typer.Option(
        None, min=1, max=6, help="Skin type; not stated counts as the most cautious."
    ),
    agent: str = typer.Option(None, help="For ladd: the medication, e.g. methotrexate, plla."),
    striae_stage: str = typer.Option(None, help="For striae: rubrae (red, early) or alba (white, late)."),
    region: str = typer.Option(None, help="x,y,z,radius in metres, in the frame of the file after scaling."),
    polygon: Path = typer.Option(None, help="JSON file [[x,y,z], ...]: corners drawn on the skin, in order."),
    whole: bool = typer.Option(False, "--whole", help="Treat all of the skin but its rim."),
    density_scale: float = typer.Option(1.0, help="Times the prescribed density."),
    energy_mj: float = typer.Option(None, help="Energy per spot instead of the prescribed, in mJ."),
    passes: int = typer.Option(None, help="Passes instead of the prescribed."),
    profile: str = typer.Option(None, help="Handpiece profile instead of the prescribed."),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Same surface, same options, same seed: same plan."
    ),
    scale: float = typer.Option(1.0, help="Metres per unit of a mesh file."),
    outward: str = typer.Option(None, help="Direction x,y,z out of the skin; x,y,z@px,py,pz;... by piece."),
    in_world: bool = typer.Option(
        False, "--in-world", help="The mesh lies in the world frame already: do not lay it on the bed."
    ),
    request: Path = typer.Option(None, help="JSON file with facts, region, overrides; options override it."),
    calibration: Path = typer.Option(None, help="Field calibration of the scan head (JSON)."),
    allow_partial: bool = typer.Option(
        False, "--allow-partial", help="Accept a plan although parts had to be refused."
    ),
    reach: bool = typer.Option(True, help="Check that the arm reaches every station without collision."),
    pictures: bool = typer.Option(True, help="Draw stations, order, density and refused spots."),
) -> None:
    """Plan a treatment on a surface file; no ROS, no simulation, nothing is fired.

    The folder then holds plan.omtz (the plan), plan.json (to read), spots.ply (MeshLab, CloudCompare),
    surface.npz and fields.npz (the skin and what was found on it) and pictures.
    Exit code 2: no plan, and why.

    Examples:

      ./openmtz plan --surface head.glb --scale 0.05 --indication ladd --agent methotrexate --out runs/p1

      ./openmtz plan --surface scan.ply --region 0.1,0.02,0.3,0.02 --site cheek --fitzpatrick 3 --out runs/p2

      ./openmtz plan show runs/p1

      ./openmtz plan diff runs/p1 runs/p2
    """
    if context.invoked_subcommand is not None:
        return
    from openmtz.cli.plan_run import PlanOrder, run_plan

    if surface is None or out is None:
        raise UserError("plan needs --surface FILE and --out FOLDER; ./openmtz plan --help shows examples")
    if (region is not None) + (polygon is not None) + whole > 1:
        raise UserError("give one region only: --region, --polygon or --whole")
    facts: dict[str, Any] = {
        "site": site, "fitzpatrick": fitzpatrick, "agent": agent, "striae_stage": striae_stage,
    }  # fmt: skip
    overrides: dict[str, Any] = {
        "energy_mj": energy_mj, "passes": passes, "profile": profile,
        "density_scale": None if density_scale == 1.0 else density_scale,
        "allow_partial": allow_partial or None,
    }  # fmt: skip
    run_plan(
        PlanOrder(
            surface=surface, scale=scale, outward=outward, in_world=in_world, indication=indication,
            facts={k: v for k, v in facts.items() if v is not None},
            overrides={k: v for k, v in overrides.items() if v is not None},
            disc=None if region is None else numbers(region, 4, "--region", "x,y,z,radius in metres"),
            polygon=polygon, whole=whole, request=request, calibration=calibration, reach=reach,
            pictures=pictures, out=out, seed=seed,
        )
    )  # fmt: skip


@app.command("show")
def show(
    folder: Path = typer.Argument(help="A plan folder."),
    pictures: bool = typer.Option(True, help="Draw the pictures anew."),
) -> None:
    """Show a plan: what, how much, how evenly, how warm; and draw its pictures.

    Example: ./openmtz plan show runs/2026-03-02_101500/plan
    """
    from openmtz.cli.plan_show import show_plan

    show_plan(folder, pictures)


@app.command("diff")
def diff(
    a: Path = typer.Argument(help="A plan folder."), b: Path = typer.Argument(help="Another plan folder.")
) -> None:
    """Say what differs between two plans: header, spots moved, added and removed, dose. Exit code 1 if any.

    Example: ./openmtz plan diff runs/p1 runs/p2
    """
    from openmtz.cli.plan_show import diff_plans

    if not diff_plans(a, b):
        raise typer.Exit(1)
