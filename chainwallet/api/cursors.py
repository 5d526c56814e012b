"""Pages of long lists: ``limit`` and an opaque ``cursor``, which says where the page before ended.

A cursor is the place of the last thing shown and the name of its list, under a check sum. It grants nothing: whoever
makes one up sees what they may see anyway, from another place on. What is no cursor of the list is refused.

A route says ``page: Annotated[Page, Depends(paged("movements", int, int))]``, asks its answer for ``page.wanted``
things after ``page.after``, and shapes what ``page.cut`` gives.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Query

from chainwallet.errors import BadValue

MOST_LIMIT = 200
USUAL_LIMIT = 50
MOST_CURSOR_CHARACTERS = 512
_CHECK_BYTES = 6

T = TypeVar("T")
Place = tuple[int | str, ...]


@dataclass(frozen=True)
class Page:
    """At most ``limit`` things of the list ``name`` after the place ``after`` (None: from its beginning)."""

    name: str
    limit: int
    after: Place | None

    @property
    def wanted(self) -> int:
        """How many to ask for: one more than is shown says whether there is another page."""
        return self.limit + 1

    def cut(self, found: Sequence[T], place: Callable[[T], Place]) -> tuple[list[T], str | None]:
        """Of up to ``wanted`` things ``found`` those to show, and the cursor of the next page where there is one."""
        shown = list(found[: self.limit])
        return shown, self.cursor(place(shown[-1]) if len(found) > self.limit else None)

    def cursor(self, place: Place | None) -> str | None:
        """The cursor of the page after ``place``; None where there is none."""
        return None if place is None else write_cursor(self.name, place)


class Paged:
    """A dependency: the page that ``limit`` and ``cursor`` ask for; raises ``BadValue`` of ``cursor``."""

    def __init__(self, name: str, kinds: tuple[type[int] | type[str], ...]) -> None:
        self._name = name
        self._kinds = kinds

    async def __call__(
        self,
        limit: Annotated[int, Query(ge=1, le=MOST_LIMIT, description="Most things on the page")] = USUAL_LIMIT,
        cursor: Annotated[
            str | None,
            Query(max_length=MOST_CURSOR_CHARACTERS, description="`next_cursor` of the page before", examples=[None]),
        ] = None,
    ) -> Page:
        """The page."""
        return Page(self._name, limit, None if cursor is None else read_cursor(self._name, self._kinds, cursor))


def paged(name: str, *kinds: type[int] | type[str]) -> Paged:
    """The dependency of a route with pages of the list ``name``, whose places have parts of these kinds."""
    return Paged(name, kinds)


def write_cursor(name: str, place: Place) -> str:
    """The cursor of ``place`` in the list ``name``."""
    written = json.dumps(place, separators=(",", ":")).encode("utf-8")
    return base64.urlsafe_b64encode(_check(name, written) + written).rstrip(b"=").decode("ascii")


def read_cursor(name: str, kinds: tuple[type[Any], ...], cursor: str) -> Place:
    """The place that ``cursor`` of the list ``name`` says; raises ``BadValue`` of ``cursor`` for any other text."""
    try:
        written = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[_CHECK_BYTES:]
        place = tuple(json.loads(written))
    except (ValueError, TypeError, RecursionError):
        place = ()
    if [type(part) for part in place] != list(kinds) or write_cursor(name, place) != cursor:
        raise BadValue("cursor", cursor, "the `next_cursor` of a page of this list")
    return place


def _check(name: str, written: bytes) -> bytes:
    return hashlib.sha256(b"%s:%s" % (name.encode("utf-8"), written)).digest()[:_CHECK_BYTES]
