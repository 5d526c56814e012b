"""The operations that the OpenAPI document lists, as tests go through them: so that a new route is in all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.service import Asking

NOBODYS = "0x00000000000000000000000000000000000000aa"
"""Stands for an id in a path: of no account, and good as an address."""


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    ``scope`` is "session" where no API key will do, "" where any credentials will, and None where none are needed.
    """

    method: str
    path: str
    scope: str | None
    ids: tuple[str, ...]
    """The names of the parts of its path that are filled in."""
    has_body: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def ask(
        self, asking: Asking, headers: dict[str, str], body: Any = None, params: Any = None, **ids: str
    ) -> httpx.Response:
        """The answer to the operation; its ids are ``ids``, or nobody's."""
        path = self.path
        for name in self.ids:
            path = path.replace(f"{{{name}}}", ids.get(name, NOBODYS))
        return asking.request(self.method, path, json=body, params=params, headers=headers)


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """All that ``document`` lists."""
    for path, by_method in document["paths"].items():
        for method, described in by_method.items():
            needed = described.get("security")
            scopes = None if needed is None else [scope for one in needed for each in one.values() for scope in each]
            ids = tuple(one["name"] for one in described.get("parameters", []) if one["in"] == "path")
            yield Operation(
                method.upper(), path, None if scopes is None else "".join(scopes), ids, "requestBody" in described
            )
