"""Depth frames -> only those taken at rest -> fused -> SkinSurface, with how well it was seen."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
