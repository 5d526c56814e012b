"""What the tests of the service are made of: parts, callers with tokens, and routes that only tests have."""

import asyncio
import time
from typing import Any, Self

import httpx
from fastapi import FastAPI

from chainwallet.accounts import Caller
from chainwallet.api.parts import Parts
from chainwallet.errors import NotSignedIn
from chainwallet.rpc import Node
from chainwallet.rules.handle import Handle
from chainwallet.rules.scope import SCOPES, parse_scopes
from chainwallet.store.database import Database
from tests.chain.bench import Deployed, key_of

PEOPLE = {"ana": 1, "ben": 2}


def caller_of(token: str) -> Caller:
    """``<handle>`` has every scope, ``<handle>:<scope>`` that one."""
    handle, _, scope = token.partition(":")
    if handle not in PEOPLE:
        raise NotSignedIn("the token is unknown, expired or revoked")
    scopes = parse_scopes([scope]) if scope else frozenset(SCOPES)
    return Caller(PEOPLE[handle], Handle(handle), frozenset({"person"}), scopes, "session", None)


def parts_for(deployed: Deployed, node: Node, database: Database, **others: Any) -> Parts:
    """The parts of a service on the tests' chain."""
    usual: dict[str, Any] = {
        "database": database,
        "node": node,
        "manifest": deployed.manifest,
        "confirmations": 1,
        "carriers": (key_of("relayer").address,),
        "caller_of": caller_of,
        "clock_s": time.time,
    }
    return Parts(**{**usual, **others})


def bearer(token: str) -> dict[str, str]:
    """The header of who has ``token``."""
    return {"Authorization": f"Bearer {token}"}


class Asking:
    """Asks a service in this process, over ASGI; what goes through its frame is raised here."""

    def __init__(self, app: FastAPI, client: str = "127.0.0.1") -> None:
        self.app = app
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, client=(client, 50_000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The answer to one request."""
        return self._runner.run(self._client.request(method, path, **given))

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.request("POST", path, **given)

    def delete(self, path: str, **given: Any) -> httpx.Response:
        return self.request("DELETE", path, **given)
