"""Recorded depth frames as they lie on a disk -> distances that can be believed, and what was noticed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
