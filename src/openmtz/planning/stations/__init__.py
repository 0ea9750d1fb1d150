"""From where spots are fired: as few poses of the scan head as see all of them, and how each is met."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
