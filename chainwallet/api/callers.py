"""Who asks: a bearer token (RFC 6750) leads to a caller, and each route declares the scope that it needs.

A route says ``caller: Annotated[Caller, Depends(signed_in("payments:read"))]``; the scopes of all routes are read from
the app by ``openapi.scope_of`` and stand in the OpenAPI document.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

from fastapi import Request
from starlette.datastructures import State

from chainwallet.accounts import Caller, require, require_session
from chainwallet.api.limits import Rates
from chainwallet.api.readers import Readers
from chainwallet.errors import NotSignedIn
from chainwallet.rules.scope import SCOPES, Scope

MOST_TOKEN_CHARACTERS = 128

Needed = Scope | Literal["session"]
"""What a route asks of its callers: a scope, or a session, which no API key is."""

CallersOf = Callable[[Sequence[str]], Sequence[Caller | NotSignedIn]]
"""Who is meant by each of some bearer tokens."""


class SignedIn:
    """A dependency: the caller, who has what is ``needed`` (None: any credentials) and whose rate has room.

    Raises ``NotSignedIn``, ``Forbidden`` and ``TooMany``.
    """

    def __init__(self, needed: Needed | None) -> None:
        if needed not in (None, "session", *SCOPES):
            raise ValueError(needed)
        self.needed = needed

    async def __call__(self, request: Request) -> Caller:
        """The caller of ``request``."""
        return await self.caller(request.app.state, request.scope["state"], request.headers.get("authorization"))

    async def caller(self, state: State, noted: dict[str, Any], authorization: str | None) -> Caller:
        """The caller with the header ``authorization``; who it is, is ``noted`` for the log."""
        token = bearer_token(authorization)
        readers: Readers = state.readers
        caller: Caller = await readers.together(_callers_of, state.parts.callers_of, token)
        noted["caller"] = caller.account_id
        if self.needed == "session":
            require_session(caller)
        elif self.needed is not None:
            require(caller, self.needed)
        rates: Rates = state.rates
        rates.account.take(str(caller.account_id))
        return caller


def _callers_of(callers_of: CallersOf, tokens: Sequence[str]) -> Sequence[Caller | Exception]:
    return callers_of(tokens)


@cache
def signed_in(needed: Needed | None) -> SignedIn:
    """The dependency of routes that need a scope or a session; None where any credentials will do."""
    return SignedIn(needed)


def bearer_token(authorization: str | None) -> str:
    """The token in a header ``Authorization: Bearer <token>``; raises ``NotSignedIn``."""
    if authorization is None:
        raise NotSignedIn("the header Authorization is missing")
    kind, _, token = authorization.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not 0 < len(token) <= MOST_TOKEN_CHARACTERS or not token.isascii():
        raise NotSignedIn("the header Authorization is not `Bearer` and a token")
    return token
