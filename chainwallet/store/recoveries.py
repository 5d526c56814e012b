"""When the chain was found to know more than this database, and what became of that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from chainwallet.errors import Recovering
from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.schema import recoveries


@dataclass(frozen=True)
class Recovery:
    """What was found about ``account``: a sender with ``known_count`` transactions, or a payer (0).

    Until a final block is past ``until_s`` (chain time), documents that nobody here knows may be under way.
    """

    id: int
    chain: str
    account: Address
    why: str
    noticed_at_s: int
    noticed_block: int
    until_s: int
    known_count: int
    ended_at_s: int | None
    ended_block: int | None
    ended_by: str | None


def begin(
    tx: Transaction, chain: str, account: Address, why: str, block: int, until_s: int, known_count: int, now_s: int
) -> bool:
    """Notes that the chain knows more about ``account`` than we do, unless that is noted; whether it is news."""
    take_turns(tx, "recovery", chain)
    same = (recoveries.c.chain == chain) & (recoveries.c.account == to_hex(account)) & recoveries.c.ended_at_s.is_(None)
    if tx.execute(select(recoveries.c.id).where(same)).first() is not None:
        return False
    row = {"chain": chain, "account": to_hex(account), "why": why, "noticed_at_s": now_s, "noticed_block": block}
    tx.execute(insert(recoveries).values(**row, until_s=until_s, known_count=known_count))
    return True


def open_ones(tx: Transaction, chain: str) -> tuple[Recovery, ...]:
    """Those that have not ended: while there is one, nothing is signed on ``chain``."""
    return tuple(map(_recovery, tx.execute(_OPEN, {"chain": chain})))


_OPEN = (  # asked for all payments, so made once
    select(recoveries)
    .where(recoveries.c.chain == bindparam("chain"), recoveries.c.ended_at_s.is_(None))
    .order_by(recoveries.c.id)
)


def blocked(tx: Transaction, chain: str, payer: Address | None, final_s: int) -> Recovering | None:
    """Why ``payer`` (None: nobody) can sign nothing on ``chain`` now; ``final_s`` is the time of its final block.

    More transactions of a sender than we know stop everybody, an unknown document of a payer that payer alone.
    """
    return blocking(open_ones(tx, chain), payer, final_s)


def blocking(some: Iterable[Recovery], payer: Address | None, final_s: int) -> Recovering | None:
    """As ``blocked``, for the open ones of a chain that were read."""
    for one in some:
        if one.known_count > 0 or one.account == payer:
            return Recovering(one.chain, one.why, one.until_s, final_s)
    return None


def end(tx: Transaction, recovery: Recovery, by: str, block: int, known_count: int, now_s: int) -> None:
    """Ends ``recovery``: what is on the chain up to ``block``, or among its transactions, is known from now on."""
    values = {"ended_at_s": now_s, "ended_block": block, "ended_by": by, "known_count": known_count}
    tx.execute(update(recoveries).where(recoveries.c.id == recovery.id).values(**values))


def known_count(tx: Transaction, chain: str, sender: Address) -> int:
    """How many transactions of ``sender`` are known from ended recoveries."""
    return _most(tx, chain, sender, recoveries.c.known_count)


def known_block(tx: Transaction, chain: str, payer: Address) -> int:
    """Up to which block unknown documents of ``payer`` are known from ended recoveries; -1 where none are."""
    return _most(tx, chain, payer, recoveries.c.ended_block, -1)


def _most(tx: Transaction, chain: str, account: Address, column: Any, least: int = 0) -> int:
    ended = (recoveries.c.chain == chain) & recoveries.c.ended_at_s.is_not(None)
    query = select(func.max(column)).where(ended, recoveries.c.account == to_hex(account))
    found = tx.execute(query).scalar_one_or_none()
    return least if found is None else int(found)


def _recovery(row: Row[Any]) -> Recovery:
    return Recovery(
        row.id,
        row.chain,
        Address(from_hex(row.account)),
        row.why,
        row.noticed_at_s,
        row.noticed_block,
        row.until_s,
        row.known_count,
        row.ended_at_s,
        row.ended_block,
        row.ended_by,
    )
