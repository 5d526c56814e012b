"""What the methods of all parts of the client share: where they ask, paths, and pages."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from chainwallet.client.transport import Transport

USUAL_LIMIT = 50

T = TypeVar("T")


class Asking(Protocol):
    """What the methods are of: a client."""

    _transport: Transport


def route(*parts: str) -> str:
    """The path of a route of which ``parts`` are the parts, whatever characters they have."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def through(page_at: Callable[[str | None], Any], things_of: Callable[[Any], tuple[T, ...]]) -> Iterator[T]:
    """The things on all pages; ``page_at`` gives that with a cursor, or the first."""
    cursor: str | None = None
    while True:
        page = page_at(cursor)
        yield from things_of(page)
        cursor = page.next_cursor
        if cursor is None:
            return
