"""`./openmtz test`: both parts of the suite, one verdict, and an end that leaves nothing running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from openmtz.cli import maintenance, suite
from openmtz.cli.errors import UserError

PYTEST_INI = "[pytest]\naddopts = -m 'not campaign'\nmarkers =\n    alone: alone\n    campaign: long\n"
WORKS = "def test_works():\n    pass\n"
FAILS = "def test_fails():\n    raise AssertionError\n"
WHO = "import os, pathlib\ndef test_who():\n    pathlib.Path('who').write_text(str(dict(os.environ)))\n"
ALONE = "import pytest\npytestmark = pytest.mark.alone\n"
CAMPAIGN = "import pytest\npytestmark = pytest.mark.campaign\n"
HANGS = """
import os, signal, subprocess, sys, time
from pathlib import Path
import pytest

@pytest.fixture
def child():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield child
    child.kill()
    child.wait()
    Path("ended").write_text("by its fixture")

def test_hangs(child):
    Path("child").write_text(str(child.pid))
    os.rename("child", "pid")
    time.sleep(600)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with tests of its own, run as those of the checkout are."""
    (tmp_path / "pytest.ini").write_text(PYTEST_INI)
    return tmp_path


def environment() -> dict[str, str]:
    """Ours, without what this run of pytest put there, and without plugins that take seconds to load."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return {**ours, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist.plugin"}


def run(checkout: Path, files: dict[str, str], processes: int = 2, campaign: bool = False) -> int:
    for name, text in files.items():
        (checkout / name).write_text(text)
    return suite.run_suite(checkout, environment(), processes=processes, campaign=campaign)


