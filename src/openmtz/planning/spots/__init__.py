"""Where spots lie: blue noise on the skin itself, at a prescribed density, in one pass or several."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
