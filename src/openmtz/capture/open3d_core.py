"""Open3D without what it brings for notebooks and learning: its compiled core alone.

`import open3d` also loads dash, plotly, pandas, scikit-learn and IPython: some 2000 modules and 3 s of
processor time, of which nothing here makes use. Its core takes 0.7 s, and two processes need it before the
first picture.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any

_CORE = "open3d.cpu.pybind"


def load_open3d() -> Any:
    """Return Open3D: `core`, `camera`, `geometry`, `pipelines`, `t`, `utility` as of `import open3d`.

    A later `import open3d` by others works as ever. Where the core does not stand by itself (builds for
    CUDA), this is that import.

    Raises:
        ImportError: there is no Open3D.
    """
    loaded = sys.modules.get("open3d") or sys.modules.get(_CORE)
    if loaded is not None:
        return loaded
    try:
        return _load_core()
    except ImportError:
        return importlib.import_module("open3d")


def _load_core() -> ModuleType:
    """Import the core below a stand-in for the package, whose own first lines load everything.

    Raises:
        ImportError: not found, or built otherwise.
    """
    spec = importlib.util.find_spec("open3d")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("no package open3d")
    package = ModuleType("open3d")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["open3d"] = package
    try:
        if importlib.import_module("open3d._build_config")._build_config["BUILD_CUDA_MODULE"]:
            raise ImportError("built for CUDA")
        # As the package does before it loads its core: OpenMP and TBB are to bear one another.
        os.environ.update(KMP_DUPLICATE_LIB_OK="True", TCM_ENABLE="1")
        return importlib.import_module(_CORE)
    finally:
        for name in ("open3d", "open3d.cpu"):
            sys.modules.pop(name, None)