def test_both_parts_pass(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {
        "test_a.py": WORKS,
        "test_b.py": ALONE + WORKS + WHO,
        "test_c.py": CAMPAIGN + FAILS,
        "test_d.py": "import pytest\ndef test_skips():\n    pytest.skip('no')\n",
    }
    assert run(checkout, files) == 0
    said = capfd.readouterr().out
    assert "in parallel (2 processes): 1 passed, 1 skipped in" in said
    assert "alone, one after the other: 2 passed in" in said and "FAILED" not in said
    assert "PYTEST_XDIST_WORKER" not in (checkout / "who").read_text()


def test_each_folder_says_what_it_cost_the_dearest_first(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("quick", "slow"):
        (checkout / name).mkdir()
    sleeps = "import time\ndef test_sleeps():\n    time.sleep(0.3)\n"
    files = {"quick/test_a.py": WORKS, "slow/test_b.py": WORKS + sleeps, "slow/test_c.py": ALONE + WORKS}
    assert run(checkout, files, processes=0) == 0
    rows = capfd.readouterr().out.split("by part: tests, seconds\n")[1].splitlines()
    assert [row.split()[0] for row in rows] == ["slow", "quick"]
    slow, quick = (row.split()[1:] for row in rows)
    assert slow[0] == "2" and float(slow[1]) >= 0.3 and slow[2] == "1" and float(slow[3]) < 0.3
    assert quick[0] == "1" and quick[2:] == ["0", "0.0"]


@pytest.mark.parametrize("failing", ["test_a.py", "test_b.py"])
def test_a_failure_in_either_part_is_named_at_the_end_and_both_are_run(
    checkout: Path, capfd: pytest.CaptureFixture[str], failing: str
) -> None:
    files = {"test_a.py": WORKS, "test_b.py": ALONE + WORKS}
    files[failing] += FAILS
    assert run(checkout, files) == 1
    end = capfd.readouterr().out.split("== tests, both parts")[1]
    assert f"FAILED {failing}::test_fails" in end and end.count("1 passed") == 2


def test_what_cannot_be_collected_fails(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(checkout, {"test_a.py": WORKS, "test_b.py": "import no_such_module_of_ours\n"}) == 1
    assert "FAILED" in capfd.readouterr().out.split("== tests, both parts")[1]


def test_a_part_that_dies_fails(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dies = ALONE + "import os\ndef test_dies():\n    os._exit(3)\n"
    assert run(checkout, {"test_a.py": WORKS, "test_b.py": dies}) == 1
    assert "alone, one after the other: ended by exit code 3" in capfd.readouterr().out


def test_a_part_without_tests_is_no_failure(checkout: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(checkout, {"test_a.py": WORKS}, processes=0) == 0
    assert "alone, one after the other: no tests in" in capfd.readouterr().out


def test_the_campaigns_come_when_asked_for(checkout: Path) -> None:
    assert run(checkout, {"test_c.py": CAMPAIGN + WORKS + FAILS}, processes=0) == 0
    assert run(checkout, {"test_c.py": CAMPAIGN + WORKS + FAILS}, processes=0, campaign=True) == 1


@pytest.mark.parametrize(("mark", "number"), [("", signal.SIGINT), (ALONE, signal.SIGTERM)])
def test_an_interruption_ends_tests_with_their_teardown(checkout: Path, mark: str, number: int) -> None:
    (checkout / "test_a.py").write_text(mark + HANGS)
    code = (
        "import os, pathlib, sys\nfrom openmtz.cli.suite import run_suite\n"
        "sys.exit(run_suite(pathlib.Path.cwd(), dict(os.environ), processes=2))"
    )
    source = Path(suite.__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=checkout,
        env={**environment(), "PYTHONPATH": str(source)},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60.0
    while not (checkout / "pid").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60.0)
    assert process.returncode == 130
    assert "== tests, both parts" in said
    assert (checkout / "ended").read_text() == "by its fixture"
    assert not Path(f"/proc/{(checkout / 'pid').read_text()}").exists()


class Called:
    """What the command hands over, instead of doing it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.suite: dict[str, Any] = {}
        self.pytest: list[str] = []
        self.environment: dict[str, str] = {}
        monkeypatch.delenv("OPENMTZ_TEST", raising=False)
        monkeypatch.setattr(maintenance, "run_suite", self._suite)
        monkeypatch.setattr(os, "chdir", lambda _path: None)
        monkeypatch.setattr(os, "execve", self._become)

    def _suite(self, _root: Path, environment: dict[str, str], **options: Any) -> int:
        self.suite, self.environment = options, environment
        return 7

    def _become(self, _program: str, command: list[str], environment: dict[str, str]) -> None:
        self.pytest, self.environment = command[3:], environment
        raise SystemExit

    def test(self, *arguments: str, campaign: bool = False, processes: int | None = None) -> int | None:
        context: Any = SimpleNamespace(args=list(arguments))
        try:
            return maintenance.test(context, campaign=campaign, checks=False, processes=processes)
        except SystemExit:
            return None


def test_the_command_runs_the_suite_on_every_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    called = Called(monkeypatch)
    assert called.test() == 7
    assert called.suite == {"processes": len(os.sched_getaffinity(0)), "campaign": False}
    assert called.test(processes=3, campaign=True) == 7
    assert called.suite == {"processes": 3, "campaign": True} and called.pytest == []


def test_a_selection_goes_to_one_call_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    called = Called(monkeypatch)
    assert called.test("-k", "plan") is None and called.pytest == ["-k", "plan"]
    assert called.test("tests/plan", processes=2, campaign=True) is None
    assert called.pytest == ["tests/plan", "-n", "2", "-m", "campaign or not campaign"]
    assert called.suite == {}


@pytest.mark.parametrize("arguments", [(), ("-k", "plan")])
def test_the_command_says_that_the_installation_is_complete(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    called = Called(monkeypatch)
    called.test(*arguments)
    assert called.environment["OPENMTZ_TEST"] == "1"


RULES = """
[tool.importlinter]
root_package = "aroom"
[[tool.importlinter.contracts]]
name = "b does not know a"
type = "forbidden"
source_modules = ["aroom.b"]
forbidden_modules = ["aroom.a"]
"""


@pytest.mark.parametrize("broken", [False, True])
def test_import_rules_are_truly_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: bool
) -> None:
    (tmp_path / "aroom").mkdir()
    for name, text in (("__init__", ""), ("a", ""), ("b", "import aroom.a\n" if broken else "")):
        (tmp_path / "aroom" / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text(RULES)
    command = [sys.executable, "-c", maintenance.IMPORT_RULES, "--no-cache"]
    if not broken:
        maintenance._check("import rules", command, tmp_path)
        assert capsys.readouterr().out == "import rules: ok\n"
        return
    with pytest.raises(UserError, match="import rules found something"):
        maintenance._check("import rules", command, tmp_path)
    assert "aroom.b is not allowed to import aroom.a" in capsys.readouterr().out
