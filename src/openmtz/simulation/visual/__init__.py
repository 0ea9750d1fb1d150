"""The cell to look at: in a browser (viser) and as pictures and films without a display (Embree)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
