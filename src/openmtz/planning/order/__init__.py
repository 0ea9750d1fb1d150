"""When each spot is fired: the order within a station, its times, the waits between groups."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
