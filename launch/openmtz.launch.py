"""The graph of OpenMTZ on a sourced ROS 2: the same description as `./openmtz up` (config/graph.yaml).

    ros2 launch openmtz openmtz.launch.py                       # simulation
    ros2 launch openmtz openmtz.launch.py mode:=hardware serial_port:=/dev/ttyUSB0

Arguments: mode, serial_port, graph (another description), allow_foreign_programs, patient_json, plugin (a
distribution that must be installed), seed, device, out. There is no supervisor here and so no run line:
when a process dies the launch ends, and the safety monitor's progress counters stop the laser.
"""

import os

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription

ARGUMENTS = {
    "mode": ("simulation", "simulation or hardware"),
    "serial_port": ("", "serial port of the scan head; needed on hardware"),
    "graph": ("", "another graph description than the installed config/graph.yaml"),
    "allow_foreign_programs": ("false", "true: the graph may start programs that are not OpenMTZ's own"),
    "patient_json": ("", "simulated patient, docs/nodes/simulation.md; empty: a cheek with scars"),
    "plugin": ("", "an indication plugin that must be there, e.g. openmtz_striae"),
    "seed": ("0", "seed of the simulation"),
    "device": ("", "serial number of the simulated scan head, which remembers; empty: the patient's own"),
    "out": ("openmtz_run", "folder for record, plan and logs"),
}


def _processes(context):
    from importlib import metadata
    from pathlib import Path

    from openmtz.graph import (
        SECRET_FILE,
        SERIAL,
        kept_device,
        load_graph,
        make_secret,
        serial_of_patient,
    )
    from openmtz.graph.command import process_command
    from openmtz.graph.leftovers import RuntimeFolder, sweep

    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if given["mode"] not in ("simulation", "hardware"):
        raise ValueError(f"mode:={given['mode']}: must be simulation or hardware")
    simulation = given["mode"] == "simulation"
    if not simulation and not given["serial_port"]:
        raise ValueError("hardware needs serial_port:=, the serial port of the scan head")
    if given["plugin"]:
        try:
            metadata.distribution(given["plugin"])
        except metadata.PackageNotFoundError:
            raise ValueError(f"plugin:={given['plugin']}: no such distribution is installed") from None
    if given["device"] and not SERIAL.fullmatch(given["device"]):
        raise ValueError(f"device:={given['device']}: 1 to 36 letters, digits, dots, dashes, underscores")
    patient = {"patient_json": given["patient_json"]}
    serial = given["device"] or serial_of_patient(patient, given["seed"])
    out = Path(given["out"]).resolve()
    if (out / "record.mcap").exists():
        raise ValueError(f"out:={out} holds a record already; nothing is overwritten")
    (out / "logs").mkdir(parents=True, exist_ok=True)
    sweep()
    runtime = RuntimeFolder().path  # locked while this process lives; the next stack to start removes it
    substitutions = {
        "runtime_dir": str(runtime),
        "log_dir": str(out / "logs"),
        "serial_port": given["serial_port"] or str(runtime / "scan_head"),
        "seed": given["seed"],
        "record_path": str(out / "record.mcap"),
        "plan_dir": str(out / "plan"),
        **kept_device(serial),
    }
    if given["allow_foreign_programs"] not in ("true", "false"):
        raise ValueError(f"allow_foreign_programs:={given['allow_foreign_programs']}: must be true or false")
    graph = load_graph(
        Path(given["graph"]) if given["graph"] else None,
        allow_foreign_programs=given["allow_foreign_programs"] == "true",
    )
    secret = str(make_secret())
    overrides = {"simulation": patient}
    actions = []
    for spec in graph.for_mode(simulation):
        command = process_command(
            graph,
            spec,
            simulation=simulation,
            runtime_dir=runtime,
            substitutions=substitutions,
            overrides=overrides,
        )
        process = ExecuteProcess(
            cmd=command,
            name=spec.name,
            output="screen",
            env={**os.environ, "PYTHONUNBUFFERED": "1", SECRET_FILE: secret},
        )
        actions.append(process)
        stop_all = EmitEvent(event=Shutdown(reason=f"{spec.name} ended"))
        actions.append(RegisterEventHandler(OnProcessExit(target_action=process, on_exit=[stop_all])))
    return actions


def generate_launch_description():
    """Return the description that `ros2 launch` runs."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_processes)])
