"""What a body must be before a route reads it: plain JSON that means one thing to every reader (RFC 8259, RFC 7493)."""

import json

from chainwallet.formats.nesting import is_flat

MOST_DEPTH = 32
"""Most objects and lists in one another."""
MOST_NUMBER = 2**53 - 1  # RFC 7493 section 2.2: beyond it readers differ


class Unreadable(Exception):
    """A body that is refused, and why."""


def is_json(content_type: bytes | None) -> bool:
    """Whether a header Content-Type says JSON."""
    return content_type is not None and content_type.partition(b";")[0].strip().lower() == b"application/json"


def check_json(body: bytes) -> None:
    """Raises ``Unreadable`` where ``body`` is not one JSON document in UTF-8 that every reader reads alike.

    Refused are names that an object has twice, numbers beyond 2^53, NaN, halves of surrogate pairs, and more than
    ``MOST_DEPTH`` levels.
    """
    if not is_flat(body, MOST_DEPTH):
        raise Unreadable(f"body: JSON that is nested too deeply, expected at most {MOST_DEPTH} levels")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"body: byte {error.start} is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_int=_small, parse_constant=_never)
    except json.JSONDecodeError as error:
        raise Unreadable(f"body: not JSON at character {error.pos}: {error.msg}") from None
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise Unreadable("body: has half of a surrogate pair, which is no character") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("body: an object has one name twice")
    return found


def _small(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MOST_NUMBER:
        raise Unreadable("body: a number is beyond 2^53; amounts are decimal strings")
    return int(digits)


def _never(name: str) -> object:
    raise Unreadable(f"body: {name} is not JSON")
