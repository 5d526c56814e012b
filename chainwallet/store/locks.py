"""Turns between transactions. SQLite has one writer at a time anyway; PostgreSQL must be told what is done in turns."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, Select, Table, Text, cast, func, literal, literal_column, select

from chainwallet.evm import Address, to_hex
from chainwallet.store.database import Transaction

_SEPARATOR = "\x1f"


def lock_payer(tx: Transaction, token: str, payer: Address) -> None:
    """From here to its end ``tx`` is alone in what it decides about ``payer`` on ``token``: balance, nonces."""
    take_turns(tx, "payer", token, to_hex(payer))


def lock_payers(tx: Transaction, token: str, payers: Collection[Address]) -> None:
    """As ``lock_payer``, for each of ``payers``, in the order of their addresses."""
    _take_turns_of_each(tx, [("payer", token, to_hex(payer)) for payer in set(payers)])


def lock_payment_ids(tx: Transaction, chain: str, accounts: Collection[int]) -> None:
    """From here to its end ``tx`` is alone in what it decides about these accounts' payment ids on ``chain``."""
    _take_turns_of_each(tx, [("payment ids", chain, str(account)) for account in set(accounts)])


def _take_turns_of_each(tx: Transaction, some: Collection[tuple[str, ...]]) -> None:
    """As ``take_turns`` for each of ``some``, in the order of their words."""
    if some and tx.dialect.name == "postgresql":
        words = sorted(map(_SEPARATOR.join, some))
        each = func.unnest(cast(literal(words, ARRAY(Text)), ARRAY(Text))).table_valued("words").render_derived()
        in_order = select(each.c.words).order_by(literal_column('words COLLATE "C"')).limit(len(words)).subquery()
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(in_order.c.words, 0)))).all()


def lock_sender(tx: Transaction, chain: str, sender: Address) -> None:
    """From here to its end ``tx`` is alone in what it decides about ``sender``'s transactions on ``chain``."""
    take_turns(tx, "sender", chain, to_hex(sender))


def take_turns(tx: Transaction, *what: str) -> None:
    """Waits until no other transaction that took the same words is open; to be called before what it decides is read.

    Those who take several, take them in the same order: payment ids, payer, submission, sender.
    """
    if tx.dialect.name == "postgresql":
        words = _SEPARATOR.join(what)
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(words, 0))))


def free_rows(query: Select[Any], of: Table) -> Select[Any]:
    """``query`` for rows of ``of`` that no other transaction holds, held by this one until it ends."""
    return query.with_for_update(of=of, skip_locked=True)


def held_rows(query: Select[Any], of: Table) -> Select[Any]:
    """``query``, its rows of ``of`` held until the transaction ends; waits for whoever holds them."""
    return query.with_for_update(of=of)
