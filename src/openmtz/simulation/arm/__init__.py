"""The simulated arm in its cell: dynamics, joint controller, true poses, the SDF for other simulators."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
