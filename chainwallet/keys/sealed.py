"""The sealed store: managed and service keys at rest, each under a data key of its own, the data keys under one key.

``<address>.json`` holds the secret sealed by AES-256-GCM with a random data key, and that data key wrapped by the
key-encryption key. Both bind the file's version, label and address as associated data, so ciphertexts that were swapped
or relabelled do not open. Changing the key-encryption key wraps the data keys anew and leaves the sealed secrets alone.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, Self, get_args

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chainwallet.errors import AlreadyExists, BadValue, DamagedHome, NotFound, WrongPassphrase
from chainwallet.evm import Address, checksum, parse_address
from chainwallet.keys import secret_file
from chainwallet.keys.keystore import decrypt_keystore, encrypt_keystore
from chainwallet.keys.signer import SECP256K1_ORDER, LocalSigner, SigningLimits

VERSION = 1
Label = Literal["wallet", "service"]
"""What a key is for: a person's money, or a role of the service (deployer, issuer, relayer)."""

_KEY_BYTES = 32  # AES-256
_NONCE_BYTES = 12  # SP 800-38D, section 8.2.2: random 96-bit nonces, for fewer than 2^32 messages under one key


class KeyEncryptionKey(Protocol):
    """Wraps data keys; it may live in a file, a hardware module or a key service."""

    @property
    def key_id(self) -> str:
        """Names this key without telling anything about it."""

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """``data_key`` encrypted, bound to ``aad``."""

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The data key. Raises ``WrongPassphrase`` if ``wrapped`` was not made by this key for ``aad``."""


class FileKey:
    """A key-encryption key of 32 random bytes in a file that only its owner may read."""

    __slots__ = ("_cipher", "key_id", "path")

    def __init__(self, path: Path) -> None:
        """Read the key at ``path``.

        Raises ``NotFound`` if there is none, ``DamagedHome`` if the group or others may read it or it is not 32 bytes.
        """
        self.path = path
        key = _read_key(path)
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"chainwallet key-encryption key" + key).hexdigest()[:16]

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new key at ``path``. Raises ``AlreadyExists`` if there is a file."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret_file.write_new(path, secrets.token_bytes(_KEY_BYTES))
        return cls(path)

    @classmethod
    def open_or_create(cls, path: Path) -> Self:
        """The key at ``path``, made if there is none; of several processes that try at once, all get the same key."""
        try:
            return cls.create(path)
        except AlreadyExists:
            return cls(path)

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """A random 12-byte nonce, then ``data_key`` under AES-256-GCM."""
        return _seal(self._cipher, data_key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The data key. Raises ``WrongPassphrase`` if ``wrapped`` was not made by this key for ``aad``."""
        try:
            return _unseal(self._cipher, wrapped, aad)
        except InvalidTag:
            raise WrongPassphrase(f"a data key with key-encryption key {self.key_id}") from None

    def __repr__(self) -> str:
        return f"FileKey({self.key_id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a FileKey is neither pickled nor copied: it holds a key")


@dataclass(frozen=True)
class _SealedKey:
    """One file of the store; ``wrapped_key`` and ``sealed_secret`` are ciphertexts."""

    address: Address
    label: Label
    key_id: str
    wrapped_key: bytes
    sealed_secret: bytes

    def aad(self, part: Literal["data key", "secret"]) -> bytes:
        return f"chainwallet sealed key, version {VERSION}, {self.label}, {part} of {self.address.hex()}".encode()

    def as_json(self) -> bytes:
        shown = {
            "version": VERSION,
            "address": checksum(self.address),
            "label": self.label,
            "key_id": self.key_id,
            "wrapped_key": self.wrapped_key.hex(),
            "sealed_secret": self.sealed_secret.hex(),
        }
        return json.dumps(shown, indent=2).encode() + b"\n"


