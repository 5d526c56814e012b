"""Directories: whose handle stands for which address, as those ask who pay and are paid by handle."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chainwallet.errors import ChainwalletError, NotFound
from chainwallet.evm import Address, parse_address
from chainwallet.rules.handle import Handle, parse_handle, shown
from chainwallet.store import account_wallets
from chainwallet.store.database import Database

ISSUER = "issuer"  # reserved in rules.handle


class Directory(Protocol):
    """Whose handle stands for which address."""

    def addresses_of(self, handles: Collection[str]) -> Mapping[str, Address]:
        """Where those who have ``handles``, as ``parse_handle`` gives them, are paid now; nobody's are not there."""

    def handles_of(self, addresses: Collection[Address]) -> Mapping[Address, str]:
        """The handles, without ``@``, of those of ``addresses`` that belong to somebody here."""

    def wallets_of(self, account_ids: Collection[int]) -> Mapping[int, tuple[Address, ...]]:
        """What belongs to each of these accounts, the wallet first that is paid by its handle."""


@dataclass(frozen=True)
class Named:
    """Who is to be paid: an address as it is, or a handle, with or without ``@``.

    ``known`` is what the text stood for when it was first asked for, and is it still where it belongs to the same
    somebody.
    """

    text: str
    known: Address | None


def payee_of(directory: Directory, text: str, known: Address | None, field: str = "payee") -> Address:
    """The address that ``text`` stands for, as ``Named`` says. Raises ``NotFound``, and ``BadValue`` of ``field``."""
    (found,) = payees_of(directory, [Named(text, known)], field)
    if isinstance(found, ChainwalletError):
        raise found
    return found


def payees_of(directory: Directory, some: Sequence[Named], field: str = "payee") -> list[Address | ChainwalletError]:
    """What each of ``some`` stands for, or what ``payee_of`` would raise."""
    still = directory.handles_of({one.known for one in some if one.known is not None and not _is_address(one)})
    found = [_without_looking(one, still, field) for one in some]
    wanted = {one for one in found if isinstance(one, str)}
    addresses = directory.addresses_of(wanted) if wanted else {}
    return [addresses.get(one, _nobody(one, field)) if isinstance(one, str) else one for one in found]


def _is_address(named: Named) -> bool:
    return named.text.startswith("0x")


def _without_looking(named: Named, still: Mapping[Address, str], field: str) -> Address | Handle | ChainwalletError:
    """What it stands for, or the handle that is to be looked for."""
    try:
        if _is_address(named):
            return parse_address(named.text, field)
        if named.known is not None and still.get(named.known) == named.text.removeprefix("@").lower():
            return named.known
        return parse_handle(named.text, field)
    except ChainwalletError as refused:
        return refused


def _nobody(handle: str, field: str) -> NotFound:
    return NotFound(field, shown(Handle(handle)), "nobody here has this handle")


@dataclass(frozen=True)
class AccountDirectory:
    """The directory of the accounts in ``database``; ``@issuer``, which is nobody's handle, is ``issuer``."""

    database: Database
    issuer: Address

    def addresses_of(self, handles: Collection[str]) -> Mapping[str, Address]:
        """The default wallets of the accounts with ``handles``."""
        with self.database.read() as tx:
            found = account_wallets.paid_by_handle(tx, [Handle(one) for one in handles])
        return {**found} | ({ISSUER: self.issuer} if ISSUER in handles else {})

    def handles_of(self, addresses: Collection[Address]) -> Mapping[Address, str]:
        """Whose ``addresses`` are."""
        if not addresses:
            return {}
        with self.database.read() as tx:
            found: dict[Address, str] = dict(account_wallets.handles_of(tx, addresses))
        return found | ({self.issuer: ISSUER} if self.issuer in addresses else {})

    def wallets_of(self, account_ids: Collection[int]) -> Mapping[int, tuple[Address, ...]]:
        """The accounts' wallets, the default one first."""
        with self.database.read() as tx:
            return account_wallets.addresses_of(tx, account_ids)
