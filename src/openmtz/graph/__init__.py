"""The graph as a description, and the supervisor that runs it. No ROS in here: it starts processes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
