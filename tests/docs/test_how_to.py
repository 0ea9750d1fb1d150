"""The how-to pages are walks that work: their files exist, and their code does what the page says of it."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path

import pytest
from walks import HOW_TO, ROOT, blocks, run

PAGES = sorted(HOW_TO.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_file_a_page_names_exists(page: Path) -> None:
    listed = re.findall(r"`([\w./]+/[\w./]*)`", page.read_text(encoding="utf-8"))
    assert len(listed) >= 3, "a walk lists its files"
    missing = [name for name in listed if not (ROOT / name).exists()]
    called = re.findall(r"^python (\S+)", page.read_text(encoding="utf-8"), flags=re.M)
    assert not [*missing, *(name for name in called if not (ROOT / name).exists())]


def test_a_row_more_is_an_interlock_line_more_everywhere() -> None:
    """Nothing but the table has to know: run with the page's row, each part has the line."""
    row, follows = blocks("interlock_line")
    (field,) = re.findall(r"^bool (\w+)", "".join(blocks("interlock_line", "")), flags=re.M)
    code = f"""
import sys
from openmtz.safety import interlock_lines as table
from openmtz.safety.interlock_lines import InterlockLine, SafetyState
row = {row.strip()}
table.INTERLOCK_LINES += (row,)
from openmtz.safety import CONDITIONS, LINE_NAMES, Interlocks, SafetyConfig, next_transition
from openmtz.safety.lines import LineWatch
from openmtz.simulation.faults import FAULTS, HeldLines
{follows}
from openmtz.simulation.scan_head_device import HEAD_LINES, LINES
assert row.name == {field!r} and row.name in LINES and row.name not in HEAD_LINES
try:
    Interlocks(0.0, **{{name: True for name in LINE_NAMES if name != row.name}})
    raise SystemExit("a message without the line was taken")
except TypeError:
    pass
sys.path.insert(0, "tools")
import generate_docs, generate_fault_docs
assert f"| `{{row.condition}}` |" in generate_docs.safety_states()
assert f"| `{{row.fault}}` |" in generate_fault_docs.render()
from node_docs.extras import EXTRAS
page = "".join(EXTRAS["simulation"]())
assert f"| `{{row.name}}` | no |" in page and f"| `{{row.fault}}` | lines |" in page
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


CONDITION_WALK = """
import sys
sys.path.insert(0, "tests/safety")
from openmtz.safety import conditions
from openmtz.safety.conditions import TO_FAULT, Condition
{enter}
from openmtz.safety import SafetyState
from openmtz.safety.device import DeviceWatch
from safety_cell import Cell

judge = DeviceWatch.update

def update(self, head):
    active = judge(self, head)
{finding}
    return active

DeviceWatch.update = update
{test}
test_a_head_that_executed_more_than_it_holds_is_a_fault()
"""


def condition_walk(enter: str, test: str) -> subprocess.CompletedProcess[str]:
    finding = textwrap.indent(blocks("safety_condition")[1], "    ")
    return run(CONDITION_WALK.format(enter=enter, finding=finding, test=test))


def test_a_row_and_a_finding_are_a_safety_condition() -> None:
    row, _, test = blocks("safety_condition")
    enter = f"row = {row.strip()}\nconditions.CONDITIONS[row.code] = row"
    done = condition_walk(enter, test)
    assert done.returncode == 0, done.stderr


def test_a_finding_whose_row_was_forgotten_latches_too() -> None:
    """As the page says: under `finding-unknown`, with the code in its detail."""
    test = blocks("safety_condition")[2].replace('"executed-beyond-loaded")', '"finding-unknown")')
    test = test.replace('["executed-beyond-loaded"] == "', '["finding-unknown"] == "executed-beyond-loaded: ')
    done = condition_walk("", test)
    assert done.returncode == 0, done.stderr


FIELD_WALK = """
import ast, json, sys
from openmtz.hooks import types
from openmtz.plan import Finding, Severity
from pydantic import create_model

(wanted,) = ast.parse({field!r}).body
annotation, default = (eval(ast.unparse(part)) for part in (wanted.annotation, wanted.value))
types.PatientFacts = create_model(
    "PatientFacts", __base__=types.PatientFacts, **{{wanted.target.id: (annotation, default)}}
)
PatientFacts = types.PatientFacts  # before anything else of the host is imported, as if it stood in the class
{rule}
{test}
test_light_is_halved_unless_stated_harmless()

from openmtz.planning import RequestError, parse_request
name = wanted.target.id
assert getattr(parse_request('{{}}').facts, name) is default
stated = parse_request(json.dumps({{"facts": {{name: True}}}}))
assert getattr(stated.facts, name) is True and stated.facts.model_dump(mode="json")[name] is True
try:
    parse_request(json.dumps({{"facts": {{name: "perhaps, who knows"}}}}))
    raise SystemExit("what breaks the field's type was taken")
except RequestError as error:
    assert name in str(error)
sys.path.insert(0, "tools")
from node_docs.extras import EXTRAS
assert f"| `{{name}}` |" in "".join(EXTRAS["mtz_planner"]())
"""


def test_a_field_of_the_facts_is_known_to_request_header_and_docs() -> None:
    """Nothing but the class has to know: run with the page's field, each part has it."""
    field, rule, test = blocks("hook_field")
    done = run(FIELD_WALK.format(field=field.strip(), rule=rule, test=test))
    assert done.returncode == 0, done.stderr
