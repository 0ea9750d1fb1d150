"""Parameters of node `simulation`."""

from __future__ import annotations

from dataclasses import dataclass

from openmtz.nodes.parameters import parameter


@dataclass(frozen=True)
class SimulationConfig:
    """Parameters of `simulation`."""

    wires: str = parameter("", "path of the socket the simulated scan head connects to")
    seed: int = parameter(0, "seed of patient and camera noise", 0, 2**32 - 1)
    patient_json: str = parameter(
        "", "the patient, JSON (docs/nodes/simulation.md); empty: a cheek with scars"
    )
    camera_rate_hz: float = parameter(
        15.0, "whole depth frames per second at rest, when asked for", 0.5, 60.0
    )
    camera_firing_rate_hz: float = parameter(
        10.0, "cropped depth frames per second while the laser holds the token; 0: none", 0.0, 60.0
    )
    joint_rate_hz: float = parameter(125.0, "joint states per second", 20.0, 500.0)
    real_time_factor: float = parameter(
        1.0, "simulated seconds per real one; other than 1 the head's key stays off: nothing fires", 0.1, 10.0
    )
    galvo_map_file: str = parameter(
        "",
        "where the scan head's counts truly point and focus truly lies, as a field calibration's JSON file;"
        " empty: the nominal map, as its profile says",
    )
    viewer_port: int = parameter(
        0, "port of the 3D view in a browser, on this machine only; 0: none", 0, 65535
    )
