"""Which skin may be treated: checked, smoothed, regions on it, volumes in which nothing may be fired."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
