from .arrays import typed_array as typed_array
from .plan import (
    finding_message as finding_message,
    finding_of as finding_of,
    plan_header as plan_header,
    plan_message as plan_message,
    plan_of as plan_of,
)
from .poses import (
    FAR_M as FAR_M,
    pose_message as pose_message,
    pose_of as pose_of,
    pose_stamped as pose_stamped,
    seconds as seconds,
    stamp_of as stamp_of,
    transform_message as transform_message,
)
from .sensors import depth_of as depth_of, joints_of as joints_of
from .surface import surface_message as surface_message, surface_of as surface_of
