"""The sealed store: managed and service keys at rest, each under a data key of its own, the data keys under one key.

``<address>.json`` holds the secret sealed by AES-256-GCM with a random data key; ``data-keys.json`` holds all data
keys, wrapped by the key-encryption key. Both bind version, label and address as associated data, so ciphertexts that
were swapped or relabelled do not open. Changing the key-encryption key wraps the data keys anew, in one step for all
wallets, and leaves the wallets' files alone.

Files of version 1 hold their wrapped data key themselves, until the first rotation takes it out. A file may also name a
key service's key that signs for the address: then there is no secret.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chainwallet.errors import AlreadyExists, BadValue, DamagedHome, NotFound, WrongPassphrase
from chainwallet.evm import Address, checksum, parse_address
from chainwallet.keys import secret_file
from chainwallet.keys.data_keys import DataKeys, WrappedKey
from chainwallet.keys.gcm import KEY_BYTES, seal, unseal, wipe
from chainwallet.keys.kek import Keks, wrapped
from chainwallet.keys.keystore import decrypt_keystore, encrypt_keystore
from chainwallet.keys.kms import KmsClient, KmsSigner, account_of
from chainwallet.keys.managed import ManagedSigner
from chainwallet.keys.signer import SECP256K1_ORDER, AccountSigner, SigningLimits, address_of_secret

VERSION = 2
DATA_KEYS = "data-keys.json"  # JSON Lines; named so that a backup of ``*.json`` has it
MOST_KNOWN = 10_000
"""Sealed keys whose files are kept in memory, sealed as they are, once they were seen to open."""
Label = Literal["wallet", "service"]
"""What a key is for: a person's money, or a role of the service (deployer, issuer, relayer)."""


@dataclass(frozen=True)
class _SealedKey:
    """One file of the store. ``inline`` is the data key that a file of version 1 holds itself."""

    address: Address
    label: Label
    sealed_secret: bytes
    version: int = VERSION
    inline: WrappedKey | None = None

    def aad(self, part: Literal["data key", "secret"]) -> bytes:
        label = f"chainwallet sealed key, version {self.version}, {self.label}"
        return f"{label}, {part} of {self.address.hex()}".encode()

    def as_json(self) -> bytes:
        return _json(self.version, self.address, self.label, "sealed_secret", self.sealed_secret.hex())


@dataclass(frozen=True)
class _ServiceKey:
    """One file of the store that names the key service's key for an address."""

    address: Address
    label: Label
    kms_key: str

    def as_json(self) -> bytes:
        return _json(VERSION, self.address, self.label, "kms_key", self.kms_key)


def no_key_service() -> KmsClient:
    """Where no key service is configured: raises ``BadValue``."""
    raise BadValue("kms", "none", "the setting that says how the key service is reached")


