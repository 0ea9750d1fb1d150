"""From captured skin to a `TreatmentPlan`: a density becomes spots, stations, energies and a firing order."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
