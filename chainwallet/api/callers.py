"""Who asks: a bearer token (RFC 6750) leads to a caller, and each route declares the scope that it needs.

A route says ``caller: Annotated[Caller, Depends(signed_in("payments:read"))]``; the scopes of all routes are read from
the app by ``app.scope_of`` and stand in the OpenAPI document.
"""

from collections.abc import Set as AbstractSet
from functools import cache
from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from chainwallet.api.limits import Rates
from chainwallet.errors import Forbidden, NotSignedIn

SCOPES = ("payments:read", "payments:write", "history:read", "issuer:write", "keys:write", "account:read")
MOST_TOKEN_CHARACTERS = 128


class Caller(Protocol):
    """An account that asks, and what it may ask for."""

    @property
    def account(self) -> str:
        """The account's id."""

    @property
    def handle(self) -> str:
        """Its handle, without ``@``."""

    @property
    def roles(self) -> AbstractSet[str]:
        """``person``, ``issuer``."""

    @property
    def scopes(self) -> AbstractSet[str]:
        """Those of ``SCOPES`` that the credentials have."""


class CallerSource(Protocol):
    """Knows the bearer tokens."""

    def caller(self, token: str) -> Caller:
        """Who is meant by ``token``; raises ``NotSignedIn``."""


class SignedIn:
    """A dependency: the caller, who has ``scope`` (None: any) and whose rate has room.

    Raises ``NotSignedIn``, ``Forbidden`` and ``TooMany``.
    """

    def __init__(self, scope: str | None) -> None:
        if scope is not None and scope not in SCOPES:
            raise ValueError(scope)
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller of ``request``."""
        state = request.app.state
        source: CallerSource = state.parts.callers
        caller = await run_in_threadpool(source.caller, bearer_token(request.headers.get("authorization")))
        request.scope["state"]["caller"] = caller.account
        if self.scope is not None and self.scope not in caller.scopes:
            raise Forbidden(f"the scope {self.scope}")
        rates: Rates = state.rates
        rates.account.take(caller.account)
        return caller


@cache
def signed_in(scope: str | None) -> SignedIn:
    """The dependency of routes that need ``scope``; None where any credentials will do."""
    return SignedIn(scope)


def bearer_token(authorization: str | None) -> str:
    """The token in a header ``Authorization: Bearer <token>``; raises ``NotSignedIn``."""
    if authorization is None:
        raise NotSignedIn("the header Authorization is missing")
    kind, _, token = authorization.partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not 0 < len(token) <= MOST_TOKEN_CHARACTERS or not token.isascii():
        raise NotSignedIn("the header Authorization is not `Bearer` and a token")
    return token
