"""The simulated patient: phantoms, real meshes, clouds and depth frames, lesions, and how it moves."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
