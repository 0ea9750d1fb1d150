"""Poses and triangle meshes as plain numpy arrays. No I/O, no ROS."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
