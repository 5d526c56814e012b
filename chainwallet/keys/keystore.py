"""Keystores: one private key under a passphrase, in the file format that other wallets read and write.

Source: Web3 Secret Storage Definition, version 3 (AES-128-CTR, Keccak-256 MAC, scrypt or PBKDF2). The cryptography is
eth-keyfile's; this module checks everything before and after it.
"""

import json
import re
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from chainwallet.errors import BadValue, NotFound, WrongPassphrase
from chainwallet.evm import checksum, parse_address
from chainwallet.keys import secret_file
from chainwallet.keys.signer import HIDDEN, LocalSigner, SigningLimits

VERSION = 3
SCRYPT_N = 262_144  # geth StandardScryptN; with r 8 and p 1: 256 MB and about a second
MAX_SCRYPT_N = 2**20
MAX_SCRYPT_MEMORY_BYTES = 512 * 2**20  # 128 * n * r, RFC 7914
MAX_SCRYPT_WORK = 2**23  # n * r * p, four times the default
MAX_PBKDF2_ITERATIONS = 10_000_000
MAX_DERIVATIONS = 2
"""Passphrases worked on at the same time in this process; others wait, so that memory stays bounded."""

_DERIVATIONS = threading.BoundedSemaphore(MAX_DERIVATIONS)
_IMPORTING = threading.Lock()


def encrypt_keystore(secret: bytes, passphrase: str) -> dict[str, Any]:
    """The keystore (a JSON object) of the 32-byte ``secret``, by scrypt with n 262144, r 8, p 1; takes about a second.

    Raises ``BadValue`` for an empty passphrase or a secret that is no private key, showing neither.
    """
    password = _password(passphrase)
    if not password:
        raise BadValue("passphrase", HIDDEN, "at least one character")
    with LocalSigner(secret) as signer, _DERIVATIONS:
        keystore: dict[str, Any] = _eth_keyfile().create_keyfile_json(
            secret, password, version=VERSION, kdf="scrypt", iterations=SCRYPT_N
        )
        return keystore | {"address": signer.address.hex()}  # lower case, as geth writes it


def decrypt_keystore(keystore: object, passphrase: str) -> bytes:
    """The 32-byte secret in ``keystore``, a JSON object of version 3 as this or another wallet wrote it.

    Raises ``BadValue`` naming a field that is damaged, asks for work or memory beyond the limits above, or is another
    address than the key's; ``WrongPassphrase`` if the passphrase does not open it.
    """
    checked, address = _checked(keystore)
    password = _password(passphrase)
    try:
        with _DERIVATIONS:
            secret: bytes = _eth_keyfile().decode_keyfile_json(checked, password)
    except ValueError:  # the MAC differs: all else was checked
        raise WrongPassphrase("the keystore" if address is None else f"the keystore of {address}") from None
    with LocalSigner(secret) as signer:
        found = checksum(signer.address)
    if address is not None and found != address:
        raise BadValue("address", address, f"{found}, whose key is inside")
    return secret


