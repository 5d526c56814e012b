"""Roles and scopes: who may do what, as a table."""

import pytest

from chainwallet.errors import BadValue
from chainwallet.rules.scope import MAY, ROLES, SCOPES, Role, Scope, parse_role, parse_scopes, scopes_of

MATRIX: dict[Scope, list[Role]] = {
    "account:read": ["person"],
    "payments:read": ["person"],
    "payments:write": ["person"],
    "history:read": ["person"],
    "groups:read": ["person"],
    "groups:write": ["person"],
    "keys:write": ["person"],
    "issuer:write": ["issuer"],
}


def test_each_role_may_what_the_matrix_says_and_nothing_else() -> None:
    """Every scope is given by exactly the roles that the matrix names; no scope or role is left out of it."""
    assert sorted(MATRIX) == sorted(SCOPES)
    assert sorted(MAY) == sorted(ROLES)
    for scope, roles in MATRIX.items():
        assert [role for role in ROLES if scope in MAY[role]] == roles


def test_several_roles_give_what_each_gives() -> None:
    """Roles add up; without a role there is no scope."""
    assert scopes_of(["person", "issuer"]) == set(SCOPES)
    assert scopes_of([]) == set()


def test_unknown_scopes_and_roles_are_refused() -> None:
    """A scope or role that there is not is refused with those there are; nobody is granted what all have."""
    assert parse_scopes(["payments:read", "payments:read"]) == {"payments:read"}
    for scopes, value in ((["payments:read", "payments"], "payments"), (["*"], "*"), ([], "none")):
        with pytest.raises(BadValue, match="account:read, payments:read") as refusal:
            parse_scopes(scopes)
        assert refusal.value.value == value
    assert parse_role("issuer") == "issuer"
    for role in ("person", "admin", ""):
        with pytest.raises(BadValue, match="expected issuer"):
            parse_role(role)
