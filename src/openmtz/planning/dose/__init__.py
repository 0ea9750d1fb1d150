"""What each spot does to the skin: its energy, its footprint, the bridges between zones, the sum of all."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
