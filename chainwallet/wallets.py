"""Wallets: names for addresses, and the keys this home holds for them."""

import unicodedata
from pathlib import Path

from chainwallet.errors import AlreadyExists, BadValue, NotFound
from chainwallet.evm import Address, checksum, parse_address
from chainwallet.keys.keystore import read_keystore, write_keystore
from chainwallet.keys.sealed import SealedKeys
from chainwallet.keys.signer import LocalSigner
from chainwallet.store import wallets
from chainwallet.store.database import Database, Transaction
from chainwallet.store.wallets import Purpose, Wallet

MAX_NAME_CHARS = 64


def checked_name(name: str) -> str:
    """``name`` trimmed and in Unicode's NFC form.

    Raises ``BadValue`` for an empty name, one above ``MAX_NAME_CHARS``, one with control characters, or one that could
    be taken for an address.
    """
    clean = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(clean) <= MAX_NAME_CHARS:
        raise BadValue("name", name, f"1 to {MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in clean):
        raise BadValue("name", name, "no control characters")
    if clean.lower().startswith("0x"):
        raise BadValue("name", name, "a name that does not begin like an address")
    return clean


def wallet_name_of(person: str, number: int) -> str:
    """A wallet's name for a person as some file calls them; ``person <number>`` where that name cannot be one."""
    try:
        return checked_name(person)
    except BadValue:
        return f"person {number}"


class Wallets:
    """The wallets of one home: rows in its store, keys sealed beside it."""

    def __init__(self, database: Database, keys: SealedKeys) -> None:
        self._database = database
        self._keys = keys

    def create(self, name: str, now_s: int, purpose: Purpose = "person") -> Wallet:
        """A wallet with a new key, sealed in this home. Raises ``AlreadyExists`` for a taken name."""
        name = checked_name(name)
        with self._database.transaction() as tx:
            self._require_free(tx, name)
        address = self._keys.create("service" if purpose == "service" else "wallet")
        return self._add(Wallet(name, address, "managed", purpose), now_s)

    def import_keystore(self, name: str, path: Path, passphrase: str, now_s: int) -> Wallet:
        """A wallet with the key of a Web3 Secret Storage file, sealed in this home.

        Raises ``WrongPassphrase``, ``BadValue`` for a file that is no keystore, ``AlreadyExists`` for a taken name or a
        key this home has already.
        """
        name = checked_name(name)
        with self._database.transaction() as tx:
            self._require_free(tx, name)
        address = self._keys.import_keystore(read_keystore(path), passphrase, "wallet")
        return self._add(Wallet(name, address, "managed", "person"), now_s)

    def add_external(self, name: str, address: Address, now_s: int) -> Wallet:
        """A wallet whose owner signs elsewhere."""
        return self._add(Wallet(checked_name(name), address, "external", "person"), now_s)

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
        """The wallet with this name, made now if there is none."""
        with self._database.transaction() as tx:
            found = wallets.by_name(tx, checked_name(name))
        return found or self.create(name, now_s, purpose)

    def signer(self, wallet: Wallet) -> LocalSigner:
        """Signs for ``wallet``. Raises ``BadValue`` for a wallet whose key this home does not hold."""
        self._require_managed(wallet)
        return self._keys.signer(wallet.address)

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
