"""Accounts: a handle and a password that may ask for things in its name."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import AlreadyExists
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.scope import Role, parse_role
from chainwallet.store.account_schema import account_roles, accounts
from chainwallet.store.database import Transaction


@dataclass(frozen=True)
class Account:
    """Somebody with a handle. ``roles`` always has ``person``."""

    id: int
    handle: Handle
    created_at_s: int
    roles: frozenset[Role] = frozenset(["person"])


@dataclass(frozen=True)
class Credentials:
    """What a password is compared with; ``password_hash`` in PHC string format."""

    account_id: int
    password_hash: str

    def __repr__(self) -> str:
        return f"Credentials(account_id={self.account_id}, ...)"


COLUMNS = (
    accounts.c.id.label("account_number"),
    accounts.c.handle,
    accounts.c.created_at_s.label("opened_at_s"),
    account_roles.c.role,
)
"""What ``joined`` needs of each row."""


def add(tx: Transaction, handle: Handle, password_hash: str, now_s: int) -> Account:
    """A new account; raises ``AlreadyExists`` where the handle is taken."""
    row = {"handle": handle, "password_hash": password_hash, "created_at_s": now_s}
    try:
        with tx.begin_nested():
            account_id = tx.execute(insert(accounts).values(row).returning(accounts.c.id)).scalar_one()
    except IntegrityError:
        raise AlreadyExists("account", shown(handle)) from None
    return Account(account_id, handle, now_s)


def by_handle(tx: Transaction, handle: Handle) -> Account | None:
    """The account with this handle."""
    found = joined(tx.execute(_all().where(accounts.c.handle == handle)))
    return found[0] if found else None


def by_id(tx: Transaction, account_id: int) -> Account | None:
    """The account with this number."""
    found = joined(tx.execute(_all().where(accounts.c.id == account_id)))
    return found[0] if found else None


def handles(tx: Transaction, account_ids: Collection[int]) -> dict[int, Handle]:
    """The handles of the accounts with these numbers."""
    query = select(accounts.c.id, accounts.c.handle).where(accounts.c.id.in_(list(account_ids)))
    return {row.id: Handle(row.handle) for row in tx.execute(query)}


def listed(tx: Transaction, after: str, limit: int) -> tuple[Account, ...]:
    """The first ``limit`` accounts whose handles sort after ``after``."""
    some = select(accounts.c.id).where(accounts.c.handle > after).order_by(accounts.c.handle).limit(limit)
    return joined(tx.execute(_all().where(accounts.c.id.in_(some)).order_by(accounts.c.handle)))


def credentials(tx: Transaction, handle: Handle) -> Credentials | None:
    """What a password for ``handle`` is compared with."""
    row = tx.execute(select(accounts.c.id, accounts.c.password_hash).where(accounts.c.handle == handle)).one_or_none()
    return Credentials(row.id, row.password_hash) if row else None


def replace_password_hash(tx: Transaction, known: Credentials, password_hash: str) -> bool:
    """Stores another hash where the account's is still ``known``'s; whether it was."""
    is_known = (accounts.c.id == known.account_id) & (accounts.c.password_hash == known.password_hash)
    return tx.execute(update(accounts).where(is_known).values(password_hash=password_hash)).rowcount == 1


def grant(tx: Transaction, account: Account, role: Role, now_s: int) -> None:
    """Gives ``account`` a role; nothing where it has it."""
    row = {"account_id": account.id, "role": parse_role(role), "granted_at_s": now_s}
    with suppress(IntegrityError), tx.begin_nested():
        tx.execute(insert(account_roles).values(row))


def revoke(tx: Transaction, account: Account, role: Role) -> None:
    """Takes a role from ``account``; nothing where it does not have it."""
    is_it = (account_roles.c.account_id == account.id) & (account_roles.c.role == parse_role(role))
    tx.execute(delete(account_roles).where(is_it))


def joined(rows: Iterable[Row[Any]]) -> tuple[Account, ...]:
    """The accounts in ``rows`` of ``COLUMNS``, which have a row for each granted role, in their order."""
    found: dict[int, Account] = {}
    for row in rows:
        known = found.get(row.account_number)
        roles = known.roles if known else frozenset[Role](["person"])
        if row.role is not None:
            roles |= {parse_role(row.role)}
        found[row.account_number] = Account(row.account_number, Handle(row.handle), row.opened_at_s, roles)
    return tuple(found.values())


def _all() -> Select[Any]:
    return select(*COLUMNS).outerjoin_from(accounts, account_roles, account_roles.c.account_id == accounts.c.id)
