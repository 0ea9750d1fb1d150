from .context import PlanningSetup as PlanningSetup
from .errors import PlanningError as PlanningError
from .fields_file import (
    FieldsFileError as FieldsFileError,
    load_fields as load_fields,
    save_fields as save_fields,
)
from .order.head_timing import HeadTiming as HeadTiming
from .order.ordering import FiringOrder as FiringOrder, firing_order as firing_order
from .order.pauses import Group as Group, GroupPauses as GroupPauses, group_pauses as group_pauses
from .planner import plan_treatment as plan_treatment
from .request import (
    Overrides as Overrides,
    PlanRequest as PlanRequest,
    RequestError as RequestError,
    as_model as as_model,
    parse_request as parse_request,
)
from .result import PlanningResult as PlanningResult
from .skin.exclusion import Excluded as Excluded, exclude as exclude
from .skin.feathering import feather_density as feather_density
from .skin.no_fire import NoFireVolume as NoFireVolume
from .spots.passes import PassPlacement as PassPlacement, place_passes as place_passes
from .spots.placement import (
    PlacementError as PlacementError,
    SpotPlacement as SpotPlacement,
    hexagonal_pitch_m as hexagonal_pitch_m,
    place_spots as place_spots,
)
from .stations.cover_spots import Stations as Stations, plan_stations as plan_stations