class SealedKeys:
    """The keys in ``directory``, opened by ``kek``.

    The directory is made (mode 0700) with the first key. Two processes may add and open keys at once; while one calls
    ``rotate``, the caller sees to it that no other adds any. Everything that opens a key raises ``DamagedHome``, naming
    the file and what was expected, if it was altered or belongs to another key-encryption key.
    """

    def __init__(self, directory: Path, kek: KeyEncryptionKey) -> None:
        self._directory = directory
        self._kek = kek

    def create(self, label: Label) -> Address:
        """Make a new key from the operating system's randomness, seal it, and return its address."""
        return self.add((secrets.randbelow(SECP256K1_ORDER - 1) + 1).to_bytes(32, "big"), label)

    def add(self, secret: bytes, label: Label) -> Address:
        """Seal an existing 32-byte ``secret`` and return its address.

        Raises ``AlreadyExists`` if the store has it, ``BadValue`` for another label or a secret that is no private key.
        """
        if label not in get_args(Label):
            raise BadValue("label", label, f"one of {', '.join(get_args(Label))}")
        with LocalSigner(secret) as signer:
            address = signer.address
        data_key = secrets.token_bytes(_KEY_BYTES)
        blank = _SealedKey(address, label, self._kek.key_id, b"", b"")
        sealed = replace(
            blank,
            wrapped_key=_wrap(self._kek, data_key, blank.aad("data key")),
            sealed_secret=_seal(AESGCM(data_key), secret, blank.aad("secret")),
        )
        secret_file.make_directory(self._directory)
        try:
            secret_file.write_new(self._path(address), sealed.as_json())
        except AlreadyExists:
            raise AlreadyExists("key", checksum(address)) from None
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

    def signer(self, address: Address, limits: SigningLimits | None = None) -> LocalSigner:
        """A signer with the key of ``address``, held to ``limits``. Raises ``NotFound`` if there is no such key."""
        return LocalSigner(self._secret(address), limits)

    def export_keystore(self, address: Address, passphrase: str) -> dict[str, Any]:
        """The key of ``address`` as a keystore under ``passphrase``. Raises as ``signer`` and ``encrypt_keystore``."""
        return encrypt_keystore(self._secret(address), passphrase)

    def rotate(self, new_kek: KeyEncryptionKey) -> int:
        """Wrap every data key with ``new_kek``, used from now on; the number of keys that changed.

        Nothing is written unless every data key opens. After a crash, calling it again with the same keys finishes it.
        """
        sealed = [self._read(address) for address in self.addresses()]
        changed = {
            self._path(key.address): replace(
                key,
                key_id=new_kek.key_id,
                wrapped_key=_wrap(new_kek, self._data_key(key), key.aad("data key")),
            ).as_json()
            for key in sealed
            if key.key_id != new_kek.key_id
        }
        secret_file.replace_all(changed)
        self._kek = new_kek
        return len(changed)

    def _path(self, address: Address) -> Path:
        return self._directory / f"{checksum(address)}.json"

    def _read(self, address: Address) -> _SealedKey:
        path = self._path(address)
        try:
            text = secret_file.read(path)
        except FileNotFoundError:
            raise NotFound("key", checksum(address), "`chainwallet wallet list` names those there are") from None
        except OSError as error:
            raise DamagedHome(str(path), f"a file that can be read ({error.strerror})") from None
        return _parse(text, address, lambda expected: DamagedHome(str(path), expected))

    def _data_key(self, key: _SealedKey) -> bytes:
        path = str(self._path(key.address))
        if key.key_id != self._kek.key_id:
            raise DamagedHome(path, f"key-encryption key {key.key_id}, but this home has {self._kek.key_id}")
        try:
            return self._kek.unwrap(key.wrapped_key, key.aad("data key"))
        except WrongPassphrase:
            raise DamagedHome(path, "a data key wrapped for this address and label") from None

    def _secret(self, address: Address) -> bytes:
        key = self._read(address)
        try:
            secret = _unseal(AESGCM(self._data_key(key)), key.sealed_secret, key.aad("secret"))
        except InvalidTag:
            raise DamagedHome(str(self._path(address)), "a secret sealed for this address and label") from None
        with LocalSigner(secret) as signer:
            if signer.address != address:
                raise DamagedHome(str(self._path(address)), f"the key of {checksum(address)}")
        return secret


def _parse(text: bytes, address: Address, damaged: Callable[[str], DamagedHome]) -> _SealedKey:
    try:
        shown = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged("JSON") from None
    names = {"version", "address", "label", "key_id", "wrapped_key", "sealed_secret"}
    if not isinstance(shown, dict) or set(shown) != names or shown["version"] != VERSION:
        raise damaged(f"a sealed key of version {VERSION}")
    if shown["address"] != checksum(address):
        raise damaged(f"the address {checksum(address)} that names the file")
    if shown["label"] not in get_args(Label):
        raise damaged(f"a label among {', '.join(get_args(Label))}")
    try:
        wrapped_key, sealed_secret = (bytes.fromhex(shown[name]) for name in ("wrapped_key", "sealed_secret"))
    except (ValueError, TypeError):
        raise damaged("hex in wrapped_key and sealed_secret") from None
    return _SealedKey(address, shown["label"], str(shown["key_id"]), wrapped_key, sealed_secret)


def _address_in(path: Path) -> Address:
    try:
        address = parse_address(path.stem)
    except BadValue:
        address = None
    if address is None or checksum(address) != path.stem:
        raise DamagedHome(str(path), "a file named by an address with its checksum")
    return address


def _wrap(kek: KeyEncryptionKey, data_key: bytes, aad: bytes) -> bytes:
    wrapped = kek.wrap(data_key, aad)
    if kek.unwrap(wrapped, aad) != data_key:  # losing a data key loses money
        raise BadValue("key-encryption key", kek.key_id, "a key that unwraps what it wrapped")
    return wrapped


def _seal(cipher: AESGCM, plain: bytes, aad: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, aad)


def _unseal(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes:
    if len(sealed) < _NONCE_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)


def _read_key(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("key-encryption key", str(path), "restore it from its backup") from None
    except OSError as error:
        raise DamagedHome(str(path), f"a file that can be read ({error.strerror})") from None
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise DamagedHome(str(path), "a file that only its owner may read (chmod 600)")
        key = file.read(_KEY_BYTES + 1)
    if len(key) != _KEY_BYTES:
        raise DamagedHome(str(path), f"{_KEY_BYTES} bytes")
    return key
