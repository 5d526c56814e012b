"""People who come by the front door: they sign up with a password and get tokens that are their own."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from chainwallet import accounts
from chainwallet.api.parts import Parts
from tests.api.service import Asking, bearer

PASSWORD = "seven geese walk to Porto"
WRONG = "eight geese walk to Porto"


def with_doors(parts: Parts) -> Parts:
    """The same service, to which nobody comes in but by tokens that it gave."""
    return replace(parts, callers_of=partial(accounts.callers, parts.accounts))


@dataclass
class Person:
    """Somebody with a session, and the ways to ask in their name."""

    asking: Asking
    handle: str
    token: str
    session_id: str

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.token)

    def get(self, path: str) -> httpx.Response:
        return self.asking.get(path, headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.asking.post(path, json=body, headers={**self.headers, **headers})

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.asking.request("PATCH", path, json=body, headers=self.headers)

    def delete(self, path: str) -> httpx.Response:
        return self.asking.delete(path, headers=self.headers)

    def key(self, *scopes: str, name: str = "app") -> dict[str, Any]:
        """A new API key with ``scopes``: its token and what else is told of it."""
        answer = self.post("/v1/keys", {"name": name, "scopes": list(scopes)})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told


def sign_up(asking: Asking, handle: str) -> Person:
    """A new account of ``handle``, signed in."""
    answer = asking.post("/v1/accounts", json={"handle": handle, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return sign_in(asking, handle)


def sign_in(asking: Asking, handle: str, password: str = PASSWORD) -> Person:
    """``handle`` with another session."""
    answer = asking.post("/v1/sessions", json={"handle": handle, "password": password})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    return Person(asking, handle, told["token"], told["session"]["id"])
