"""The simulated depth camera: what it sees, its noise, its faults, and when it takes a picture."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
