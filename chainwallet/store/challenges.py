"""Challenges: what owners of addresses were asked to sign. Each is good once."""

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.account_schema import challenges
from chainwallet.store.database import Transaction


@dataclass(frozen=True)
class Challenge:
    """The account ``account_id`` is to show by a signature over ``nonce`` that it has ``address``."""

    nonce: str
    account_id: int
    address: Address
    issued_at_s: int
    expires_at_s: int
    used_at_s: int | None = None


def add(tx: Transaction, challenge: Challenge, keep: int) -> None:
    """Stores a new challenge; of its account's older ones only the last ``keep`` - 1 stay."""
    own = challenges.c.account_id == challenge.account_id
    latest = select(challenges.c.nonce).where(own).order_by(challenges.c.issued_at_s.desc(), challenges.c.nonce)
    kept = tx.execute(latest.limit(keep - 1)).scalars().all()
    tx.execute(delete(challenges).where(own, challenges.c.nonce.not_in(kept)))
    row = {
        "nonce": challenge.nonce,
        "account_id": challenge.account_id,
        "address": to_hex(challenge.address),
        "issued_at_s": challenge.issued_at_s,
        "expires_at_s": challenge.expires_at_s,
    }
    tx.execute(insert(challenges).values(row))


def by_nonce(tx: Transaction, account_id: int, nonce: str) -> Challenge | None:
    """The challenge of an account with this nonce, used or not."""
    is_it = (challenges.c.nonce == nonce) & (challenges.c.account_id == account_id)
    row = tx.execute(select(challenges).where(is_it)).one_or_none()
    if row is None:
        return None
    address = Address(from_hex(row.address))
    return Challenge(row.nonce, row.account_id, address, row.issued_at_s, row.expires_at_s, row.used_at_s)


def use(tx: Transaction, nonce: str, now_s: int) -> None:
    """Uses up a challenge; the caller has seen that it was not."""
    tx.execute(update(challenges).where(challenges.c.nonce == nonce).values(used_at_s=now_s))
