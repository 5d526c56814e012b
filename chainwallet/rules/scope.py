"""What an account may do: roles, and the scopes that each gives. A session has all of them, an API key those named."""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from chainwallet.errors import BadValue

Role = Literal["person", "issuer"]
"""``person``: everybody with an account. ``issuer``: may bring money in and out; granted by the operator."""

Scope = Literal[
    "account:read",
    "payments:read",
    "payments:write",
    "history:read",
    "groups:read",
    "groups:write",
    "keys:write",
    "issuer:write",
]

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)

MAY: Mapping[Role, frozenset[Scope]] = {
    "person": frozenset(
        [
            "account:read",
            "payments:read",
            "payments:write",
            "history:read",
            "groups:read",
            "groups:write",
            "keys:write",
        ]
    ),
    "issuer": frozenset(["issuer:write"]),
}
"""The matrix: which scopes a role gives."""


def scopes_of(roles: Collection[Role]) -> frozenset[Scope]:
    """All scopes that ``roles`` give together."""
    return frozenset(scope for role in roles for scope in MAY[role])


def parse_scopes(texts: Collection[str], field: str = "scopes") -> frozenset[Scope]:
    """The scopes called ``texts``; raises ``BadValue`` (naming ``field``) for an unknown one, and for none."""
    known = {str(scope): scope for scope in SCOPES}
    for text in texts:
        if text not in known:
            raise BadValue(field, text, f"one of {', '.join(SCOPES)}")
    if not texts:
        raise BadValue(field, "none", f"at least one of {', '.join(SCOPES)}")
    return frozenset(known[text] for text in texts)


def parse_role(text: str, field: str = "role") -> Role:
    """The role called ``text`` that can be granted; raises ``BadValue`` (naming ``field``) for another."""
    if text != "issuer":
        raise BadValue(field, text, "issuer")
    return "issuer"
