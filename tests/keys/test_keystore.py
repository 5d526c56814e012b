"""Keystores that other wallets write and read, under limits, and never in the way of an existing file."""

import copy
import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from chainwallet.errors import AlreadyExists, BadValue, NotFound, WrongPassphrase
from chainwallet.evm import checksum
from chainwallet.keys.keystore import (
    decrypt_keystore,
    encrypt_keystore,
    open_keystore,
    read_keystore,
    write_keystore,
)
from chainwallet.keys.signer import LocalSigner

SECRET = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
ADDRESS = checksum(LocalSigner(SECRET).address)
PASSPHRASE = "testpassword"
PBKDF2: dict[str, Any] = {  # Web3 Secret Storage Definition, test vector with PBKDF2; key and passphrase as above
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: dict[str, Any] = {  # the same definition's test vector with scrypt
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "r": 1,
            "p": 8,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}


def light(secret: bytes = SECRET, passphrase: str = PASSPHRASE, kdf: str = "scrypt", work: int = 2) -> dict[str, Any]:
    """A keystore as eth-account writes it, with so little work that a test does not wait for it."""
    keystore: dict[str, Any] = Account.encrypt(secret, passphrase, kdf=kdf, iterations=work)  # type: ignore[arg-type]
    return keystore


def edited(path: str, value: object) -> dict[str, Any]:
    """A light keystore with the field at ``path`` set to ``value``."""
    keystore = copy.deepcopy(PBKDF2 if "prf" in path or path.endswith(".c") else light())
    *parents, last = path.split(".")
    inner = keystore
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return keystore


@pytest.mark.parametrize("vector", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_standard_vectors_open(vector: dict[str, Any]) -> None:
    """The test vectors of the Web3 Secret Storage Definition open to the key that it prints."""
    assert decrypt_keystore(vector, PASSPHRASE) == SECRET


def test_export_is_read_by_eth_account(tmp_path: Path) -> None:
    """An exported keystore has scrypt with n 262144, r 8, p 1, opens in eth-account and here, and hides the key."""
    keystore = encrypt_keystore(SECRET, "Straße 7, 東京")
    params = keystore["crypto"]["kdfparams"]
    assert (params["n"], params["r"], params["p"], params["dklen"]) == (262_144, 8, 1, 32)
    assert keystore["version"] == 3
    assert keystore["address"] == ADDRESS[2:].lower()
    path = tmp_path / "key.json"
    write_keystore(path, keystore)
    assert bytes(Account.decrypt(path.read_text(), "Straße 7, 東京")) == SECRET
    assert SECRET.hex() not in path.read_text()


@pytest.mark.parametrize(("kdf", "work"), [("scrypt", 2), ("scrypt", 4096), ("pbkdf2", 1), ("pbkdf2", 600_000)])
def test_keystores_of_eth_account_open(kdf: str, work: int, tmp_path: Path) -> None:
    """Keystores that eth-account wrote, with either key derivation and any work, open to a signer of their key."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(light(kdf=kdf, work=work)))
    assert checksum(open_keystore(path, PASSPHRASE).address) == ADDRESS


def test_geth_spelling_opens() -> None:
    """Capitals in field names, a lower-case or 0x address, or none at all, are read as other wallets write them."""
    keystore = light()
    spelled = {"Crypto": keystore["crypto"], "Version": 3}
    for address in (ADDRESS, ADDRESS.lower(), ADDRESS[2:], ADDRESS[2:].lower(), "", None):
        assert decrypt_keystore(spelled | {"address": address}, PASSPHRASE) == SECRET
    assert decrypt_keystore(spelled, PASSPHRASE) == SECRET


@pytest.mark.parametrize("wrong", ["testpasswore", "", "testpassword ", "TESTPASSWORD"])
def test_wrong_passphrase_is_said(wrong: str) -> None:
    """A wrong passphrase is refused as such, with neither passphrase nor key in the error."""
    with pytest.raises(WrongPassphrase) as refused:
        decrypt_keystore(light(), wrong)
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value.__context__)
    assert ADDRESS in str(refused.value)
    assert SECRET.hex() not in shown
    assert not wrong.strip() or wrong not in shown


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("version", 4, "version"),
        ("version", "3", "version"),
        ("crypto", None, "crypto"),
        ("crypto.cipher", "aes-128-cbc", "crypto.cipher"),
        ("crypto.cipherparams", [], "crypto.cipherparams"),
        ("crypto.cipherparams.iv", "00" * 15, "crypto.cipherparams.iv"),
        ("crypto.ciphertext", "00" * 31, "crypto.ciphertext"),
        ("crypto.ciphertext", None, "crypto.ciphertext"),
        ("crypto.ciphertext", "zz" * 32, "crypto.ciphertext"),
        ("crypto.mac", 7, "crypto.mac"),
        ("crypto.kdf", "argon2id", "crypto.kdf"),
        ("crypto.kdf", ["scrypt"], "crypto.kdf"),
        ("crypto.kdfparams", "scrypt", "crypto.kdfparams"),
        ("crypto.kdfparams.salt", "0", "crypto.kdfparams.salt"),
        ("crypto.kdfparams.dklen", 16, "crypto.kdfparams.dklen"),
        ("crypto.kdfparams.n", "262144", "crypto.kdfparams.n"),
        ("crypto.kdfparams.n", 3, "crypto.kdfparams.n"),
        ("crypto.kdfparams.n", True, "crypto.kdfparams.n"),
        ("crypto.kdfparams.n", 2**21, "crypto.kdfparams.n"),
        ("crypto.kdfparams.r", 2**22, "crypto.kdfparams.r"),
        ("crypto.kdfparams.r", 0, "crypto.kdfparams.r"),
        ("crypto.kdfparams.p", 2**20, "crypto.kdfparams.p"),
        ("crypto.kdfparams.c", 0, "crypto.kdfparams.c"),
        ("crypto.kdfparams.c", 10_000_001, "crypto.kdfparams.c"),
        ("crypto.kdfparams.prf", "hmac-md5", "crypto.kdfparams.prf"),
        ("address", "0x00", "address"),
        ("address", 7, "address"),
        ("address", "00" * 20, "address"),
    ],
)
def test_damaged_keystore_names_the_field(path: str, value: object, field: str) -> None:
    """A keystore with a damaged field, dangerous work or another address than its key's is refused by that field."""
    with pytest.raises(BadValue) as refused:
        decrypt_keystore(edited(path, value), PASSPHRASE)
    assert refused.value.field == field
    assert SECRET.hex() not in str(refused.value)


def test_memory_beyond_the_limit_is_refused() -> None:
    """Parameters that ask for more than 512 MB are refused before any memory is taken, naming the limit on r."""
    keystore = edited("crypto.kdfparams.n", 2**20)
    keystore["crypto"]["kdfparams"]["r"] = 8
    with pytest.raises(BadValue, match=r"crypto\.kdfparams\.r: got 8, expected an integer from 1 to 4"):
        decrypt_keystore(keystore, PASSPHRASE)


def test_key_out_of_range_is_refused() -> None:
    """A keystore whose secret is zero, which is no private key, is refused."""
    keystore = light((1).to_bytes(32, "big"))
    keystore["crypto"]["ciphertext"] = _flipped_last_bit(keystore["crypto"]["ciphertext"])
    keystore["crypto"]["mac"] = _mac(keystore)
    with pytest.raises(BadValue, match="private key"):
        decrypt_keystore(keystore, PASSPHRASE)


def _flipped_last_bit(ciphertext: str) -> str:
    return (int(ciphertext, 16) ^ 1).to_bytes(32, "big").hex()


def _mac(keystore: dict[str, Any]) -> str:
    from eth_keyfile.keyfile import _derive_scrypt_key

    from chainwallet.evm import keccak256

    derived = _derive_scrypt_key(keystore["crypto"]["kdfparams"], PASSPHRASE.encode())
    return keccak256(derived[16:32] + bytes.fromhex(keystore["crypto"]["ciphertext"])).hex()


def test_written_keystore_is_private_and_replaces_nothing(tmp_path: Path) -> None:
    """A written keystore is readable by its owner only, leaves no other file, and never replaces an existing one."""
    path = tmp_path / "key.json"
    write_keystore(path, light())
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyExists):
        write_keystore(path, light())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 50_000, b'{"a": "' + b"x" * 70_000 + b'"}']
)
def test_file_that_is_no_keystore_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file that holds no JSON object, or far too much of one, is refused with its name."""
    path = tmp_path / "key.json"
    path.write_bytes(content)
    with pytest.raises(BadValue, match=r"key\.json"):
        open_keystore(path, PASSPHRASE)


def test_missing_keystore_is_said(tmp_path: Path) -> None:
    """A keystore that is not there, or is a directory, is reported as not found."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(NotFound, match=str(path)):
            read_keystore(path)


def test_export_needs_a_passphrase() -> None:
    """A key is never exported under an empty passphrase or one that UTF-8 cannot write."""
    for passphrase in ("", "\ud800"):
        with pytest.raises(BadValue) as refused:
            encrypt_keystore(SECRET, passphrase)
        assert refused.value.field == "passphrase"
        assert refused.value.value == "<hidden>"


def test_keystores_leave_the_recursion_limit_as_it_was(tmp_path: Path) -> None:
    """After a keystore was opened, JSON nested far too deep is still refused; it does not end the process."""
    (tmp_path / "deep.json").write_text("[" * 60_000)
    code = (
        "import sys; from pathlib import Path; from chainwallet.keys.keystore import *\n"
        "from chainwallet.errors import BadValue\n"
        "limit = sys.getrecursionlimit(); from chainwallet.keys import keystore; keystore._eth_keyfile()\n"
        "assert sys.getrecursionlimit() == limit\n"
        "try: read_keystore(Path(sys.argv[1]))\n"
        "except BadValue: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "deep.json")], check=False).returncode == 7
