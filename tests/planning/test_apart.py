"""A placement with two spots that would merge is made anew from a derived seed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from openmtz.planning import planner


def test_a_pair_too_near_is_placed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def place(_vertices: Any, _faces: Any, _density: Any, *, seed: int) -> Any:
        seeds.append(seed)
        gap = 50e-6 if len(seeds) < 3 else 300e-6
        return SimpleNamespace(positions=np.array([[0.0, 0.0, 0.0], [gap, 0.0, 0.0]]))

    monkeypatch.setattr(planner, "place_spots", place)
    spots = planner._place_apart(np.empty((0, 3)), np.empty((0, 3), np.int32), np.empty(0), 7)
    assert spots.positions[1, 0] == 300e-6
    assert seeds[0] == 7 and len(set(seeds)) == 3
