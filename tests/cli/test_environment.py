"""The environment of ./openmtz: what a user gets, what `test` adds, and what asking costs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_environment import NOT_KEPT, PYTHON, STEPS, Environment

ROOT = Path(__file__).resolve().parents[2]
TRAIN = {
    "dash", "flask", "ipython", "ipywidgets", "jedi", "jupyter-core", "jupyterlab-widgets", "nbformat",
    "pandas", "plotly", "scikit-learn", "widgetsnbextension",
}  # fmt: skip


def names(list_name: str) -> set[str]:
    text = (ROOT / "requirements" / list_name).read_text()
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


@pytest.fixture()
def venv(tmp_path: Path) -> Environment:
    """An environment of which all steps are done."""
    made = Environment(str(ROOT), str(tmp_path / "venv"), "sourced")
    Path(made.site, "pip").mkdir(parents=True)
    Path(made.state).mkdir()
    Path(made.venv, "pyvenv.cfg").touch()
    for step in ("venv", *STEPS):
        made.set_done(step)
    Path(made.site, "openmtz_interfaces").mkdir()
    made.set_done("manifest")
    return made


def file(venv: Environment, name: str, content: bytes) -> Path:
    path = Path(venv.site, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def slim(venv: Environment) -> str:
    script = ROOT / "tools" / "slim_environment.py"
    return subprocess.check_output([sys.executable, "-I", "-S", str(script), venv.venv], text=True)


def test_no_user_gets_open3ds_train_or_the_tools_of_the_tests() -> None:
    assert not TRAIN & names("constraints.txt"), "nothing of these is installed, whoever asks"
    tools = names("test.txt")
    assert {"pytest", "hypothesis", "mypy", "ruff", "import-linter"} <= tools
    assert not tools & (names("run.txt") | names("ros.txt") | names("build.txt") | names("open3d.txt"))
    assert names("open3d.txt") == {"open3d-cpu"} and "open3d-cpu" not in names("run.txt")
    wrapper = (ROOT / "openmtz").read_text()
    assert "--no-deps -c requirements/constraints.txt -r requirements/open3d.txt" in wrapper


def test_tools_are_a_step_of_their_own(venv: Environment) -> None:
    assert venv.todo(deep=False, tools=False) == []
    assert venv.todo(deep=False, tools=True) == ["tools"]
    venv.set_done("tools")
    assert venv.todo(deep=False, tools=True) == ["tools"], "the stamp is there, what it stands for is not"
    for module in ("hypothesis", "mypy", "pytest"):
        Path(venv.site, module).mkdir()
    assert venv.todo(deep=False, tools=True) == []
    assert venv.wanted("tools") != venv.wanted("libraries")


def test_what_nobody_uses_is_removed_and_not_missed(venv: Environment) -> None:
    version = venv.pins()["numpy"]
    gone = ["numpy/tests/a.py", "numpy/ma/tests/b.py"]
    kept = ["numpy/core.py", "numpy/testing/c.py"]
    for name in gone + kept:
        file(venv, name, b"x")
    record = "".join(f"{name},,1\n" for name in gone + kept)
    file(venv, f"numpy-{version}.dist-info/RECORD", record.encode())
    for name in ("cmeel.prefix/include/boost/x.hpp", "open3d/resources/font.ttf", "mine/tests/test.py"):
        file(venv, name, b"x")
    assert "removed" in slim(venv)
    there = {str(p.relative_to(venv.site)) for p in Path(venv.site).rglob("*") if p.is_file()}
    assert there == {*kept, "mine/tests/test.py", f"numpy-{version}.dist-info/RECORD"}
    assert (
        not Path(venv.site, "numpy/tests").exists() and not Path(venv.site, "cmeel.prefix/include").exists()
    )
    assert venv.damaged() == set()
    Path(venv.site, "numpy/core.py").unlink()
    assert venv.damaged() == {f"damaged numpy=={version}"}


def test_second_copies_become_links(venv: Environment) -> None:
    one = file(venv, "a/libx.so", b"x" * 200_000)
    two = file(venv, "a/libx.so.1", b"x" * 200_000)
    other = file(venv, "a/liby.so", b"y" * 200_000)
    small = [file(venv, f"b/{k}.py", b"z" * 100) for k in range(2)]
    runs = file(venv, "bin/x", b"x" * 200_000)
    runs.chmod(0o755)
    slim(venv)
    assert one.stat().st_ino == two.stat().st_ino != other.stat().st_ino
    assert small[0].stat().st_ino != small[1].stat().st_ino and runs.stat().st_ino != one.stat().st_ino
    assert two.read_bytes() == b"x" * 200_000 and other.read_bytes() == b"y" * 200_000
    slim(venv)
    assert not [p for p in Path(venv.site).rglob("*") if p.name.endswith("openmtz-new")]


def test_nothing_of_ours_and_no_module_is_taken_for_unused() -> None:
    for path in ("openmtz/tests/a.py", "numpy/testing/a.py", "open3d/cpu/pybind.so", "cmeel.prefix/lib/x.so"):
        assert not NOT_KEPT.match(path)
    assert PYTHON.startswith("python3.")


@pytest.mark.parametrize(
    "words",
    ["--help", "-h", "help", "", "demo --help", "demo --seed 3 -h", "test --help", "plan show --help",
     "setup --help", "campaign --help", "nonsense --help", "--version"],
)  # fmt: skip
def test_who_asks_does_not_wait_for_an_environment(tmp_path: Path, words: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENMTZ_PYTHON", "AMENT_PREFIX_PATH")}
    environment["OPENMTZ_VENV"] = str(tmp_path / "venv")
    done = subprocess.run(
        [str(ROOT / "openmtz"), *words.split()], env=environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "OpenMTZ" in done.stdout if words == "--version" else "Usage: openmtz" in done.stdout
    assert list(tmp_path.iterdir()) == [], "not even a folder is made"
