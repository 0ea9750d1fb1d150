"""What light does to skin: ablation, coagulation, heat. Models with stated bands, never a promise.

Names of the heat model are loaded when first used: `heat` compiles with numba.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
