"""Key-encryption keys: they wrap the data keys of wallets, and live in a file or in a key service."""

import hashlib
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NoReturn, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chainwallet.errors import AlreadyExists, BadValue, DamagedHome, NotFound, WrongPassphrase
from chainwallet.keys import secret_file
from chainwallet.keys.gcm import KEY_BYTES, seal, unseal, wipe

REMEMBERED_S = 300
MOST_REMEMBERED = 10_000
"""For how long, and for how many wallets, a data key that a key service opened is kept in memory."""


class KeyEncryptionKey(Protocol):
    """Wraps data keys; it may live in a file, a hardware module or a key service."""

    @property
    def key_id(self) -> str:
        """Names this key without telling anything about it."""

    def wrap(self, data_key: bytes | bytearray, aad: bytes) -> bytes:
        """``data_key`` encrypted, bound to ``aad``."""

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytearray:
        """The data key, for the caller to wipe.

        Raises ``WrongPassphrase`` if ``wrapped`` was not made by this key for ``aad``.
        """


class Keks(Protocol):
    """The key-encryption keys of a store: one for what is sealed now, and those that something was sealed under."""

    def current(self) -> KeyEncryptionKey:
        """The key that wraps new data keys: looked up anew, since another process may have changed it."""

    def find(self, key_id: str) -> KeyEncryptionKey | None:
        """The key with this id, None where it is not here."""


class FileKey:
    """A key-encryption key of 32 random bytes in a file that only its owner may read. Alone, it is ``Keks`` too."""

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
        secret_file.write_new(path, secrets.token_bytes(KEY_BYTES))
        return cls(path)

    @classmethod
    def open_or_create(cls, path: Path) -> Self:
        """The key at ``path``, made if there is none; of several processes that try at once, all get the same key."""
        try:
            return cls.create(path)
        except AlreadyExists:
            return cls(path)

    def wrap(self, data_key: bytes | bytearray, aad: bytes) -> bytes:
        """A random 12-byte nonce, then ``data_key`` under AES-256-GCM."""
        return seal(self._cipher, data_key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytearray:
        """The data key. Raises ``WrongPassphrase`` if ``wrapped`` was not made by this key for ``aad``."""
        try:
            return unseal(self._cipher, wrapped, aad)
        except InvalidTag:
            raise WrongPassphrase(f"a data key with key-encryption key {self.key_id}") from None

    def current(self) -> Self:
        """This key."""
        return self

    def find(self, key_id: str) -> Self | None:
        """This key, where it is the one."""
        return self if key_id == self.key_id else None

    def __repr__(self) -> str:
        return f"FileKey({self.key_id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a FileKey is neither pickled nor copied: it holds a key")


class RememberingKey:
    """A key-encryption key far away, asked once for each data key: what it opened is kept for ``REMEMBERED_S``.

    At most ``MOST_REMEMBERED`` are kept. One that is forgotten is overwritten, at the latest when the next is asked
    for after its time.
    """

    def __init__(self, kek: KeyEncryptionKey, monotonic_s: Callable[[], float]) -> None:
        self._kek = kek
        self._monotonic_s = monotonic_s
        self._opened: OrderedDict[tuple[bytes, bytes], tuple[float, bytearray]] = OrderedDict()
        self._lock = Lock()

    @property
    def key_id(self) -> str:
        """The key's own."""
        return self._kek.key_id

    def wrap(self, data_key: bytes | bytearray, aad: bytes) -> bytes:
        """As the key does it."""
        return self._kek.wrap(data_key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytearray:
        """As the key does it, or as it did."""
        with self._lock:
            self._forget_old()
            known = self._opened.get((wrapped, aad))
            if known is not None:
                return bytearray(known[1])
        data_key = self._kek.unwrap(wrapped, aad)
        with self._lock:
            self._opened.setdefault((wrapped, aad), (self._monotonic_s() + REMEMBERED_S, bytearray(data_key)))
            self._forget_old()
        return data_key

    def _forget_old(self) -> None:
        now_s = self._monotonic_s()
        while self._opened:
            until_s, data_key = next(iter(self._opened.values()))  # the oldest
            if until_s > now_s and len(self._opened) <= MOST_REMEMBERED:
                return
            wipe(data_key)
            self._opened.popitem(last=False)


class HomeKeks:
    """The key-encryption keys of a home: a file, the file that takes its place in a rotation, and key services.

    ``service_key`` gives the key that a key service has under an id which begins with ``SERVICE_PREFIX``. ``wanted`` is
    the id of the one that wraps data keys from now on; None for the file at ``path``.
    """

    SERVICE_PREFIX = "kms:"

    def __init__(
        self, path: Path, service_key: Callable[[str], KeyEncryptionKey], wanted: str | None, *, may_create: bool
    ) -> None:
        self._path = path
        self._next = path.with_name(path.name + ".next")
        self._service_key = service_key
        self._wanted = wanted
        self._may_create = may_create
        self._known: dict[str, KeyEncryptionKey] = {}

    def current(self) -> KeyEncryptionKey:
        """The wanted key.

        The file's is made if there is none and nothing can have been sealed yet; else ``NotFound`` is raised.
        """
        if self._wanted is not None:
            return self._service(self._wanted)
        if self.is_rotating:
            return self._remembered(FileKey(self._next))
        if self._may_create:
            return self._remembered(FileKey.open_or_create(self._path))
        return self._remembered(FileKey(self._path))

    def find(self, key_id: str) -> KeyEncryptionKey | None:
        """The key with this id: a key service's, or one of the files'. Raises what reading the files raises."""
        if key_id.startswith(self.SERVICE_PREFIX):
            return self._service(key_id)
        for path in (self._path, self._next, self._path):  # the second may take the first one's place meanwhile
            if key_id not in self._known and path.exists():
                self._remembered(FileKey(path))
        if key_id not in self._known and not self._path.exists():
            raise NotFound("key-encryption key", str(self._path), "restore it from its backup")
        return self._known.get(key_id)

    @property
    def is_rotating(self) -> bool:
        """A rotation to a new file was begun and has not ended."""
        return self._next.exists()

    def begin(self) -> None:
        """Makes the file that takes the current one's place, unless an earlier rotation did or none is wanted."""
        if self._wanted is None:
            secret_file.remove_left_behind(self._next)
            FileKey.open_or_create(self._next)

    def finish(self) -> None:
        """Puts the new file in the old one's place; where no file is wanted any more, the old one stays as it is."""
        if self._wanted is None:
            secret_file.rename(self._next, self._path)

    def _service(self, key_id: str) -> KeyEncryptionKey:
        if key_id not in self._known:
            self._known[key_id] = self._service_key(key_id)
        return self._known[key_id]

    def _remembered(self, key: FileKey) -> KeyEncryptionKey:
        return self._known.setdefault(key.key_id, key)


def wrapped(kek: KeyEncryptionKey, data_key: bytes | bytearray, aad: bytes) -> bytes:
    """``data_key`` wrapped, and seen to unwrap again: losing a data key loses money. Raises ``BadValue``."""
    made = kek.wrap(data_key, aad)
    opened = kek.unwrap(made, aad)
    try:
        if opened != data_key:
            raise BadValue("key-encryption key", kek.key_id, "a key that unwraps what it wrapped")
    finally:
        wipe(opened)
    return made


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
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise DamagedHome(str(path), f"{KEY_BYTES} bytes")
    return key
