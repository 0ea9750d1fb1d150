"""Open3D's core by itself: lean, the same classes, and no obstacle for a later `import open3d`."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("open3d", reason="Open3D")


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


def test_the_whole_package_can_be_imported_afterwards_and_is_the_same() -> None:
    said = run(
        "from openmtz.capture import load_open3d; o = load_open3d(); import open3d;"
        "print(open3d.__version__ != '', open3d.core.Tensor is o.core.Tensor,"
        " open3d.geometry.PointCloud is o.geometry.PointCloud, load_open3d() is open3d)"
    )
    assert said == "True True True True"


def test_what_is_loaded_already_is_taken() -> None:
    assert (
        run("import open3d; from openmtz.capture import load_open3d; print(load_open3d() is open3d)")
        == "True"
    )
