"""Who asks: a bearer token (RFC 6750) leads to a caller, and each route declares the scope that it needs.

A route says ``caller: Annotated[Caller, Depends(signed_in("payments:read"))]``; the scopes of all routes are read from
the app by ``openapi.scope_of`` and stand in the OpenAPI document.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Literal

from fastapi import Request

from chainwallet.accounts import Caller, require, require_session
from chainwallet.api.limits import Rates
from chainwallet.api.readers import Readers
from chainwallet.errors import NotSignedIn
from chainwallet.rules.scope import SCOPES, Scope

MOST_TOKEN_CHARACTERS = 128

Needed = Scope | Literal["session"]
"""What a route asks of its callers: a scope, or a session, which no API key is."""

CallerOf = Callable[[str], Caller]
"""Who is meant by a bearer token; raises ``NotSignedIn``."""


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
        state = request.app.state
        caller_of: CallerOf = state.parts.caller_of
        token = bearer_token(request.headers.get("authorization"))
        readers: Readers = state.readers
        caller = await readers.call(partial(caller_of, token))
        request.scope["state"]["caller"] = caller.account_id
        if self.needed == "session":
            require_session(caller)
        elif self.needed is not None:
            require(caller, self.needed)
        rates: Rates = state.rates
        rates.account.take(str(caller.account_id))
        return caller


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
