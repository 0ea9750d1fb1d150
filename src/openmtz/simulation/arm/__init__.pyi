from .joint_trajectory import TrajectoryRejected as TrajectoryRejected
from .world import (
    JointState as JointState,
    PhysicsFailure as PhysicsFailure,
    StartBlocked as StartBlocked,
    World as World,
)
