"""The sealed store: nothing readable at rest, nothing exchangeable, and a key-encryption key that can be replaced."""

import copy
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eth_account import Account

from chainwallet.abi.typed_data import CancelNonces, Domain
from chainwallet.errors import AlreadyExists, BadValue, DamagedHome, NotFound, WrongPassphrase
from chainwallet.evm import Address, checksum
from chainwallet.keys import sealed, secret_file
from chainwallet.keys.gcm import seal
from chainwallet.keys.kek import FileKey
from chainwallet.keys.sealed import DATA_KEYS, Label, SealedKeys
from chainwallet.keys.signer import LocalSigner, SigningLimits, verify_signature

SECRET = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
OTHER_SECRET = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
DOMAIN = Domain("Cash EUR", "1", 31_337, Address(b"\xca" * 20))


@pytest.fixture
def kek(tmp_path: Path) -> FileKey:
    return FileKey.create(tmp_path / "kek")


@pytest.fixture
def keys(tmp_path: Path, kek: FileKey) -> SealedKeys:
    return SealedKeys(tmp_path / "sealed", kek)


def file_of(keys: SealedKeys, address: Address) -> Path:
    return keys._directory / f"{checksum(address)}.json"


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def lines_of(keys: SealedKeys) -> dict[str, dict[str, Any]]:
    """The wrapped data keys by their addresses."""
    lines = map(json.loads, (keys._directory / DATA_KEYS).read_text().splitlines())
    return {line["address"]: line for line in lines}


def edit_line(keys: SealedKeys, address: Address, **changes: object) -> None:
    lines = lines_of(keys)
    lines[checksum(address)] |= changes
    (keys._directory / DATA_KEYS).write_text("".join(json.dumps(line) + "\n" for line in lines.values()))


def signs(keys: SealedKeys, address: Address) -> bool:
    document = CancelNonces(address, 1, 2)
    verify_signature(document, DOMAIN, keys.signer(address).sign(document, DOMAIN), address)
    return True


def test_created_keys_sign(keys: SealedKeys) -> None:
    """Every created key is another one, is listed under its label, and signs for its address."""
    wallets = {keys.create("wallet") for _ in range(5)}
    service = keys.create("service")
    assert len(wallets) == 5
    assert keys.addresses() == sorted({*wallets, service})
    assert keys.addresses("wallet") == sorted(wallets)
    assert keys.addresses("service") == [service]
    assert keys.label(service) == "service"
    assert all(signs(keys, address) for address in keys.addresses())


def test_added_key_is_opened_by_another_process(tmp_path: Path, keys: SealedKeys) -> None:
    """A key added here opens in a store that was made anew over the same files."""
    address = keys.add(SECRET, "wallet")
    assert address == LocalSigner(SECRET).address
    assert signs(SealedKeys(tmp_path / "sealed", FileKey(tmp_path / "kek")), address)


def test_adding_a_key_twice_is_refused(keys: SealedKeys) -> None:
    """A key that the store has is not added again, and its file stays as it was."""
    address = keys.add(SECRET, "wallet")
    before = file_of(keys, address).read_bytes()
    with pytest.raises(AlreadyExists, match=checksum(address)):
        keys.add(SECRET, "service")
    assert file_of(keys, address).read_bytes() == before


def test_secret_is_in_no_file(tmp_path: Path, keys: SealedKeys) -> None:
    """No file holds a sealed key, neither raw nor in hex, before or after the key-encryption key changes."""
    keys.add(SECRET, "wallet")
    keys.signer(keys.addresses()[0])
    for new in ("new", "newer"):
        for path in tmp_path.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert SECRET not in content
            assert SECRET.hex().encode() not in content.lower()
        assert keys.rotate(FileKey.create(tmp_path / new)) == 1


