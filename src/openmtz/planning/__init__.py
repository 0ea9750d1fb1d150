"""Density -> spots -> stations -> firing order -> `TreatmentPlan`.

Names are loaded when first used: `place_spots` needs numba, the rest scipy and pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openmtz.planning.errors import PlanningError
    from openmtz.planning.exclusion import Excluded, exclude
    from openmtz.planning.feathering import feather_density
    from openmtz.planning.head_timing import HeadTiming
    from openmtz.planning.no_fire import NoFireVolume
    from openmtz.planning.order_pauses import Group, GroupPauses, group_pauses
    from openmtz.planning.ordering import FiringOrder, firing_order
    from openmtz.planning.passes import PassPlacement, place_passes
    from openmtz.planning.placement import PlacementError, SpotPlacement, hexagonal_pitch_m, place_spots
    from openmtz.planning.planner import PlanningResult, plan_treatment
    from openmtz.planning.request import Overrides, PlanRequest, RequestError, parse_request
    from openmtz.planning.stations import Stations, plan_stations
    from openmtz.tissue.heat import HeatModel

_WHERE = {
    "FiringOrder": "ordering", "HeadTiming": "head_timing", "Group": "order_pauses",
    "GroupPauses": "order_pauses", "HeatModel": "ordering", "Overrides": "request",
    "PlacementError": "placement", "PlanRequest": "request", "PlanningError": "errors",
    "PlanningResult": "planner", "RequestError": "request", "SpotPlacement": "placement",
    "Stations": "stations", "firing_order": "ordering", "hexagonal_pitch_m": "placement",
    "parse_request": "request", "place_spots": "placement", "plan_stations": "stations",
    "group_pauses": "order_pauses", "plan_treatment": "planner",
    "PassPlacement": "passes", "place_passes": "passes", "NoFireVolume": "no_fire",
    "Excluded": "exclusion", "exclude": "exclusion", "feather_density": "feathering",
}  # fmt: skip

__all__ = [
    "Excluded",
    "FiringOrder",
    "Group",
    "GroupPauses",
    "HeadTiming",
    "HeatModel",
    "NoFireVolume",
    "Overrides",
    "PassPlacement",
    "PlacementError",
    "PlanRequest",
    "PlanningError",
    "PlanningResult",
    "RequestError",
    "SpotPlacement",
    "Stations",
    "exclude",
    "feather_density",
    "firing_order",
    "group_pauses",
    "hexagonal_pitch_m",
    "parse_request",
    "place_passes",
    "place_spots",
    "plan_stations",
    "plan_treatment",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
