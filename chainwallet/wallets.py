"""Wallets: names for addresses, and the keys this home holds for them."""

from collections.abc import Collection, Sequence
from itertools import count
from pathlib import Path

from chainwallet.accounts import Accounts, sign_up
from chainwallet.errors import AlreadyExists, BadValue, NotFound
from chainwallet.evm import Address, checksum, parse_address
from chainwallet.keys.keystore import read_keystore, write_keystore
from chainwallet.keys.sealed import SealedKeys
from chainwallet.keys.signer import AccountSigner
from chainwallet.rules.text import clean_line
from chainwallet.store import wallets
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database, Transaction
from chainwallet.store.wallets import Purpose, Wallet

MAX_NAME_CHARS = 64
SERVICE_NAMES = "service "
"""What names of this home's services begin with; nobody else's do."""
ACCOUNT_NAMES = "@"
"""What names of accounts' wallets begin with: their handles. Nobody gives such a name by hand."""


def checked_name(name: str) -> str:
    """``name`` trimmed and in Unicode's NFC form.

    Raises ``BadValue`` as ``clean_line`` does, and for a name that could be taken for an address.
    """
    clean = clean_line(name, "name", MAX_NAME_CHARS)
    if clean.lower().startswith("0x"):
        raise BadValue("name", name, "a name that does not begin like an address")
    return clean


def personal_name(name: str) -> str:
    """``checked_name``; raises ``BadValue`` also for a name that begins like those of services or of accounts."""
    clean = checked_name(name)
    for beginning in (SERVICE_NAMES, ACCOUNT_NAMES):
        if clean.startswith(beginning):
            raise BadValue("name", name, f"a name that does not begin with {beginning!r}")
    return clean


