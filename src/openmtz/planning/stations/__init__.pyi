from .aiming import aim_from as aim_from
from .asked_reach import Reachable as Reachable
from .cover_spots import Stations as Stations, plan_stations as plan_stations
from .meeting import MetSpots as MetSpots, meet_spots as meet_spots
from .reach_fix import nearest_shift as nearest_shift
