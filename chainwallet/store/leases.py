"""Leases: which process carries the transactions of one sender on one chain.

A holder renews its lease while it works. One that dies is taken over when its lease expires. One that was only paused,
and wakes up after that, acts no more: ``require_held`` is called in the transaction that stores what it signed, and a
lease that was taken over has another epoch.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import LeaseLost
from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.locks import held_rows
from chainwallet.store.schema import leases


@dataclass(frozen=True)
class Lease:
    """``holder`` carries ``sender``'s transactions on ``chain`` until ``expires_at_s``, by the store's clock.

    ``epoch`` grows whenever the lease is acquired anew. ``holder`` names one run of one process: a process that starts
    again is another holder.
    """

    chain: str
    sender: Address
    holder: str
    epoch: int
    expires_at_s: int


def acquire(tx: Transaction, chain: str, sender: Address, holder: str, lasts_s: int, now_s: int) -> Lease | None:
    """The lease of ``sender`` on ``chain`` for ``holder``; None while another holder has it.

    A holder's own lease is renewed. ``now_s`` counts on SQLite; on PostgreSQL the server's clock does, so that the
    clocks of machines that share it need not agree.
    """
    found = _held(tx, chain, sender)
    expires_at_s = clock_s(tx, now_s) + lasts_s
    if found is None:
        lease = Lease(chain, sender, holder, 1, expires_at_s)
        return lease if _is_first(tx, lease) else None
    if found.expires_at_s > expires_at_s - lasts_s:
        return _store(tx, replace(found, expires_at_s=expires_at_s)) if found.holder == holder else None
    return _store(tx, Lease(chain, sender, holder, found.epoch + 1, expires_at_s))


def renew(tx: Transaction, lease: Lease, lasts_s: int, now_s: int) -> Lease:
    """``lease`` for another ``lasts_s`` seconds; raises ``LeaseLost`` as ``require_held`` does."""
    require_held(tx, lease, now_s)
    return _store(tx, replace(lease, expires_at_s=clock_s(tx, now_s) + lasts_s))


def require_held(tx: Transaction, lease: Lease, now_s: int) -> None:
    """Raises ``LeaseLost`` where ``lease`` expired or its epoch is over; else nobody can take it before ``tx`` ends."""
    found = _held(tx, lease.chain, lease.sender)
    is_ours = found is not None and (found.holder, found.epoch) == (lease.holder, lease.epoch)
    if found is None or not is_ours or found.expires_at_s <= clock_s(tx, now_s):
        raise LeaseLost(f"{to_hex(lease.sender)} on chain {lease.chain}", lease.holder)


def release(tx: Transaction, lease: Lease) -> None:
    """Gives ``lease`` up, so that the next holder need not wait; nothing where it was lost before."""
    tx.execute(update(leases).where(_of(lease.chain, lease.sender), _epoch_of(lease)).values(expires_at_s=0))


def release_all(tx: Transaction, holder: str) -> None:
    """Gives up what ``holder`` holds, on every chain: for who knows that this process has ended.

    Were it alive after all, it would lose its leases and do no harm: who acquires them next gets another epoch.
    """
    tx.execute(update(leases).where(leases.c.holder == holder).values(expires_at_s=0))


def find(tx: Transaction, chain: str, sender: Address) -> Lease | None:
    """The last lease of ``sender`` on ``chain``, held or not."""
    row = tx.execute(select(leases).where(_of(chain, sender))).one_or_none()
    return _lease(row) if row else None


def clock_s(tx: Transaction, now_s: int) -> int:
    """The store's clock, in seconds since 1970: the server's, or ``now_s`` where there is no server."""
    if tx.dialect.name != "postgresql":
        return now_s
    return int(tx.execute(text("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")).scalar_one())


def _held(tx: Transaction, chain: str, sender: Address) -> Lease | None:
    # The clock is asked after this, never before: to hold the row may take time.
    row = tx.execute(held_rows(select(leases).where(_of(chain, sender)), leases)).one_or_none()
    return _lease(row) if row else None


def _is_first(tx: Transaction, lease: Lease) -> bool:
    try:
        with tx.begin_nested():
            tx.execute(insert(leases).values(_columns(lease)))
    except IntegrityError:  # somebody else was first
        return False
    return True


def _store(tx: Transaction, lease: Lease) -> Lease:
    tx.execute(update(leases).where(_of(lease.chain, lease.sender)).values(_columns(lease)))
    return lease


def _columns(lease: Lease) -> dict[str, object]:
    return {
        "chain": lease.chain,
        "sender": to_hex(lease.sender),
        "holder": lease.holder,
        "epoch": lease.epoch,
        "expires_at_s": lease.expires_at_s,
    }


def _of(chain: str, sender: Address) -> Any:
    return (leases.c.chain == chain) & (leases.c.sender == to_hex(sender))


def _epoch_of(lease: Lease) -> Any:
    return (leases.c.holder == lease.holder) & (leases.c.epoch == lease.epoch)


def _lease(row: Any) -> Lease:
    return Lease(row.chain, Address(from_hex(row.sender)), row.holder, row.epoch, row.expires_at_s)