def wallet_names_of(people: Sequence[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A wallet's name for each of ``people`` as some file calls them, all different and none of them ``taken``.

    It is their own name, or ``person <number>`` where that cannot be a wallet's name.
    """
    names: dict[str, str] = {}
    used = set(taken)
    for person in people:
        try:
            name = personal_name(person)
        except BadValue:
            continue
        if name not in used:
            names[person] = name
            used.add(name)
    for number, person in enumerate(people, 1):
        if person not in names:
            free = (f"person {n}" for n in count(number) if f"person {n}" not in used)
            names[person] = next(free)
            used.add(names[person])
    return {person: names[person] for person in people}


class Wallets:
    """The wallets of one home: rows in its store, keys sealed beside it."""

    def __init__(self, database: Database, keys: SealedKeys) -> None:
        self._database = database
        self._keys = keys

    def create(self, name: str, now_s: int, purpose: Purpose = "person") -> Wallet:
        """A wallet with a new key, sealed in this home. Raises ``AlreadyExists`` for a taken name."""
        name = checked_name(name) if purpose == "service" else personal_name(name)
        with self._database.transaction() as tx:
            self._require_free(tx, name)
        address = self._keys.create("service" if purpose == "service" else "wallet")
        return self._add(Wallet(name, address, "managed", purpose), now_s)

    def open_account(self, accounts: Accounts, handle: str, password: str, client_address: str) -> Account:
        """A new account with a managed wallet, whose key is sealed in this home. Raises as ``accounts.sign_up``.

        Where others take the handle at the same moment, a sealed key that nobody uses may be left.
        """
        return sign_up(accounts, handle, password, client_address, lambda: self._keys.create("wallet"))

    def import_keystore(self, name: str, path: Path, passphrase: str, now_s: int) -> Wallet:
        """A wallet with the key of a Web3 Secret Storage file, sealed in this home.

        Raises ``WrongPassphrase``, ``BadValue`` for a file that is no keystore, ``AlreadyExists`` for a taken name or a
        wallet this home has already.
        """
        name = personal_name(name)
        with self._database.transaction() as tx:
            self._require_free(tx, name)
        try:
            address = self._keys.import_keystore(read_keystore(path), passphrase, "wallet")
        except AlreadyExists as sealed:  # by an import that was interrupted before it gave the key a name, perhaps
            address = parse_address(sealed.name)
        return self._add(Wallet(name, address, "managed", "person"), now_s)

    def add_kms(self, name: str, kms_key: str, now_s: int) -> Wallet:
        """A wallet whose key the key service has, under the id, ARN or alias ``kms_key``.

        Raises ``AlreadyExists`` for a taken name or a wallet this home has already, and what ``SealedKeys.add_kms``
        does.
        """
        name = personal_name(name)
        with self._database.transaction() as tx:
            self._require_free(tx, name)
        try:
            address = self._keys.add_kms(kms_key, "wallet")
        except AlreadyExists as known:  # by a call that was interrupted before it gave the key a name, perhaps
            address = parse_address(known.name)
        return self._add(Wallet(name, address, "managed", "person"), now_s)

    def add_external(self, name: str, address: Address, now_s: int) -> Wallet:
        """A wallet whose owner signs elsewhere."""
        return self._add(Wallet(personal_name(name), address, "external", "person"), now_s)

    def export_keystore(self, name: str, path: Path, passphrase: str) -> Wallet:
        """Writes the wallet's key to a new Web3 Secret Storage file; ``AlreadyExists`` where the file is there."""
        wallet = self.find(name)
        if path.exists():
            raise AlreadyExists("file", str(path))
        self._require_managed(wallet)
        write_keystore(path, self._keys.export_keystore(wallet.address, passphrase))
        return wallet

    def every(self, purpose: Purpose = "person") -> tuple[Wallet, ...]:
        """All wallets of ``purpose``, by name."""
        with self._database.transaction() as tx:
            return wallets.every(tx, purpose)

    def find(self, name: str) -> Wallet:
        """The wallet with this name or address. Raises ``NotFound``."""
        with self._database.transaction() as tx:
            if name.startswith("0x"):
                found = wallets.by_address(tx, parse_address(name, "wallet"))
            else:
                found = wallets.by_name(tx, checked_name(name))
        if found is None:
            raise NotFound("wallet", name, "see `chainwallet wallet list`, or make one with `chainwallet wallet new`")
        return found

    def address_of(self, name: str, field: str) -> Address:
        """The address that ``name`` stands for: a wallet here, or an address as it is."""
        return parse_address(name, field) if name.startswith("0x") else self.find(name).address

    def find_or_create(self, name: str, now_s: int, purpose: Purpose = "person") -> Wallet:
        """The wallet with this name, made now if there is none; ``AlreadyExists`` where it has another purpose."""
        with self._database.transaction() as tx:
            found = wallets.by_name(tx, checked_name(name))
        if found is not None and found.purpose != purpose:
            raise AlreadyExists("wallet", found.name)
        return found or self.create(name, now_s, purpose)

    def signer(self, wallet: Wallet) -> AccountSigner:
        """Signs for ``wallet``. Raises ``BadValue`` for a wallet whose key this home does not hold."""
        self._require_managed(wallet)
        return self._keys.signer(wallet.address)

    def signer_of(self, address: Address) -> AccountSigner | None:
        """Signs for the managed wallet of ``address``; None where that is none of ours."""
        with self._database.read() as tx:
            found = wallets.by_address(tx, address)
        return self._keys.signer(address) if found is not None and found.custody == "managed" else None

    def managed(self) -> tuple[Address, ...]:
        """The addresses of all people whose keys this home holds."""
        return tuple(wallet.address for wallet in self.every() if wallet.custody == "managed")

    def _require_managed(self, wallet: Wallet) -> None:
        if wallet.custody != "managed":
            expected = "a wallet whose key this home holds; its owner signs elsewhere"
            raise BadValue("wallet", f"{wallet.name} ({checksum(wallet.address)})", expected)

    def _require_free(self, tx: Transaction, name: str) -> None:
        if wallets.by_name(tx, name) is not None:
            raise AlreadyExists("wallet", name)

    def _add(self, wallet: Wallet, now_s: int) -> Wallet:
        with self._database.transaction() as tx:
            wallets.add(tx, wallet, now_s)
        return wallet
