"""Directories: whose handle stands for which address, as those ask who pay and are paid by handle."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from chainwallet.errors import NotFound
from chainwallet.evm import Address, parse_address
from chainwallet.rules.handle import parse_handle, shown
from chainwallet.store import account_wallets
from chainwallet.store.database import Database

ISSUER = "issuer"  # reserved in rules.handle


class Directory(Protocol):
    """Whose handle stands for which address."""

    def address_of(self, handle: str, field: str = "payee") -> Address:
        """Where somebody with ``handle`` is paid now. Raises ``NotFound``, and ``BadValue`` of ``field``."""

    def handles_of(self, addresses: Collection[Address]) -> Mapping[Address, str]:
        """The handles, without ``@``, of those of ``addresses`` that belong to somebody here."""

    def wallets_of(self, account_id: int) -> tuple[Address, ...]:
        """What belongs to the account, the wallet first that is paid by its handle."""


def payee_of(directory: Directory, named: str, known: Address | None, field: str = "payee") -> Address:
    """The address that ``named`` stands for: an address as it is, or a handle, with or without ``@``.

    ``known`` is what it stood for when it was first asked for, and is it still where it belongs to the same somebody.
    Raises as ``Directory.address_of``.
    """
    if named.startswith("0x"):
        return parse_address(named, field)
    if known is not None and directory.handles_of([known]).get(known) == named.removeprefix("@").lower():
        return known
    return directory.address_of(named, field)


@dataclass(frozen=True)
class AccountDirectory:
    """The directory of the accounts in ``database``; ``@issuer``, which is nobody's handle, is ``issuer``."""

    database: Database
    issuer: Address

    def address_of(self, handle: str, field: str = "payee") -> Address:
        """The default wallet of the account with ``handle``. Raises as ``Directory``."""
        wanted = parse_handle(handle, field)
        if wanted == ISSUER:
            return self.issuer
        with self.database.read() as tx:
            found = account_wallets.paid_by_handle(tx, wanted)
        if found is None:
            raise NotFound(field, shown(wanted), "nobody here has this handle")
        return found.address

    def handles_of(self, addresses: Collection[Address]) -> Mapping[Address, str]:
        """Whose ``addresses`` are."""
        with self.database.read() as tx:
            found: dict[Address, str] = dict(account_wallets.handles_of(tx, addresses))
        return found | ({self.issuer: ISSUER} if self.issuer in addresses else {})

    def wallets_of(self, account_id: int) -> tuple[Address, ...]:
        """The account's wallets, the default one first."""
        with self.database.read() as tx:
            return account_wallets.addresses_of(tx, account_id)
