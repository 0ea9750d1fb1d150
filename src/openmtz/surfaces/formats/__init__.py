"""Mesh files of others as triangles: OBJ, PLY, STL, glTF, each feature read right or refused by its name."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
