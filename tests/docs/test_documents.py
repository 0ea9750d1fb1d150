"""README and docs: what must be there is there, and every relative link leads somewhere."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / n for n in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    ROOT.glob("docs/**/*.md")
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    """Return the text without fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere."""
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert not list(broken(page))


def test_first_screen_of_the_readme() -> None:
    first = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30])
    assert "./openmtz demo" in first and "./openmtz test" in first
    assert "Not a medical device" in first
    assert re.search(r"!\[[^\]]+\]\(docs/images/", first)


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 400_000, picture.name


def test_every_page_is_reached_from_the_index() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists():
                todo.append(target)
    assert not [str(p.relative_to(ROOT)) for p in PAGES if p not in seen]


def test_every_option_of_the_demo_is_in_the_guide() -> None:
    from openmtz.cli.demo import demo

    guide = (ROOT / "docs" / "user_guide.md").read_text(encoding="utf-8")
    options = [
        "open" if n == "open_report" else n.replace("_", "-") for n in inspect.signature(demo).parameters
    ]
    assert not [o for o in options if not re.search(rf"--{o}\b", guide)]


def test_every_field_of_the_summary_is_in_the_guide() -> None:
    from openmtz.records import RunSummary

    guide = (ROOT / "docs" / "user_guide.md").read_text(encoding="utf-8")
    assert not [name for name in RunSummary.model_fields if f"`{name}`" not in guide]


def test_every_hook_is_documented() -> None:
    from openmtz.hooks import spec

    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in spec.HOOK_NAMES:
        assert (inspect.getdoc(getattr(spec, name)) or "").strip(), name
        assert f"`{name}`" in page, name


def test_every_import_room_is_in_the_readme() -> None:
    rooms = {p.parent.name for p in (ROOT / "src" / "openmtz").glob("*/__init__.py")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [room for room in rooms if f"`{room}`" not in readme and f"openmtz/{room}/" not in readme]


def test_what_is_waited_for_is_on_the_page_of_the_treatment() -> None:
    from openmtz.procedure import STATES

    page = (ROOT / "docs" / "nodes" / "treatment.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `(\w+)` \| [a-z]", page, flags=re.M))
    assert {s.waiting_for for s in STATES.values() if s.waiting_for} == shown & {
        "approval", "ready", "footswitch", "operator",
    }  # fmt: skip


def test_the_page_on_the_suite_has_a_row_for_every_folder_of_tests() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(tests/\w+)` \| \S", page, flags=re.M)
    assert rows == sorted({f"tests/{file.parent.name}" for file in (ROOT / "tests").glob("*/test_*.py")})
