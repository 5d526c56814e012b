"""Which names stand for which addresses in this home, and who holds their keys."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import AlreadyExists
from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.schema import wallets

Custody = Literal["managed", "external"]
Purpose = Literal["person", "service"]


@dataclass(frozen=True)
class Wallet:
    """An address with a name. ``managed``: the key is sealed in this home; ``external``: somebody else signs."""

    name: str
    address: Address
    custody: Custody
    purpose: Purpose


def add(tx: Transaction, wallet: Wallet, now_s: int) -> None:
    """Stores ``wallet``; raises ``AlreadyExists`` where its name or address is taken."""
    row = {
        "name": wallet.name,
        "address": to_hex(wallet.address),
        "custody": wallet.custody,
        "purpose": wallet.purpose,
        "created_at_s": now_s,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(wallets).values(row))
    except IntegrityError:
        raise AlreadyExists("wallet", f"{wallet.name} or {row['address']}") from None


def by_name(tx: Transaction, name: str) -> Wallet | None:
    """The wallet called ``name``."""
    row = tx.execute(select(wallets).where(wallets.c.name == name)).one_or_none()
    return from_row(row) if row else None


def by_address(tx: Transaction, address: Address) -> Wallet | None:
    """The wallet of ``address``."""
    row = tx.execute(_BY_ADDRESS, {"address": to_hex(address)}).one_or_none()
    return from_row(row) if row else None


_BY_ADDRESS = select(wallets).where(wallets.c.address == bindparam("address"))


def every(tx: Transaction, purpose: Purpose) -> tuple[Wallet, ...]:
    """All wallets of ``purpose``, by name."""
    rows = tx.execute(select(wallets).where(wallets.c.purpose == purpose).order_by(wallets.c.name))
    return tuple(map(from_row, rows))


def from_row(row: Row[Any]) -> Wallet:
    """The wallet in a row that has the columns of its table."""
    return Wallet(row.name, Address(from_hex(row.address)), row.custody, row.purpose)
