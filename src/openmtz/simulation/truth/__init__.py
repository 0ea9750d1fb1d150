"""What every shot truly did: where it hit, what it left in the tissue, and whether that is harm."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
