"""`test`, `doctor`, `plugins`, `setup`: the commands that look after the installation."""

from __future__ import annotations

import os
import subprocess
import sys

import typer
from rich.console import Console
from rich.table import Table

from openmtz import hooks
from openmtz.cli.doctor import print_report
from openmtz.cli.errors import UserError
from openmtz.cli.suite import run_suite
from openmtz.graph import share_folder

IMPORT_RULES = "from importlinter.cli import lint_imports_command; lint_imports_command()"
"""`python -m importlinter.cli` would import that module, check nothing and say nothing."""


def test(
    context: typer.Context,
    campaign: bool = typer.Option(
        False, "--campaign", help="Also run the long campaigns (minutes to hours)."
    ),
    checks: bool = typer.Option(True, help="Run ruff, mypy and the import rules first."),
    processes: int | None = typer.Option(
        None,
        "--processes",
        "-n",
        min=0,
        help="Processes that share what can run in parallel; all processors.",
    ),
) -> int:
    """Run the whole test suite: style, types, import rules, then every test.

    First in parallel; then, one after the other, the tests marked `alone`: the real-time graph, and what
    measures time. Further arguments go to one call of pytest, which takes all it selects one after the
    other unless -n is given: [bold]./openmtz test -k plan[/bold], or a path.
    """
    root = share_folder()
    if not (root / "tests").is_dir():
        raise UserError(f"there are no tests in {root}: `test` needs a checkout of the project")
    extra = list(context.args)
    if checks and not extra:
        for name, command in (
            ("style (ruff)", ["-m", "ruff", "check", "."]),
            ("format (ruff)", ["-m", "ruff", "format", "--check", "."]),
            ("types (mypy)", ["-m", "mypy"]),
            ("import rules (import-linter)", ["-c", IMPORT_RULES]),
        ):
            _check(name, [sys.executable, *command], root)
    # Everything is installed here: what tests miss is broken, not optional (tests/needs.py).
    environment = {**os.environ, "OPENMTZ_TEST": "1"}
    if not extra:
        shared = len(os.sched_getaffinity(0)) if processes is None else processes
        return run_suite(root, environment, processes=shared, campaign=campaign)
    if processes is not None:
        extra += ["-n", str(processes)]
    if campaign:
        extra += ["-m", "campaign or not campaign"]
    # In our place, so that keys, signals and the exit code are pytest's own.
    os.chdir(root)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *extra], environment)


def _check(name: str, command: list[str], root: object) -> None:
    done = subprocess.run(command, cwd=str(root), capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        raise UserError(f"{name} found something; see above", exit_code=1)
    print(f"{name}: ok", flush=True)


def doctor() -> int:
    """Check this machine: Python, ROS, interfaces, plugins, memory, disk, serial, network."""
    return print_report()


def plugins() -> int:
    """List indications and the plugins that provide them; a broken plugin is named with its error."""
    manager = hooks.load_plugins()
    table = Table("indication", "title", "what it plans", title="Indications")
    for indication in manager.indications.values():
        table.add_row(indication.name, indication.title, indication.summary)
    console = Console()
    console.print(table)
    for failure in manager.failures:
        console.print(f"[bold red]plugin disabled[/]: {failure}", highlight=False)
    return 1 if manager.failures else 0


def setup(
    tools: bool = typer.Option(False, "--tools", help="Also what ./openmtz test needs: pytest, mypy, ruff."),
) -> int:
    """Do the set-up only (the wrapper has done it when this prints)."""
    print("OpenMTZ is set up. Next: ./openmtz demo")
    return 0
