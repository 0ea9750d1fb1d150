"""The work loop of each process, written once: the graph's nodes and the lockstep simulation run these."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