def read_keystore(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. Raises ``NotFound`` if it cannot be read, ``BadValue`` if it is no JSON object."""
    try:
        keystore = json.loads(secret_file.read(path))
    except OSError as error:
        raise NotFound("keystore", str(path), f"it cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        keystore = None
    if not isinstance(keystore, dict):
        raise BadValue("keystore", str(path), "a file with a JSON object of version 3")
    return keystore


def write_keystore(path: Path, keystore: dict[str, Any]) -> None:
    """Create ``path`` with mode 0600, whole or not at all. Raises ``AlreadyExists``, leaving that file as it was."""
    secret_file.write_new(path, json.dumps(keystore, indent=2).encode() + b"\n")


def open_keystore(path: Path, passphrase: str, limits: SigningLimits | None = None) -> LocalSigner:
    """A signer with the key in the keystore at ``path``. Raises as ``read_keystore`` and ``decrypt_keystore`` do."""
    return LocalSigner(decrypt_keystore(read_keystore(path), passphrase), limits)


def _eth_keyfile() -> ModuleType:
    """eth-keyfile's module, imported at first use: that takes half a second.

    py_ecc, which it imports for keys of another kind, allows recursion so deep that the stack overflows: from then on,
    deeply nested JSON from anywhere would end the process instead of raising ``RecursionError``. The limit stays as it
    was.
    """
    with _IMPORTING:
        limit = sys.getrecursionlimit()
        from eth_keyfile import keyfile  # noqa: PLC0415 - as said above

        sys.setrecursionlimit(limit)
    return keyfile


def _password(passphrase: str) -> bytes:
    try:
        return passphrase.encode()
    except UnicodeEncodeError:
        pass
    raise BadValue("passphrase", HIDDEN, "a text that UTF-8 can write")


def _checked(keystore: object) -> tuple[dict[str, Any], str | None]:
    """``keystore`` with exactly the fields that matter, each checked, and its address if it names one."""
    whole = _Fields.of("keystore", keystore)
    if type(whole.values.get("version")) is not int or whole.values["version"] != VERSION:
        raise BadValue("version", whole.values.get("version"), f"{VERSION}")
    crypto = whole.object("crypto")
    if crypto.values.get("cipher") != "aes-128-ctr":
        raise BadValue("crypto.cipher", crypto.values.get("cipher"), "aes-128-ctr")
    kdf = crypto.values.get("kdf")
    params = crypto.object("kdfparams")
    if kdf == "scrypt":
        work = _checked_scrypt(params)
    elif kdf == "pbkdf2":
        work = _checked_pbkdf2(params)
    else:
        raise BadValue("crypto.kdf", kdf, "scrypt or pbkdf2")
    shared = {"salt": params.hex("salt", range(1025)), "dklen": params.integer("dklen", 32, 1024)}
    checked = {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": crypto.object("cipherparams").hex("iv", range(16, 17))},
        "ciphertext": crypto.hex("ciphertext", range(32, 33)),
        "kdf": kdf,
        "kdfparams": shared | work,
        "mac": crypto.hex("mac", range(32, 33)),
    }
    return {"version": VERSION, "crypto": checked}, _checked_address(whole.values.get("address"))


def _checked_scrypt(params: "_Fields") -> dict[str, int | str]:
    n = params.integer("n", 2, MAX_SCRYPT_N)
    if n.bit_count() != 1:
        raise BadValue("crypto.kdfparams.n", n, "a power of two")
    r = params.integer("r", 1, MAX_SCRYPT_MEMORY_BYTES // (128 * n))
    p = params.integer("p", 1, MAX_SCRYPT_WORK // (n * r))
    return {"n": n, "r": r, "p": p}


def _checked_pbkdf2(params: "_Fields") -> dict[str, int | str]:
    if params.values.get("prf") != "hmac-sha256":
        raise BadValue("crypto.kdfparams.prf", params.values.get("prf"), "hmac-sha256")
    return {"prf": "hmac-sha256", "c": params.integer("c", 1, MAX_PBKDF2_ITERATIONS)}


def _checked_address(address: object) -> str | None:
    if address is None or address == "":  # some wallets leave it out, for privacy
        return None
    if not isinstance(address, str):
        raise BadValue("address", address, "40 hex digits")
    return checksum(parse_address("0x" + address.lower().removeprefix("0x")))


class _Fields(NamedTuple):
    """A JSON object inside a keystore; names are compared in lower case, as old files write some with capitals."""

    path: str
    values: dict[str, Any]

    @classmethod
    def of(cls, path: str, value: object) -> "_Fields":
        if not isinstance(value, dict):
            raise BadValue(path, type(value).__name__, "a JSON object")
        return cls(path, {str(name).lower(): inner for name, inner in value.items()})

    def _name(self, name: str) -> str:
        return name if self.path == "keystore" else f"{self.path}.{name}"

    def object(self, name: str) -> "_Fields":
        return _Fields.of(self._name(name), self.values.get(name))

    def integer(self, name: str, low: int, high: int) -> int:
        value = self.values.get(name)
        if type(value) is not int or not low <= value <= high:
            raise BadValue(self._name(name), value, f"an integer from {low} to {high}")
        return value

    def hex(self, name: str, lengths: range) -> str:
        value = self.values.get(name)
        digits = value.removeprefix("0x") if isinstance(value, str) else ""
        wanted = f"{lengths[0]}" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
        if not re.fullmatch("(?:[0-9a-fA-F]{2})*", digits) or len(digits) // 2 not in lengths or value is None:
            raise BadValue(self._name(name), value, f"{wanted} bytes in hex")
        return digits