def test_files_are_private(tmp_path: Path, keys: SealedKeys) -> None:
    """The directory is its owner's only, and so is every file; no temporary file is left."""
    (tmp_path / "sealed").mkdir(mode=0o755)
    address = keys.create("wallet")
    assert (tmp_path / "sealed").stat().st_mode & 0o777 == 0o700
    assert file_of(keys, address).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "kek").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "sealed" / DATA_KEYS).stat().st_mode & 0o777 == 0o600
    assert set(os.listdir(tmp_path / "sealed")) == {f"{checksum(address)}.json", DATA_KEYS, ".lock"}


def test_limits_are_passed_on(keys: SealedKeys) -> None:
    """A signer from the store is held to the limits that it was asked for."""
    address = keys.create("wallet")
    signer = keys.signer(address, SigningLimits(chain_ids=frozenset({1})))
    with pytest.raises(BadValue, match="chain_id"):
        signer.sign(CancelNonces(address, 1, 2), DOMAIN)


def test_missing_key_is_said(keys: SealedKeys) -> None:
    """A key that the store does not have is reported as not found, also before there is any store."""
    assert keys.addresses() == []
    with pytest.raises(NotFound):
        keys.signer(Address(bytes(20)))


def test_other_labels_and_secrets_are_refused(keys: SealedKeys) -> None:
    """A label that is not ours and a secret that is no private key are refused without being written."""
    with pytest.raises(BadValue, match="label"):
        keys.create(cast(Label, "admin"))
    with pytest.raises(BadValue, match="private key"):
        keys.add(bytes(32), "wallet")
    assert keys.addresses() == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("sealed_secret",), "a secret sealed for this address"),
        (("wrapped_key",), "a data key wrapped for this address"),
        (("wrapped_key", "sealed_secret"), "a data key wrapped for this address"),
    ],
)
def test_swapped_ciphertexts_do_not_open(keys: SealedKeys, names: tuple[str, ...], expected: str) -> None:
    """Exchanging the sealed secrets, the wrapped data keys or both between two keys makes neither open."""
    one, two = keys.add(SECRET, "wallet"), keys.add(OTHER_SECRET, "wallet")
    contents = [json.loads(file_of(keys, address).read_text()) for address in (one, two)]
    lines = lines_of(keys)
    for address, other, content in ((one, two, contents[1]), (two, one, contents[0])):
        if "sealed_secret" in names:
            edit(file_of(keys, address), sealed_secret=content["sealed_secret"])
        if "wrapped_key" in names:
            edit_line(keys, address, wrapped_key=lines[checksum(other)]["wrapped_key"])
    for address in (one, two):
        with pytest.raises(DamagedHome, match=rf"\.json: damaged, expected {expected}"):
            SealedKeys(keys._directory, keys._keks).signer(address)


def test_key_of_another_address_does_not_open(keys: SealedKeys, kek: FileKey) -> None:
    """A secret that was sealed properly, but under the address of another key, does not open."""
    address = keys.add(SECRET, "wallet")
    data_key = bytes(32)
    forged = sealed._SealedKey(address, "wallet", b"")
    forged = replace(forged, sealed_secret=seal(AESGCM(data_key), OTHER_SECRET, forged.aad("secret")))
    file_of(keys, address).write_bytes(forged.as_json())
    edit_line(keys, address, wrapped_key=kek.wrap(data_key, forged.aad("data key")).hex())
    keys = SealedKeys(keys._directory, kek)
    with pytest.raises(DamagedHome, match=f"expected the key of {checksum(address)}"):
        keys.signer(address)


def test_swapped_files_do_not_open(keys: SealedKeys) -> None:
    """A key's file under another key's name does not open, even with the address inside corrected."""
    one, two = keys.add(SECRET, "wallet"), keys.add(OTHER_SECRET, "wallet")
    file_of(keys, one).write_bytes(file_of(keys, two).read_bytes())
    with pytest.raises(DamagedHome, match="names the file"):
        keys.signer(one)
    edit(file_of(keys, one), address=checksum(one))
    with pytest.raises(DamagedHome):
        keys.signer(one)


