from .bridges import find_bridges as find_bridges
from .delivered import dose_of as dose_of
from .energy import CorrectedEnergy as CorrectedEnergy, energy_correction as energy_correction
from .footprints import Footprints as Footprints, aim_of_plan as aim_of_plan
from .merging import merging_spots as merging_spots
from .spot_doses import SpotDoses as SpotDoses, dose_spots as dose_spots
