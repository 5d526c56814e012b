"""Times as texts: RFC 3339 in UTC, to the second (``2026-11-27T09:41:00Z``)."""

from datetime import UTC, datetime
from functools import lru_cache

from chainwallet.errors import BadValue

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@lru_cache(maxsize=4_096)
def time_text(at_s: int) -> str:
    """Seconds since 1970 as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime(_FORMAT)


def time_of(text: str, field: str) -> int:
    """The seconds since 1970 that ``text`` writes as RFC 3339 in UTC; raises ``BadValue`` of ``field``."""
    try:
        return int(datetime.strptime(text, _FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise BadValue(field, text, "a time in UTC such as 2026-11-27T09:41:00Z") from None
