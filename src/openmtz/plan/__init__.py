"""The treatment plan as plain data: what planning makes, approval names and safety holds a copy of."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