class SealedKeys:
    """The keys in ``directory``, opened by ``keks``; ``kms`` gives the key service's client.

    The directory is made (mode 0700) with the first key. Processes may add, open and rotate at once. Everything that
    opens a key raises ``DamagedHome``, naming the file and what was expected, if it was altered or belongs to a
    key-encryption key that is not here.
    """

    def __init__(self, directory: Path, keks: Keks, kms: Callable[[], KmsClient] = no_key_service) -> None:
        self._directory = directory
        self._keks = keks
        self._kms = kms
        self._data_keys = DataKeys(directory / DATA_KEYS)
        self._known: OrderedDict[Address, _SealedKey] = OrderedDict()
        self._known_lock = Lock()

    def create(self, label: Label) -> Address:
        """Make a new key from the operating system's randomness, seal it, and return its address."""
        return self.add((secrets.randbelow(SECP256K1_ORDER - 1) + 1).to_bytes(32, "big"), label)

    def add(self, secret: bytes | bytearray, label: Label) -> Address:
        """Seal an existing 32-byte ``secret`` and return its address.

        Raises ``AlreadyExists`` if the store has it, ``BadValue`` for another label or a secret that is no private key.
        """
        _check_label(label)
        buffer, data_key = bytearray(secret), bytearray(secrets.token_bytes(KEY_BYTES))
        try:
            address = address_of_secret(buffer)
            aad = _SealedKey(address, label, b"").aad
            key = _SealedKey(address, label, seal(AESGCM(data_key), buffer, aad("secret")))
            secret_file.make_directory(self._directory)
            with secret_file.locked(self._directory):
                self._require_new(address)
                kek = self._keks.current()
                self._data_keys.append(address, WrappedKey(kek.key_id, wrapped(kek, data_key, aad("data key"))))
                self._write_new(address, key.as_json())
        finally:
            wipe(buffer)
            wipe(data_key)
        return address

    def add_kms(self, kms_key: str, label: Label) -> Address:
        """Let the key service's key ``kms_key`` sign for its address, which is returned.

        Raises ``AlreadyExists`` if the store has it, ``BadValue`` for a key that cannot sign or where no key service is
        configured, ``KeyServiceUnreachable`` and ``KeyServiceRefused``.
        """
        _check_label(label)
        address, name = account_of(self._kms(), kms_key)
        secret_file.make_directory(self._directory)
        self._write_new(address, _ServiceKey(address, label, name).as_json())
        return address

    def import_keystore(self, keystore: object, passphrase: str, label: Label) -> Address:
        """Seal the key in a Web3 Secret Storage keystore. Raises as ``decrypt_keystore`` and ``add`` do."""
        return self.add(decrypt_keystore(keystore, passphrase), label)

    def addresses(self, label: Label | None = None) -> list[Address]:
        """The addresses of all keys, or of those with ``label``, in ascending order."""
        found = sorted(_address_in(path) for path in self._directory.glob("0x*.json"))
        return [address for address in found if label in (None, self._read(address).label)]

    def label(self, address: Address) -> Label:
        """What the key is for. Raises ``NotFound``."""
        return self._read(address).label

    def signer(self, address: Address, limits: SigningLimits | None = None) -> AccountSigner:
        """A signer for ``address``, held to ``limits``. Its key was seen to open, and is opened only to sign.

        Raises ``NotFound`` if there is no such key.
        """
        if address not in self._known:
            key = self._read(address)
            if isinstance(key, _ServiceKey):
                return KmsSigner(self._kms(), key.kms_key, address, limits)
            with self.opened(address):
                pass
        return ManagedSigner(address, self.opened, limits)

    @contextmanager
    def opened(self, address: Address) -> Iterator[bytearray]:
        """The secret of ``address`` inside the block; overwritten at its end. Raises as ``signer``."""
        secret = self._secret(address)
        try:
            yield secret
        finally:
            wipe(secret)

    def export_keystore(self, address: Address, passphrase: str) -> dict[str, Any]:
        """The key of ``address`` as a keystore under ``passphrase``. Raises as ``signer`` and ``encrypt_keystore``."""
        with self.opened(address) as secret:
            return encrypt_keystore(bytes(secret), passphrase)

    def rotate(self, keks: Keks, begin: Callable[[], None] = lambda: None) -> int:
        """Wrap every data key with the current one of ``keks``, used from now on; the number of keys that changed.

        Nothing is written unless every data key opens; then ``begin`` is called. All data keys change in one step, and
        wallets' files of version 1 lose theirs afterwards. After a crash, calling it again finishes it.
        """
        secret_file.make_directory(self._directory)
        with secret_file.locked(self._directory):
            for pattern in ("0x*.json", DATA_KEYS):
                secret_file.remove_left_behind(self._directory / pattern)
            self._data_keys.read_again()
            keys = [key for key in map(self._read, self.addresses()) if isinstance(key, _SealedKey)]
            for key in keys:
                wipe(self._data_key(key))
            begin()
            kek = keks.current()
            before = {key.address: self._wrapped_key(key) for key in keys}
            after = {
                key.address: before[key.address]
                if before[key.address].key_id == kek.key_id
                else self._wrapped_anew(key, keks)
                for key in keys
            }
            changed = sum(before[address] != after[address] for address in after)
            if changed or any(key.inline for key in keys):
                self._data_keys.replace(after)
                secret_file.replace_all({self._path(key.address): key.as_json() for key in keys if key.inline})
            self._keks = keks
        return changed

    def key_ids(self) -> dict[str, int]:
        """Under which key-encryption keys how many data keys are."""
        counts: dict[str, int] = {}
        for key in map(self._read, self.addresses()):
            if isinstance(key, _SealedKey):
                key_id = self._wrapped_key(key).key_id
                counts[key_id] = counts.get(key_id, 0) + 1
        return counts

    # ------------------------------------------------------------------------------------------------ files

    def _path(self, address: Address) -> Path:
        return self._directory / f"{checksum(address)}.json"

    def _require_new(self, address: Address) -> None:
        if self._path(address).exists():
            raise AlreadyExists("key", checksum(address))

    def _write_new(self, address: Address, content: bytes) -> None:
        try:
            secret_file.write_new(self._path(address), content)
        except AlreadyExists:
            raise AlreadyExists("key", checksum(address)) from None

    def _read(self, address: Address) -> _SealedKey | _ServiceKey:
        path = self._path(address)
        try:
            text = secret_file.read(path)
        except FileNotFoundError:
            raise NotFound("key", checksum(address), "`chainwallet wallet list` names those there are") from None
        except OSError as error:
            raise DamagedHome(str(path), f"a file that can be read ({error.strerror})") from None
        return _parse(text, address, lambda expected: DamagedHome(str(path), expected))

    # ------------------------------------------------------------------------------------------------ keys

    def _wrapped_key(self, key: _SealedKey) -> WrappedKey:
        found = self._data_keys.find(key.address) or key.inline
        if found is None:
            raise DamagedHome(str(self._data_keys.path), f"a line with the data key of {checksum(key.address)}")
        return found

    def _data_key(self, key: _SealedKey) -> bytearray:
        """The data key of ``key``, for the caller to wipe."""
        try:
            return self._unwrapped(key)
        except DamagedHome:  # perhaps only what was read before another process rotated
            self._data_keys.read_again()
            return self._unwrapped(key)

    def _unwrapped(self, key: _SealedKey) -> bytearray:
        found = self._wrapped_key(key)
        kek = self._keks.find(found.key_id)
        place = str(self._path(key.address) if found is key.inline else self._data_keys.path)
        if kek is None:
            raise DamagedHome(
                place, f"key-encryption key {found.key_id}, but this home has {self._keks.current().key_id}"
            )
        try:
            return kek.unwrap(found.wrapped, key.aad("data key"))
        except WrongPassphrase:
            expected = f"a data key wrapped for this address and label ({checksum(key.address)}, {key.label})"
            raise DamagedHome(place, expected) from None

    def _wrapped_anew(self, key: _SealedKey, keks: Keks) -> WrappedKey:
        kek, data_key = keks.current(), self._data_key(key)
        try:
            return WrappedKey(kek.key_id, wrapped(kek, data_key, key.aad("data key")))
        finally:
            wipe(data_key)

    def _secret(self, address: Address) -> bytearray:
        """The secret of ``address``, for the caller to wipe."""
        known = self._known.get(address)
        key = known or self._read(address)
        if isinstance(key, _ServiceKey):
            expected = "one whose key is sealed in this home; this one's never leaves its key service"
            raise BadValue("wallet", checksum(address), expected)
        data_key = self._data_key(key)
        try:
            secret = unseal(AESGCM(data_key), key.sealed_secret, key.aad("secret"))
        except InvalidTag:
            raise DamagedHome(str(self._path(address)), "a secret sealed for this address and label") from None
        finally:
            wipe(data_key)
        if known is None:
            self._check(secret, address)
            self._remember(key)
        return secret

    def _check(self, secret: bytearray, address: Address) -> None:
        try:
            found = address_of_secret(secret)
        except BadValue:
            found = None
        if found != address:
            wipe(secret)
            raise DamagedHome(str(self._path(address)), f"the key of {checksum(address)}")

    def _remember(self, key: _SealedKey) -> None:
        with self._known_lock:
            self._known[key.address] = key
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


