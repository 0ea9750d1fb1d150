"""What people and plugins hand in, read with limits on size. No ROS, nothing heavy."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
