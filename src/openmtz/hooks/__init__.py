"""Plugins: what they may implement (`spec`), what passes through (`types`), how they are run (`manager`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
