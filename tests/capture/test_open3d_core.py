"""Open3D's core by itself: lean, the same classes, and no obstacle for a later `import open3d`."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

if find_spec("open3d") is None:
    pytest.skip("Open3D", allow_module_level=True)


@pytest.fixture()
def train() -> None:
    """What `import open3d` loads before its core. OpenMTZ's own environment goes without; others may not."""
    pytest.importorskip("dash", reason="Open3D with all that it asks for, which ./openmtz does not install")


TRAIN = (
    "addict", "configargparse", "dash", "flask", "ipywidgets", "matplotlib", "nbformat", "pandas", "plotly",
    "pyquaternion", "sklearn", "tqdm", "werkzeug", "yaml",
)  # fmt: skip


def run(code: str) -> str:
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def test_it_loads_nothing_for_notebooks_and_learning() -> None:
    said = run(
        "import sys; from openmtz.capture import load_open3d; o = load_open3d();"
        "assert all(hasattr(o, n) for n in ('core', 'camera', 'geometry', 'pipelines', 't', 'utility'));"
        "print([n for n in ('dash', 'plotly', 'pandas', 'sklearn', 'IPython') if n in sys.modules])"
    )
    assert said == "[]"


def test_the_whole_package_can_be_imported_afterwards_and_is_the_same(train: None) -> None:
    said = run(
        "from openmtz.capture import load_open3d; o = load_open3d(); import open3d;"
        "print(open3d.__version__ != '', open3d.core.Tensor is o.core.Tensor,"
        " open3d.geometry.PointCloud is o.geometry.PointCloud, load_open3d() is open3d)"
    )
    assert said == "True True True True"


def test_what_is_loaded_already_is_taken(train: None) -> None:
    assert (
        run("import open3d; from openmtz.capture import load_open3d; print(load_open3d() is open3d)")
        == "True"
    )


def test_it_loads_where_only_numpy_is_installed_beside_it() -> None:
    """As ./openmtz installs it: none of what Open3D's metadata asks for can be imported."""
    said = run(
        "import sys, importlib.abc\n"
        "class Gone(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in TRAIN: raise ModuleNotFoundError(name, name=name)\n"
        f"TRAIN = {TRAIN!r}\n"
        "sys.meta_path.insert(0, Gone())\n"
        "from openmtz.capture import load_open3d\n"
        "o = load_open3d()\n"
        "scene = o.t.geometry.RaycastingScene()\n"
        "fuse = o.pipelines.integration\n"
        "fuse.ScalableTSDFVolume(0.01, 0.04, fuse.TSDFVolumeColorType.NoColor)\n"
        "print(o.core.Tensor([1.0, 2.0]).numpy().sum(), o.geometry.PointCloud().has_points())"
    )
    assert said == "3.0 False"
