"""`up`: run the graph and keep it running."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from openmtz import records
from openmtz.cli.errors import UserError
from openmtz.cli.patient_options import parse_phantom
from openmtz.graph import (
    SERIAL,
    GraphError,
    Supervisor,
    describe_death,
    kept_device,
    load_graph,
    secret_path,
    serial_of_patient,
)


def up(
    hardware: bool = typer.Option(False, "--hardware", help="Real arm, camera and scan head; no simulation."),
    serial_port: str = typer.Option("", help="Serial port of the scan head (needed with --hardware)."),
    graph: Path = typer.Option(None, help="Another graph description than config/graph.yaml."),
    allow_foreign_programs: bool = typer.Option(
        False, "--allow-foreign-programs", help="Let --graph start programs that are not OpenMTZ's own."
    ),
    seed: int = typer.Option(0, min=0, help="Seed of the simulated patient and camera."),
    phantom: str = typer.Option(
        "cheek", help="Simulated patient: cheek, forearm, abdomen, face, or a plugin's."
    ),
    lesions: str = typer.Option(None, help="Its synthetic lesions, e.g. icepick+rolling, striae, none."),
    motion: str = typer.Option(None, help="How it moves, e.g. breathing+tremor (default: still)."),
    device: str = typer.Option(
        "",
        help="Serial number of the simulated scan head, which remembers what it has fired"
        " (default: that of this patient and seed, kept from run to run).",
    ),
    out: Path = typer.Option(
        None, help="Folder for record, plans and logs (default: a new one under runs/)."
    ),
) -> int:
    """Start the graph and supervise it until Ctrl-C; any ROS 2 client can then talk to it.

    A node that dies is named with its last log lines, the laser is off, the rest is shut down.
    """
    console = Console()
    _check_device(device, hardware)
    if hardware and not serial_port:
        raise UserError("--hardware needs the scan head's serial port, e.g. --serial-port /dev/ttyUSB0")
    patient = {} if hardware else parse_phantom(phantom, lesions, motion).as_request()
    try:
        folder = records.new_run_folder("up", seed, out)
    except records.RunFolderError as error:
        raise UserError(str(error)) from error
    substitutions = {
        "seed": str(seed),
        "record_path": str(folder / "record.mcap"),
        "plan_dir": str(folder / "plan"),
    }
    if serial_port:
        substitutions["serial_port"] = serial_port
    overrides: dict[str, dict[str, Any]] = {}
    if not hardware:
        overrides["simulation"] = {"patient_json": json.dumps(patient)}
        substitutions |= kept_device(device or serial_of_patient(patient, seed))
    finished = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: finished.set())
    try:
        supervisor = Supervisor(
            load_graph(graph, allow_foreign_programs=allow_foreign_programs),
            simulation=not hardware,
            log_dir=folder / "logs",
            substitutions=substitutions,
            overrides=overrides,
            on_death=lambda _: finished.set(),
        )
        with supervisor:
            supervisor.wait_ready(60.0)
            console.print(
                f"the graph runs ({'hardware' if hardware else 'simulation'}); record and logs: {folder}"
            )
            console.print(f"secret of this stack, for those who arm, approve or reset: {secret_path()}")
            if not hardware:
                _tell_device(console, substitutions)
            console.print("Ctrl-C ends it")
            while not finished.wait(0.5):
                pass
            died = supervisor.died
    except GraphError as error:
        raise UserError(str(error)) from error
    if died:
        for line in died.last_lines:
            console.print(f"  {died.name} | {line}", highlight=False, markup=False)
        raise UserError(f"{describe_death(died)}. Laser off; everything else was shut down.", exit_code=1)
    console.print("stopped: laser off, nothing left running")
    return 0


def _check_device(device: str, hardware: bool) -> None:
    if hardware and device:
        raise UserError("--device names a simulated scan head; a real one remembers by itself what it fired")
    if device and not SERIAL.fullmatch(device):
        raise UserError(f"--device {device}: 1 to 36 letters, digits, dots, dashes or underscores")


def _tell_device(console: Console, substitutions: dict[str, str]) -> None:
    console.print(
        f"simulated scan head {substitutions['device_serial']}: it fires no plan twice and remembers in"
        f" {substitutions['device_memory']} (--device NAME: another one)",
        highlight=False,
        soft_wrap=True,
    )
