"""Absolute limits that no plugin, profile or parameter can exceed, and the check of a plan against them.

On the ground floor: the planner, the plugins' rules and the safety monitor all read the same numbers. Pure:
no I/O, no clock.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