def test_relabelled_key_does_not_open(keys: SealedKeys) -> None:
    """A wallet's key whose file calls it a service key does not open."""
    address = keys.add(SECRET, "wallet")
    edit(file_of(keys, address), label="service")
    with pytest.raises(DamagedHome, match="this address and label"):
        keys.signer(address)


def _flip(text: str) -> str:
    return ("0" if text[-1] != "0" else "1").join([text[:-1], ""])


@pytest.mark.parametrize(
    "changes",
    [
        lambda shown: {"sealed_secret": _flip(shown["sealed_secret"])},
        lambda shown: {"sealed_secret": shown["sealed_secret"][:20]},
        lambda _: {"wrapped_key": ""},
        lambda _: {"kms_key": "one"},
        lambda _: {"sealed_secret": None},
        lambda _: {"key_id": "0123456789abcdef"},
        lambda _: {"label": ["wallet"]},
        lambda _: {"version": 3},
        lambda _: {"extra": 1},
    ],
)
def test_altered_file_is_damaged(keys: SealedKeys, changes: Callable[[dict[str, Any]], dict[str, object]]) -> None:
    """A file with one field altered does not open, and the error names the file."""
    address = keys.add(SECRET, "wallet")
    path = file_of(keys, address)
    edit(path, **changes(json.loads(path.read_text())))
    with pytest.raises(DamagedHome) as refused:
        keys.signer(address)
    assert refused.value.path == str(path)
    assert SECRET.hex() not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 50_000])
def test_file_that_is_no_sealed_key_is_damaged(keys: SealedKeys, content: bytes) -> None:
    """A file that is cut off, empty or no JSON is reported as damaged."""
    address = keys.add(SECRET, "wallet")
    file_of(keys, address).write_bytes(content)
    with pytest.raises(DamagedHome):
        keys.signer(address)


@pytest.mark.parametrize("name", ["0x12.json", "0x" + "ab" * 20 + ".json"])
def test_foreign_file_is_said(keys: SealedKeys, name: str) -> None:
    """A file in the store that is not named by a checksummed address is reported, not skipped."""
    keys.create("wallet")
    (keys._directory / name).write_text("{}")
    with pytest.raises(DamagedHome, match=name):
        keys.addresses()


def test_wrong_key_encryption_key_is_said(tmp_path: Path, keys: SealedKeys, kek: FileKey) -> None:
    """With another key-encryption key no key opens, and the error names both by their ids."""
    address = keys.add(SECRET, "wallet")
    other = FileKey.create(tmp_path / "other")
    with pytest.raises(DamagedHome) as refused:
        SealedKeys(tmp_path / "sealed", other).signer(address)
    assert kek.key_id in str(refused.value)
    assert other.key_id in str(refused.value)


def test_rotation_leaves_the_sealed_secrets_alone(tmp_path: Path, keys: SealedKeys, kek: FileKey) -> None:
    """After rotation all keys open with the new key only, and no sealed secret was written again."""
    addresses = [keys.create("wallet") for _ in range(4)]
    before = {address: json.loads(file_of(keys, address).read_text()) for address in addresses}
    new = FileKey.create(tmp_path / "new")
    assert keys.rotate(new) == 4
    assert keys.rotate(new) == 0
    for address in addresses:
        assert json.loads(file_of(keys, address).read_text()) == before[address]
        assert lines_of(keys)[checksum(address)]["key_id"] == new.key_id
        assert signs(keys, address)
        assert signs(SealedKeys(tmp_path / "sealed", new), address)
        with pytest.raises(DamagedHome):
            SealedKeys(tmp_path / "sealed", kek).signer(address)


