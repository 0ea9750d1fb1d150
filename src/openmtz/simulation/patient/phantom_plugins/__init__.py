"""The phantoms OpenMTZ brings, offered through the same hook as those of any other plugin."""

from __future__ import annotations

from openmtz.hooks import Phantom, hookimpl
from openmtz.simulation.patient.lesions import LESIONS
from openmtz.simulation.patient.phantom_plugins.face import build_face
from openmtz.simulation.patient.phantom_plugins.smooth import builder


def _first(default: str) -> tuple[str, ...]:
    return (default, *(kind for kind in LESIONS if kind != default))


@hookimpl
def phantoms() -> list[Phantom]:
    """Return cheek, forearm and abdomen, smooth and open, and a whole face."""
    return [
        Phantom(
            "cheek", "Cheek", "Strongly curved in both directions, about a sphere of 75 mm radius.",
            ("cheek", "face"), _first("atrophic_scar"), builder("cheek"),
        ),
        Phantom(
            "forearm", "Forearm", "A cylinder of 60 mm radius, slightly bent along its length.",
            ("forearm", "arm"), _first("none"), builder("forearm"),
        ),
        Phantom(
            "abdomen", "Abdomen", "Gently curved, wide, with slow undulations.",
            ("abdomen",), _first("striae"), builder("abdomen"),
        ),
        Phantom(
            "face", "Face", "Forehead, eye sockets, nose, cheeks, lips and chin; the left cheek is treated.",
            ("cheek", "face"), _first("atrophic_scar"), build_face,
        ),
    ]  # fmt: skip
