"""The simulated scan head: a device in its own process, behind a pseudo-terminal, with faults on demand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
