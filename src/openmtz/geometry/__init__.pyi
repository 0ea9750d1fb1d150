from .mesh import TriangleMesh as TriangleMesh
from .poses import (
    apply_pose as apply_pose,
    invert_pose as invert_pose,
    look_along as look_along,
    make_pose as make_pose,
    pose_distance as pose_distance,
    pose_from_vector as pose_from_vector,
    pose_to_vector as pose_to_vector,
)
from .surface import SkinSurface as SkinSurface
