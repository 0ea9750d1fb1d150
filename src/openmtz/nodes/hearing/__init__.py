"""How a node hears: every message with the gid of its publisher, judged before it is taken."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
