from .from_prescription import PlacedSpots as PlacedSpots, place as place
from .passes import PassPlacement as PassPlacement, place_passes as place_passes
from .placement import (
    PlacementError as PlacementError,
    SpotPlacement as SpotPlacement,
    hexagonal_pitch_m as hexagonal_pitch_m,
    place_spots as place_spots,
)
