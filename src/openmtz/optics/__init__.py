"""Scan-head optics: where galvo angles land, how wide and how strong the spot is there."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
