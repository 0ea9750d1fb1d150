"""The typer application: commands, common errors, exit codes.

Exit codes: 0 done and verified; 1 the treatment or the tests did not pass; 2 wrong input or a cell that
cannot start; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer
from rich.console import Console
from rich.markup import escape

from openmtz import __version__
from openmtz.cli import demo, maintenance, plan, report, simulate, up
from openmtz.cli.errors import UserError

INTERRUPTED_CODE = 130

app = typer.Typer(
    name="openmtz",
    help="OpenMTZ: scan skin, plan micro-thermal zones on the curved surface, fire them under an independent"
    " safety monitor, prove what was delivered. Research use only; not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Start with [bold]./openmtz demo[/bold]: a whole simulated treatment, with a report at the end.",
)


def _version(value: bool) -> None:
    if value:
        print(f"OpenMTZ {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """See the commands below."""


def _register() -> None:
    app.command("demo")(demo.demo)
    app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
        maintenance.test
    )
    app.command("simulate")(simulate.simulate)
    app.command("up")(up.up)
    app.command("report")(report.report)
    app.add_typer(plan.app)
    app.command("doctor")(maintenance.doctor)
    app.command("plugins")(maintenance.plugins)
    app.command("setup")(maintenance.setup)


def main() -> int:
    """Run the command line; returns the exit code."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    _register()
    console = Console(stderr=True)
    try:
        code = int(app(prog_name="openmtz", standalone_mode=False) or 0)
    except UserError as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_CODE
    except Exception as error:
        if not _is_usage_error(error):
            raise
        error.show(file=sys.stderr)  # type: ignore[attr-defined]
        return 2
    if code == INTERRUPTED_CODE:  # typer turns Ctrl-C into this code of its own
        console.print("interrupted: laser off, everything stopped", highlight=False)
    return code


def _is_usage_error(error: Exception) -> bool:
    """Typer carries its own click: recognise its usage errors by what they can do."""
    return hasattr(error, "show") and hasattr(error, "exit_code")
