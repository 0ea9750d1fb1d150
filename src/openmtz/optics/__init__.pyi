from .field_calibration import CalibrationError as CalibrationError, FieldCalibration as FieldCalibration
from .footprint import delivered_share as delivered_share, footprint_um as footprint_um
from .galvo import (
    COUNTS_MAX as COUNTS_MAX,
    angles_to_counts as angles_to_counts,
    angles_to_ray as angles_to_ray,
    counts_to_angles as counts_to_angles,
    point_to_angles as point_to_angles,
)
from .profile import (
    BUILT_IN_PROFILES as BUILT_IN_PROFILES,
    CO2_120UM_LOW_ENERGY as CO2_120UM_LOW_ENERGY,
    HandpieceProfile as HandpieceProfile,
    ProfileError as ProfileError,
)
