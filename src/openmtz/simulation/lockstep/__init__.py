"""The whole treatment in one process on virtual time: the same procedure, safety, planning, device and world
code as the ROS graph, without ROS, threads or a clock. Same scenario and seed, same log, to the byte.

`simulate` runs a `Scenario`; `LockstepCell` is the hardware side, `LockstepStack` the software side.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
