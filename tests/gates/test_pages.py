"""README.md and docs: what they name is there."""

import re
from pathlib import Path

import pytest

from chainwallet.rules.promise import TRANSITIONS, stage_name

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMED = re.compile(r"`(?P<file>(?:[\w/]+/)?(?:test_\w+\.py|\w+\.t\.sol))(?:::(?P<test>\w+))?`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


def named_in(page: Path) -> list[tuple[str, str | None]]:
    """The tests that a page names: files, by their paths or names alone, and functions in them."""
    return [(found["file"], found["test"]) for found in NAMED.finditer(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    """Who looks a promise's test up finds the file and the function in it."""
    for name, test in named_in(page):
        places = [ROOT / name] if "/" in name else list((ROOT / "tests").rglob(name))
        assert any(place.is_file() for place in places), name
        defined = re.compile(rf"^\s*(?:def|function) {test}\(", re.MULTILINE)
        assert test is None or any(defined.search(place.read_text("utf-8")) for place in places), f"{name}::{test}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    """A link within the repository leads to a file or directory of it."""
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_promise_of_the_readme_names_its_test() -> None:
    """Each row of the README's promises names a function that shows it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.partition("| promise | test |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    assert len(table) > 20
    assert [row for row in table if "::" not in row] == []


def test_the_life_of_a_payment_is_drawn_as_the_rules_have_it() -> None:
    """Each arrow of the README's diagram is a step that the rules allow, and every stage is in it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    arrows = set(re.findall(r"^    (\w+) --> (\w+):", readme, re.MULTILINE))
    allowed = {(stage_name(before), stage_name(after)) for (before, _), after in TRANSITIONS.items()}
    assert arrows <= allowed
    assert {stage for arrow in arrows for stage in arrow} == {stage for step in allowed for stage in step}
