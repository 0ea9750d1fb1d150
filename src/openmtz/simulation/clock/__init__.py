"""The simulated time: how much of it is due, and whether it plays, pauses or stands."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
