"""Problem details (RFC 9457): one table from what went wrong to a stable type, a title and a status.

Each type has a page, ``/problems/<slug>``, and its URL is the problem's ``type``. What is our fault, or a node's, is
told without its own words: those are for the log.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from chainwallet import errors
from chainwallet.api.kinds import KIND_OF, KINDS, Kind
from chainwallet.api.schemas.words import WORDS_OF_PATTERNS
from chainwallet.errors import ChainwalletError, TooMany

MEDIA_TYPE = "application/problem+json"
SHOWN_CHARACTERS = 200  # of a value that was refused
SHOWN_ERRORS = 10
RETRY_AFTER_S = 1  # where trying again is safe and nothing says when
SECRET_FIELDS = ("password", "secret", "token", "passphrase", "authorization", "private_key", "api_key")
"""A value is never told back where its field's name has one of these in it."""


@dataclass(frozen=True)
class Problem:
    """One occurrence of a kind of problem."""

    kind: Kind
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)
    """More members of the document: field, limit, value ... (RFC 9457 section 3.2)."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, object]:
        """The JSON document."""
        return {
            "type": f"/problems/{self.kind.slug}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            **self.members,
            "request_id": request_id,
        }

    def response(self, request_id: str) -> Response:
        """The answer to the request that has this problem."""
        body = json.dumps(self.document(request_id)).encode("ascii")
        return Response(body, self.kind.status, dict(self.headers), MEDIA_TYPE)


def problem(slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: object) -> Problem:
    """A problem of the kind ``slug``."""
    return Problem(KINDS[slug], detail, members, headers or {})


def problem_of(error: ChainwalletError) -> Problem:
    """What ``error`` is to the caller; the nearest class of its that the table knows says so."""
    kind = next(KIND_OF[known] for known in type(error).__mro__ if known in KIND_OF)
    if kind.status >= 500:
        headers = {"Retry-After": str(_wait_s(error))} if kind.status == 503 else {}
        return Problem(kind, kind.meaning, {}, headers)
    members = _members(error)
    detail = str(error)
    if "field" in members and "value" not in members and hasattr(error, "value"):
        detail = f"{members['field']}: expected {members.get('limit', 'another value')}"
    return Problem(kind, detail, members, _headers(error, kind))


def problem_of_input(error: RequestValidationError) -> Problem:
    """What the request's parameters or body did wrong: all of it, up to ``SHOWN_ERRORS``, and the first in members."""
    some = error.errors()[:SHOWN_ERRORS]
    found = [_input_error(one) for one in some]
    members = {**found[0], "errors": found}
    return Problem(KINDS["invalid-request"], _input_detail(some[0], found[0]), members)


def is_secret(field_name: str) -> bool:
    """Whether what stands in the field ``field_name`` may be a secret."""
    return any(word in field_name.lower() for word in SECRET_FIELDS)


def _headers(error: ChainwalletError, kind: Kind) -> dict[str, str]:
    if kind.status == 401:
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110 section 15.5.2: with every 401
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.wait_s)}
    return {"Retry-After": str(error.retry_after_s)} if isinstance(error, errors.TooManyTries) else {}


def _wait_s(error: ChainwalletError) -> int:
    if isinstance(error, errors.Recovering):
        return max(RETRY_AFTER_S, error.until_s - error.now_s)
    return RETRY_AFTER_S


def _members(error: ChainwalletError) -> dict[str, object]:
    """The error's own data as members; what is expected is called ``limit``."""
    members: dict[str, object] = {}
    for name, value in vars(error).items():
        members["limit" if name == "expected" else name] = _shown(value)
    if isinstance(error, errors.TooPrecise):
        members["limit"] = f"at most {error.decimals} decimals"
    if is_secret(str(members.get("field", ""))):
        members.pop("value", None)
    return members


def _input_error(one: Mapping[str, Any]) -> dict[str, object]:
    location: Sequence[object] = one["loc"]
    parts = location[1:] if location[0] == "body" else location[1:2]  # a parameter has no parts
    where = ".".join(str(part)[:SHOWN_CHARACTERS] for part in parts) or str(location[0])
    told: dict[str, object] = {"field": where, "limit": _words(one) or one["msg"]}
    value = one.get("input")
    if isinstance(value, str | int | bool | None) and one["type"] != "missing" and not is_secret(where):
        told["value"] = _shown(value)
    return told


def _input_detail(one: Mapping[str, Any], told: Mapping[str, object]) -> str:
    if _words(one) is None:
        return f"{told['field']}: {told['limit']}"  # a sentence of its own
    got = f"got {told['value']!r}, " if "value" in told else ""
    return f"{told['field']}: {got}expected {told['limit']}"


def _words(one: Mapping[str, Any]) -> str | None:
    """What is expected, where it is a pattern that has words."""
    return WORDS_OF_PATTERNS.get(one["ctx"]["pattern"]) if one["type"] == "string_pattern_mismatch" else None


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= 2**53):
        return value
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
