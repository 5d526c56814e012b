"""Payments as those see them who pay from several addresses: whichever of these paid."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select, tuple_

from chainwallet.evm import Address, to_hex
from chainwallet.store import account_wallets
from chainwallet.store import promises as rows
from chainwallet.store.bulk import asked_later, rows_asked
from chainwallet.store.database import Transaction
from chainwallet.store.promises import Promise
from chainwallet.store.schema import promises


def with_id(tx: Transaction, chain: str, payers: Collection[Address], payment_id: str) -> tuple[Promise, ...]:
    """The payments on ``chain`` that any of ``payers`` has under this id, the first one first.

    One, unless one of the addresses had paid under this id before it came to the others.
    """
    return with_ids(tx, chain, payers, [payment_id])


def with_ids(
    tx: Transaction, chain: str, payers: Collection[Address], payment_ids: Collection[str]
) -> tuple[Promise, ...]:
    """The payments on ``chain`` that any of ``payers`` has under any of these ids, the first one first."""
    asked = {"chain": chain, "ids": sorted(set(payment_ids)), "payers": sorted(set(map(to_hex, payers)))}
    numbers = tx.execute(_WITH_IDS, asked).scalars().all()
    return rows.every(tx, numbers) if numbers else ()


_WITH_IDS = select(promises.c.number).where(
    promises.c.chain == bindparam("chain"),
    promises.c.id.in_(bindparam("ids", expanding=True)),
    promises.c.kind == "payment",
    promises.c.payer.in_(bindparam("payers", expanding=True)),
)


def taken_ids(tx: Transaction, chain: str, some: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of ``some``, accounts and ids, under which a wallet of the account has a payment on ``chain``.

    Who decides something by it has locked the accounts' ids first (``locks.lock_payment_ids``).
    """
    owned = account_wallets.addresses_of(tx, {account for account, _ in some})
    asked_for = {(to_hex(address), name): account for account, name in some for address in owned.get(account, ())}
    asking = rows_asked(tx, id=[name for _, name in asked_for], payer=[payer for payer, _ in asked_for])
    found = tx.execute(_taken(tx.dialect.name), {"chain": chain, **asking})
    return {(asked_for[payer, name], name) for payer, name in found}


@lru_cache
def _taken(engine: str) -> Select[Any]:
    """Asked for all payments, so made once for each kind of database."""
    them = asked_later(engine, "id", "payer")
    return select(promises.c.payer, promises.c.id).where(
        promises.c.chain == bindparam("chain"),
        promises.c.kind == "payment",
        tuple_(promises.c.id, promises.c.payer).in_(select(them.c.id, them.c.payer)),
    )


def listed(
    tx: Transaction, chain: str, payers: Collection[Address], below: int | None, limit: int
) -> tuple[Promise, ...]:
    """The latest ``limit`` payments of ``payers`` on ``chain`` numbered under ``below`` (None: all), newest first."""
    query = select(promises.c.number).where(
        promises.c.chain == chain, promises.c.kind == "payment", promises.c.payer.in_(sorted(map(to_hex, payers)))
    )
    if below is not None:
        query = query.where(promises.c.number < below)
    numbers = tx.execute(query.order_by(promises.c.number.desc()).limit(limit)).scalars().all()
    return rows.every(tx, numbers)[::-1] if numbers else ()