def _json(version: int, address: Address, label: Label, kind: str, value: str) -> bytes:
    shown = {"version": version, "address": checksum(address), "label": label, kind: value}
    return json.dumps(shown, indent=2).encode() + b"\n"


def _check_label(label: Label) -> None:
    if label not in get_args(Label):
        raise BadValue("label", label, f"one of {', '.join(get_args(Label))}")


def _parse(text: bytes, address: Address, damaged: Callable[[str], DamagedHome]) -> _SealedKey | _ServiceKey:
    try:
        shown = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged("JSON") from None
    if not isinstance(shown, dict) or type(shown.get("version")) is not int or shown["version"] not in (1, VERSION):
        raise damaged(f"a sealed key of version 1 or {VERSION}")
    version, names = shown["version"], set(shown) - {"version", "address", "label"}
    if names not in _KINDS[version]:
        raise damaged(f"the fields of a sealed key of version {version}")
    if shown["address"] != checksum(address):
        raise damaged(f"the address {checksum(address)} that names the file")
    label: Label = shown.get("label", "")
    if label not in get_args(Label):
        raise damaged(f"a label among {', '.join(get_args(Label))}")
    if "kms_key" in names:
        return _ServiceKey(address, label, str(shown["kms_key"]))
    try:
        sealed_secret = bytes.fromhex(shown["sealed_secret"])
        is_inline = "wrapped_key" in names
        inline = WrappedKey(str(shown["key_id"]), bytes.fromhex(shown["wrapped_key"])) if is_inline else None
    except (ValueError, TypeError):
        raise damaged("hex in wrapped_key and sealed_secret") from None
    return _SealedKey(address, label, sealed_secret, version, inline)


_KINDS: dict[int, tuple[set[str], ...]] = {
    1: ({"key_id", "wrapped_key", "sealed_secret"}, {"sealed_secret"}),
    2: ({"sealed_secret"}, {"kms_key"}),
}
"""What a file of each version holds beside version, address and label."""


def _address_in(path: Path) -> Address:
    try:
        address = parse_address(path.stem)
    except BadValue:
        address = None
    if address is None or checksum(address) != path.stem:
        raise DamagedHome(str(path), "a file named by an address with its checksum")
    return address
