"""`simulate`: scenarios in lockstep: whole treatments on virtual time, with faults, in seconds each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openmtz import hooks, planning, records
from openmtz.cli.errors import UserError
from openmtz.simulation import arm, faults as catalogue, lockstep, patient

if TYPE_CHECKING:
    from openmtz.simulation.lockstep import Scenario, SimulationResult
    from openmtz.simulation.truth import Harm


FILM_STEP_S = 0.25


def simulate(
    scenario: list[str] = typer.Argument(
        None, help="Scenario files (YAML), or names from the gallery (see --list)."
    ),
    seed: int = typer.Option(
        0, min=0, max=2**32 - 1, help="Seed of patient, noise and plan; same seed, same log."
    ),
    out: Path = typer.Option(
        None, help="Result folder, new or empty; several scenarios get one folder each inside it."
    ),
    gallery: bool = typer.Option(False, "--gallery", help="Run every scenario of the gallery."),
    list_: bool = typer.Option(False, "--list", help="List the gallery and stop."),
    faults: bool = typer.Option(False, "--faults", help="List the faults a scenario may name and stop."),
    film: bool = typer.Option(False, "--film", help="Also draw an animation of each treatment (slower)."),
) -> int:
    """Play scenarios in lockstep: the same procedure, safety, planning, device and world code as the ROS graph, in
    one process on virtual time. Nothing has to be started.

    Each run leaves a folder with report.html, events.jsonl, device.jsonl, truth.npz, plan/ and summary.json.
    Exit code 0 only when every run came out as its scenario expects (without expectation: every planned
    spot delivered once, no harm by ground truth).

    Examples:

      ./openmtz simulate --list

      ./openmtz simulate patient-coughs --seed 3

      ./openmtz simulate my_scenario.yaml --out runs/mine
    """  # noqa: E501
    console = Console()
    if faults:
        _list_faults(console)
        return 0
    known = lockstep.gallery_paths()
    if list_:
        _list_gallery(console, known)
        return 0
    if not scenario and not gallery:
        raise UserError(f"name a scenario file, or one of: {', '.join(known)}; or --gallery for all of them")
    wanted = [*scenario] if scenario else []
    wanted += [name for name in known if gallery and name not in wanted]
    return play([_load(name, known) for name in wanted], seed, out, console, film)


def _load(name: str, known: dict[str, Path]) -> Scenario:
    path = known.get(name, Path(name))
    if name not in known and not path.exists() and not name.endswith((".yaml", ".yml")):
        raise UserError(f"no scenario {name!r}; there are: {', '.join(known)}, or give a YAML file")
    try:
        return lockstep.load_scenario(path)
    except lockstep.ScenarioError as error:
        raise UserError(str(error)) from error


def play(scenarios: list[Scenario], seed: int, out: Path | None, console: Console, film: bool) -> int:
    """Run scenarios one after the other and print what came of them.

    Raises:
        UserError: a patient, request or folder that cannot be.
    """
    rows: list[tuple[SimulationResult, Path]] = []
    for item in scenarios:
        target = out if out is None or len(scenarios) == 1 else out / item.name
        try:
            folder = records.new_run_folder(f"{item.name}_{item.indication}", seed, target)
        except records.RunFolderError as error:
            raise UserError(str(error)) from error
        try:
            rows.append((_play_one(item, seed, folder, console, film), folder))
        except OSError as error:
            raise UserError(f"{folder} cannot be written: {error.strerror or error}") from error
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()  # succeeds only where nothing came of it
    _print(console, rows)
    return 0 if all(result.as_expected for result, _ in rows) else 1


def _play_one(item: Scenario, seed: int, folder: Path, console: Console, film: bool) -> SimulationResult:
    refusals = (
        patient.PatientRequestError,
        planning.RequestError,
        hooks.UnknownIndication,
        hooks.PluginError,
        arm.StartBlocked,
        arm.PhysicsFailure,
    )
    cells: list[Any] = []
    columns = (
        TextColumn("{task.fields[name]:<22.22}"),
        TextColumn("{task.fields[virtual]:>7.1f} s"),
        BarColumn(20),
        TextColumn("{task.fields[stage]:<8}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0, name=item.name, virtual=0.0, stage="start")

        def show(stack: Any) -> None:
            status = stack.procedure.status
            share = status.spots_done / status.spots_total if status.spots_total else 0.0
            bar.update(task, completed=share, virtual=stack.cell.time_s, stage=status.stage)

        try:
            result = lockstep.simulate(
                item,
                seed,
                prepare=lambda cell, _stack: cells.append(cell),
                progress=show,
                track_s=FILM_STEP_S if film else 0.0,
            )
        except refusals as error:
            raise UserError(f"scenario {item.name}: {error}") from error
    lockstep.write_result(folder, result, cells[0].head.log)
    if film:
        lockstep.write_film(folder / "treatment.gif", result)
    return result


def _print(console: Console, rows: list[tuple[SimulationResult, Path]]) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("scenario", "outcome", "spots", "virtual", "cpu", "as expected"):
        right = name in ("spots", "virtual", "cpu")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for result, _ in rows:
        verdict = result.verification
        spots = f"{verdict.delivered}/{verdict.spots_planned}" if verdict is not None else "-"
        table.add_row(
            result.scenario.name, result.outcome, spots, f"{result.sim_s:.1f} s", f"{result.cpu_s:.1f} s",
            "[green]yes[/]" if result.as_expected else "[bold red]no[/]",
        )  # fmt: skip
    console.print(table)
    for result, folder in rows:
        console.print(
            f"\n[bold]{result.scenario.name}[/]: {folder / 'report.html'}", highlight=False, soft_wrap=True
        )
        if result.reason:
            console.print(f"  why: {result.reason}", highlight=False, soft_wrap=True, markup=False)
        harms = "; ".join(_in_words(harm) for harm in result.harms) or "none"
        console.print(f"  harms by ground truth: {harms}", highlight=False, soft_wrap=True)
        console.print(f"  log {result.log.sha256[:16]}", highlight=False)


def _in_words(harm: Harm) -> str:
    """Say a harm with its numbers, such as `off-target, 861 times, worst 0.0036 m from its planned place`."""
    return f"{harm.name}, {harm.count} times, worst {harm.worst:.3g} {harm.unit}"


def _list_gallery(console: Console, known: dict[str, Path]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("name")
    table.add_column("what happens")
    for name, path in known.items():
        item = _load(str(path), known)
        table.add_row(name, item.title or item.story)
    console.print(table)
    console.print("Each is a file to copy from:", known[min(known)].parent if known else "none is installed")


def _list_faults(console: Console) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("fault", "part", "what happens", "parameters"):
        table.add_column(name)
    for fault in catalogue.FAULTS.values():
        values = ", ".join(f"{key} {value}" for key, value in fault.parameters.items())
        table.add_row(fault.name, fault.part, fault.what, values)
    console.print(table)
