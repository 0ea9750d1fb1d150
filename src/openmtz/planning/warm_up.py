"""Compiles the planner's kernels ahead of time, so that no treatment waits for a compiler.

    python -m openmtz.planning.warm_up

Half a minute of processor time on a new machine, kept on disk; `./openmtz` calls it once when it sets up.
"""

from __future__ import annotations

import numpy as np

from openmtz.geometry import SkinSurface
from openmtz.hooks import PluginManager, Region, load_plugins

EDGE_M = 0.04
STEP_M = 0.001


def dome(radius_m: float = 0.08) -> SkinSurface:
    """Return a smooth square of skin, 4 cm wide and curved by `radius_m`, facing +z at the origin."""
    axis = np.arange(-EDGE_M / 2, EDGE_M / 2 + STEP_M / 2, STEP_M)
    x, y = np.meshgrid(axis, axis)
    z = np.sqrt(radius_m**2 - x**2 - y**2) - radius_m
    count = len(axis)
    index = np.arange(count * count, dtype=np.int32).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    return SkinSurface.from_arrays(np.stack([x, y, z], axis=-1).reshape(-1, 3), faces, voxel_m=STEP_M)


def warm_up(manager: PluginManager | None = None) -> None:
    """Plan on a dome once, in one pass and in two, by the first indication that takes it."""
    from openmtz.planning.errors import PlanningError
    from openmtz.planning.planner import plan_treatment

    plugins = manager or load_plugins()
    facts = {"fitzpatrick": 2, "site": "forearm", "agent": "methotrexate"}
    region = Region((0.0, 0.0, 0.0), 0.014)  # beyond the field of one station
    for name in plugins.indications:
        try:
            for passes in (1, 2):
                plan_treatment(
                    dome(), name, facts, manager=plugins, region=region, overrides={"passes": passes}
                )
            return
        except PlanningError:
            continue  # striae, say, find nothing to treat on a dome


if __name__ == "__main__":
    warm_up()
