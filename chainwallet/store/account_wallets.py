"""Whose wallet is whose."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import AlreadyExists
from chainwallet.evm import Address, from_hex, to_hex
from chainwallet.rules.handle import Handle
from chainwallet.store.account_schema import account_wallets, accounts
from chainwallet.store.database import Transaction
from chainwallet.store.schema import wallets
from chainwallet.store.wallets import Wallet, from_row


@dataclass(frozen=True)
class OwnWallet:
    """A wallet of the account ``account_id``; the default one is paid when the account's handle is."""

    wallet: Wallet
    account_id: int
    is_default: bool
    added_at_s: int


def add(tx: Transaction, owned: OwnWallet) -> None:
    """Stores whose ``owned.wallet``, which is stored already, is; raises ``AlreadyExists`` where it is somebody's."""
    row = {
        "wallet": owned.wallet.name,
        "account_id": owned.account_id,
        "is_default": owned.is_default,
        "added_at_s": owned.added_at_s,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(account_wallets).values(row))
    except IntegrityError:
        raise AlreadyExists("wallet", to_hex(owned.wallet.address)) from None


def make_default(tx: Transaction, account_id: int, wallet: str) -> None:
    """Makes the wallet with this name the account's default one, in the place of the one before."""
    own = update(account_wallets).where(account_wallets.c.account_id == account_id)
    tx.execute(own.where(account_wallets.c.is_default).values(is_default=False))
    tx.execute(own.where(account_wallets.c.wallet == wallet).values(is_default=True))


def of_account(tx: Transaction, account_id: int) -> tuple[OwnWallet, ...]:
    """The wallets of an account, the default one first, then as they were added."""
    rows = tx.execute(_OF_ACCOUNT, {"account": account_id})
    return tuple(OwnWallet(from_row(row), row.account_id, row.is_default, row.added_at_s) for row in rows)


def count(tx: Transaction, account_id: int) -> int:
    """How many wallets an account has."""
    query = select(func.count()).select_from(account_wallets).where(account_wallets.c.account_id == account_id)
    return int(tx.execute(query).scalar_one())


def paid_by_handle(tx: Transaction, handles: Collection[Handle]) -> dict[Handle, Address]:
    """By handle, the address that is paid when it is; a handle that nobody has is not there."""
    rows = tx.execute(_PAID_BY_HANDLE, {"handles": list(handles)}).all()
    return {Handle(handle): Address(from_hex(address)) for handle, address in rows}


def default_of(tx: Transaction, account_ids: Collection[int]) -> dict[int, Wallet]:
    """The default wallets of the accounts with these numbers."""
    query = (
        select(wallets, account_wallets.c.account_id)
        .join_from(account_wallets, wallets, wallets.c.name == account_wallets.c.wallet)
        .where(account_wallets.c.account_id.in_(list(account_ids)), account_wallets.c.is_default)
    )
    return {row.account_id: from_row(row) for row in tx.execute(query)}


def handles_of(tx: Transaction, addresses: Collection[Address]) -> dict[Address, Handle]:
    """Whose ``addresses`` are, of those that are an account's."""
    rows = tx.execute(_HANDLES, {"addresses": [to_hex(address) for address in addresses]}).all()
    return {Address(from_hex(address)): Handle(handle) for address, handle in rows}


def accounts_of(tx: Transaction, addresses: Collection[Address]) -> dict[Address, int]:
    """The numbers of the accounts whose ``addresses`` are, of those that are an account's."""
    rows = tx.execute(_ACCOUNTS, {"addresses": [to_hex(address) for address in addresses]})
    return {Address(from_hex(address)): account_id for address, account_id in rows}


def addresses_of(tx: Transaction, account_ids: Collection[int]) -> dict[int, tuple[Address, ...]]:
    """By account, the addresses of its wallets, the default one first, then as they were added."""
    found: dict[int, tuple[Address, ...]] = dict.fromkeys(account_ids, ())
    for account_id, text in tx.execute(_ADDRESSES, {"accounts": list(found)}).all():
        found[account_id] += (Address(from_hex(text)),)
    return found


# Asked at every request, so made once.
_OF_ACCOUNT = (
    select(wallets, account_wallets)
    .join_from(account_wallets, wallets, wallets.c.name == account_wallets.c.wallet)
    .where(account_wallets.c.account_id == bindparam("account"))
    .order_by(account_wallets.c.is_default.desc(), account_wallets.c.added_at_s, wallets.c.name)
)
_PAID_BY_HANDLE = (
    select(accounts.c.handle, wallets.c.address)
    .join_from(account_wallets, wallets, wallets.c.name == account_wallets.c.wallet)
    .join(accounts, accounts.c.id == account_wallets.c.account_id)
    .where(accounts.c.handle.in_(bindparam("handles", expanding=True)), account_wallets.c.is_default)
)
_HANDLES = (
    select(wallets.c.address, accounts.c.handle)
    .join_from(wallets, account_wallets, wallets.c.name == account_wallets.c.wallet)
    .join(accounts, accounts.c.id == account_wallets.c.account_id)
    .where(wallets.c.address.in_(bindparam("addresses", expanding=True)))
)
_ACCOUNTS = (
    select(wallets.c.address, account_wallets.c.account_id)
    .join_from(wallets, account_wallets, wallets.c.name == account_wallets.c.wallet)
    .where(wallets.c.address.in_(bindparam("addresses", expanding=True)))
)
_ADDRESSES = (
    select(account_wallets.c.account_id, wallets.c.address)
    .join_from(account_wallets, wallets, wallets.c.name == account_wallets.c.wallet)
    .where(account_wallets.c.account_id.in_(bindparam("accounts", expanding=True)))
    .order_by(account_wallets.c.is_default.desc(), account_wallets.c.added_at_s, wallets.c.name)
)
