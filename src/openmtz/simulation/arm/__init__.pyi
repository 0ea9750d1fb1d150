from .joint_trajectory import TrajectoryRejected as TrajectoryRejected
from .world import PhysicsFailure as PhysicsFailure, StartBlocked as StartBlocked, World as World