def test_rotation_of_a_damaged_store_changes_nothing(tmp_path: Path, keys: SealedKeys) -> None:
    """If one data key does not open, rotation refuses before it changes any file."""
    addresses = sorted(keys.create("wallet") for _ in range(3))
    edit_line(keys, addresses[-1], wrapped_key="00" * 60)
    before = {path: path.read_bytes() for path in keys._directory.iterdir()}
    with pytest.raises(DamagedHome, match=checksum(addresses[-1])):
        keys.rotate(FileKey.create(tmp_path / "new"), lambda: pytest.fail("not before all open"))
    assert {path: path.read_bytes() for path in keys._directory.iterdir()} == before
    assert signs(keys, addresses[0])


def test_key_that_does_not_unwrap_is_never_trusted(tmp_path: Path, keys: SealedKeys) -> None:
    """A key-encryption key that cannot unwrap what it wrapped is refused before any file names it."""

    class Forgetful:
        key_id = "forgetful"

        def current(self) -> "Forgetful":
            return self

        def find(self, key_id: str) -> None:
            del key_id

        def wrap(self, data_key: bytes | bytearray, aad: bytes) -> bytes:
            return bytes(len(data_key) + len(aad))

        def unwrap(self, wrapped: bytes, aad: bytes) -> bytearray:
            return bytearray(len(wrapped) - len(aad))

    address = keys.create("wallet")
    with pytest.raises(BadValue, match="unwraps what it wrapped"):
        keys.rotate(Forgetful())
    with pytest.raises(BadValue, match="unwraps what it wrapped"):
        SealedKeys(tmp_path / "more", Forgetful()).create("wallet")
    assert signs(keys, address)


def test_keystores_go_in_and_out(keys: SealedKeys) -> None:
    """A key imported from another wallet's keystore is exported as one that eth-account opens to the same key."""
    imported = keys.import_keystore(Account.encrypt(SECRET, "before", iterations=2), "before", "wallet")
    assert imported == LocalSigner(SECRET).address
    assert bytes(Account.decrypt(keys.export_keystore(imported, "after"), "after")) == SECRET


def test_import_with_a_wrong_passphrase_adds_nothing(keys: SealedKeys) -> None:
    """A keystore that does not open adds no key to the store."""
    with pytest.raises(WrongPassphrase):
        keys.import_keystore(Account.encrypt(SECRET, "before", iterations=2), "after", "wallet")
    assert keys.addresses() == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_key_file_open_to_others_is_refused(tmp_path: Path, kek: FileKey, mode: int) -> None:
    """A key-encryption key that the group or others may read or write is refused until its mode is repaired."""
    path = tmp_path / "kek"
    path.chmod(mode)
    with pytest.raises(DamagedHome, match="chmod 600"):
        FileKey(path)
    path.chmod(0o600)
    assert FileKey(path).key_id == kek.key_id


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_file_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    """A key-encryption key file that is cut off or too long is refused."""
    path = tmp_path / "kek"
    secret_file.write_new(path, bytes(size))
    with pytest.raises(DamagedHome, match="32 bytes"):
        FileKey(path)


def test_key_file_is_made_once(tmp_path: Path, kek: FileKey) -> None:
    """A key-encryption key is made once and never replaced; a lost one is said, not made anew by reading."""
    path = tmp_path / "kek"
    assert FileKey.open_or_create(path).key_id == kek.key_id
    with pytest.raises(AlreadyExists):
        FileKey.create(path)
    path.unlink()
    with pytest.raises(NotFound, match="backup"):
        FileKey(path)
    assert FileKey.open_or_create(path).key_id != kek.key_id


def test_key_encryption_key_is_never_shown(tmp_path: Path, kek: FileKey) -> None:
    """The text of a key-encryption key holds its id only, and it is neither copied nor pickled."""
    content = (tmp_path / "kek").read_bytes()
    assert content.hex() not in repr(kek)
    assert kek.key_id in repr(kek)
    assert kek.key_id not in content.hex()
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            take(kek)
    with pytest.raises(WrongPassphrase) as refused:
        kek.unwrap(kek.wrap(bytes(32), b"one"), b"two")
    assert content.hex() not in str(refused.value)
