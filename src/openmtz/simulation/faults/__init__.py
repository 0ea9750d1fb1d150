"""What can go wrong, by name: one catalogue for scenarios, the fault campaign and the documents."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
