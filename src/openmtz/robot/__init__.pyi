from .advice import what_helps as what_helps
from .branches import Branch as Branch, IkResult as IkResult
from .cell import BED_TOP_M as BED_TOP_M, CELL_BOXES as CELL_BOXES, CellBox as CellBox
from .clearance import Clearance as Clearance, Collision as Collision
from .collision import CellCollision as CellCollision
from .description import (
    CAMERA_FRAME as CAMERA_FRAME,
    FLANGE_FRAME as FLANGE_FRAME,
    HOME as HOME,
    JOINT_NAMES as JOINT_NAMES,
    SCAN_HEAD_FRAME as SCAN_HEAD_FRAME,
    WORLD_FRAME as WORLD_FRAME,
    UrdfMissing as UrdfMissing,
    find_urdf as find_urdf,
)
from .joint_limits import JointLimits as JointLimits
from .kinematics import ArmKinematics as ArmKinematics
from .motion import MoveOutcome as MoveOutcome, MoverConfig as MoverConfig
from .mover import Mover as Mover
from .reach import MoveResult as MoveResult, plan_move as plan_move
from .station_check import ReachReport as ReachReport, StationCheck as StationCheck
from .trajectory import (
    MotionError as MotionError,
    Trajectory as Trajectory,
    plan_motion as plan_motion,
    stop_motion as stop_motion,
)
from .urdf_check import UrdfInvalid as UrdfInvalid, validate_urdf as validate_urdf
