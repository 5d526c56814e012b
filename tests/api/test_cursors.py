"""Pages of long lists: every thing once, in order, by opaque cursors of bounded pages."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Depends
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.api.app import make_app
from chainwallet.api.cursors import Page, paged, read_cursor, write_cursor
from chainwallet.api.parts import Parts
from chainwallet.api.routing import Router
from chainwallet.errors import BadValue
from tests.api.service import Asking

THINGS = [(block, name) for block in range(30) for name in ("a", "b")]
router = Router(tags=["tests"])


@router.get("/things")
async def things(page: Annotated[Page, Depends(paged("things", int, str))]) -> dict[str, object]:
    rest = [thing for thing in THINGS if page.after is None or thing > page.after]
    shown, cursor = page.cut(rest[: page.wanted], lambda thing: thing)
    return {"items": shown, "next_cursor": cursor}


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    with Asking(make_app(parts, routers=(router,))) as client:
        yield client


@pytest.mark.parametrize("limit", [1, 7, 59, 60, 200])
def test_pages_show_everything_once(asking: Asking, limit: int) -> None:
    """Following the cursors shows each thing once and in order, and the last page has none."""
    found: list[tuple[int, str]] = []
    query: dict[str, object] = {"limit": limit}
    while True:
        told = asking.get("/things", params=query).json()
        assert len(told["items"]) <= limit
        found += [tuple(item) for item in told["items"]]
        if told["next_cursor"] is None:
            break
        query["cursor"] = told["next_cursor"]
    assert found == THINGS


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1000000000", "1e3", "x", "9" * 5000])
def test_a_page_has_a_limit(asking: Asking, limit: str) -> None:
    """A page of more than 200 things, or of none, is refused and nothing is read."""
    answer = asking.get("/things", params={"limit": limit})
    assert (answer.status_code, answer.json()["field"]) == (422, "limit")


GOOD = write_cursor("things", (3, "a"))


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "....", GOOD[:-1], GOOD[:-2] + "AA", GOOD + "A", "a" + GOOD[1:], GOOD + "=", "\x00", "é" * 9, "A" * 512,
     write_cursor("others", (3, "a")), write_cursor("things", ("a", 3)), write_cursor("things", (3,)),
     write_cursor("things", (True, "a"))],
)  # fmt: skip
def test_what_is_no_cursor_of_the_list_is_refused(asking: Asking, cursor: str) -> None:
    """A cursor that was changed, is another list's or none at all is refused by name."""
    answer = asking.get("/things", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")
    assert asking.get("/things", params={"cursor": GOOD}).status_code == 200


@given(st.tuples(st.integers(), st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_cursor_reads_back(place: tuple[int, str]) -> None:
    """Any place is read back as it was written, by the list that wrote it alone."""
    cursor = write_cursor("things", place)
    assert read_cursor("things", (int, str), cursor) == place
    with pytest.raises(BadValue):
        read_cursor("other things", (int, str), cursor)
