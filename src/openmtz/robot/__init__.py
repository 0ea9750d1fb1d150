"""The arm: kinematics, jerk-limited motion, collision. Lean: no simulator, no point clouds, no ROS."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
