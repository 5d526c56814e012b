"""API keys: what apps come in by. Of a key's token only the SHA-256 is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, insert, or_, select, update

from chainwallet.rules.scope import Scope, parse_scopes
from chainwallet.store import accounts as account_rows
from chainwallet.store.account_schema import account_roles, accounts, api_keys
from chainwallet.store.accounts import Account
from chainwallet.store.database import Transaction

_BY_TOKENS = (
    select(api_keys, *account_rows.COLUMNS)
    .join_from(api_keys, accounts, accounts.c.id == api_keys.c.account_id)
    .outerjoin(account_roles, account_roles.c.account_id == accounts.c.id)
    .where(api_keys.c.token_hash.in_(bindparam("tokens", expanding=True)))
)  # asked at every request, so made once


@dataclass(frozen=True)
class ApiKey:
    """A key of the account ``account_id``, good for ``scopes`` until ``expires_at_s`` (None: until it is revoked)."""

    id: str
    account_id: int
    name: str
    scopes: frozenset[Scope]
    created_at_s: int
    expires_at_s: int | None
    last_used_at_s: int | None = None
    revoked_at_s: int | None = None

    def is_good(self, now_s: int) -> bool:
        """Whether it lets anybody in."""
        return self.revoked_at_s is None and (self.expires_at_s is None or now_s < self.expires_at_s)


def add(tx: Transaction, key: ApiKey, token_hash: str) -> None:
    """Stores a new key."""
    row = {
        "id": key.id,
        "account_id": key.account_id,
        "token_hash": token_hash,
        "name": key.name,
        "scopes": " ".join(sorted(key.scopes)),
        "created_at_s": key.created_at_s,
        "expires_at_s": key.expires_at_s,
    }
    tx.execute(insert(api_keys).values(row))


def by_tokens(tx: Transaction, token_hashes: Collection[str]) -> dict[str, tuple[ApiKey, Account]]:
    """By its token's hash, each key with one of these tokens, good or not, and whose it is."""
    rows: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(_BY_TOKENS, {"tokens": list(token_hashes)}).all():
        rows.setdefault(row.token_hash, []).append(row)
    return {token: (_key(some[0]), account_rows.joined(some)[0]) for token, some in rows.items()}


def by_id(tx: Transaction, account_id: int, key_id: str) -> ApiKey | None:
    """The key of an account with this id, good or not."""
    row = tx.execute(select(api_keys).where(_is(account_id, key_id))).one_or_none()
    return _key(row) if row else None


def good_ones(tx: Transaction, account_id: int, now_s: int) -> tuple[ApiKey, ...]:
    """The keys of an account that let somebody in, the newest first."""
    is_good = api_keys.c.revoked_at_s.is_(None) & or_(
        api_keys.c.expires_at_s.is_(None), api_keys.c.expires_at_s > now_s
    )
    query = select(api_keys).where(api_keys.c.account_id == account_id, is_good)
    return tuple(map(_key, tx.execute(query.order_by(api_keys.c.created_at_s.desc(), api_keys.c.id))))


def use(tx: Transaction, key_id: str, since_s: int, now_s: int) -> None:
    """Notes that a key was used now, unless that was noted later than ``since_s``."""
    last = api_keys.c.last_used_at_s
    is_it = (api_keys.c.id == key_id) & or_(last.is_(None), last <= since_s)
    tx.execute(update(api_keys).where(is_it).values(last_used_at_s=now_s))


def revoke(tx: Transaction, account_id: int, key_id: str, now_s: int) -> bool:
    """Ends a key of an account; whether there is one with this id that was not revoked."""
    is_it = _is(account_id, key_id) & api_keys.c.revoked_at_s.is_(None)
    return tx.execute(update(api_keys).where(is_it).values(revoked_at_s=now_s)).rowcount == 1


def forget(tx: Transaction, account_id: int, before_s: int) -> None:
    """Removes the keys of an account that were over, or revoked, before ``before_s``."""
    is_old = or_(api_keys.c.expires_at_s < before_s, api_keys.c.revoked_at_s < before_s)
    tx.execute(delete(api_keys).where(api_keys.c.account_id == account_id, is_old))


def _is(account_id: int, key_id: str) -> ColumnElement[bool]:
    return (api_keys.c.id == key_id) & (api_keys.c.account_id == account_id)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id,
        row.account_id,
        row.name,
        parse_scopes(row.scopes.split()),
        row.created_at_s,
        row.expires_at_s,
        row.last_used_at_s,
        row.revoked_at_s,
    )
