"""Scan heads: what one must do, the serial line to one, and the bytes on it.

`ScanHeadLink` is loaded on first use: who only speaks the codec (the safety monitor, the simulated
device) needs no pyserial.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
