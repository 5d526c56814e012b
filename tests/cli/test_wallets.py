"""Names of wallets, and wallets whose keys this home holds or does not hold."""

import secrets
from pathlib import Path

import pytest

from chainwallet.accounts import Accounts, Argon2id, load_blocklist
from chainwallet.errors import AlreadyExists, BadValue, NotFound
from chainwallet.evm import checksum, parse_address
from chainwallet.keys.kek import FileKey
from chainwallet.keys.keystore import encrypt_keystore, write_keystore
from chainwallet.keys.sealed import SealedKeys
from chainwallet.keys.signer import LocalSigner
from chainwallet.store.database import Database
from chainwallet.wallets import MAX_NAME_CHARS, Wallets, checked_name, personal_name, wallet_names_of

SECRET = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
ELSEWHERE = parse_address("0x00000000000000000000000000000000000000AA")
NOW_S = 1_800_000_000


@pytest.fixture
def keys(tmp_path: Path) -> SealedKeys:
    return SealedKeys(tmp_path / "keys", FileKey.create(tmp_path / "kek"))


@pytest.fixture
def wallets(database: Database, keys: SealedKeys) -> Wallets:
    return Wallets(database, keys)


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keystore of ``SECRET`` under the passphrase "geheim"."""
    path = tmp_path_factory.mktemp("keystore") / "key.json"
    write_keystore(path, encrypt_keystore(SECRET, "geheim"))
    return path


@pytest.mark.parametrize(
    "name", ["Ana", "由紀", "محمد", "नीलम", "Zoë 😀", "👩‍👩‍👧", "O'Hara-Smith", "[bold]", "-x", "a" * MAX_NAME_CHARS]
)
def test_names_in_any_script_are_kept(name: str) -> None:
    """A name is kept as it is written, in any script."""
    assert checked_name(name) == name


def test_a_name_is_trimmed_and_composed() -> None:
    """Spaces around a name go, and two ways to write one letter are one name (Unicode NFC)."""
    assert checked_name("  Bjo\u0308rn\u3000") == "Björn"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a" * (MAX_NAME_CHARS + 1),
        "a\nb",
        "a\x1b[31m",
        "\ud800",
        "a\u2028b",
        "\u202eanA",
        "\u200b",
        "0xab",
        "0Xab",
    ],
)
def test_names_that_could_mislead_are_refused(name: str) -> None:
    """A name is visible, on one line, reads in one direction and cannot be taken for an address."""
    with pytest.raises(BadValue, match=r"^name: "):
        checked_name(name)


def test_names_of_services_are_their_own(wallets: Wallets) -> None:
    """Nobody can take the name of one of this home's services, by hand or by a group's file."""
    with pytest.raises(BadValue, match="'service '"):
        personal_name("service relayer")
    with pytest.raises(BadValue, match="'service '"):
        wallets.create("service relayer", NOW_S)
    with pytest.raises(BadValue, match="'service '"):
        wallets.add_external("service issuer", ELSEWHERE, NOW_S)
    service = wallets.find_or_create("service relayer", NOW_S, "service")
    assert wallets.find_or_create("service relayer", NOW_S, "service") == service
    with pytest.raises(AlreadyExists):
        wallets.find_or_create("service relayer", NOW_S)
    assert wallets.every() == ()


def test_an_account_has_a_wallet_of_its_own(wallets: Wallets, database: Database) -> None:
    """Who opens an account has a wallet called as the handle, whose key this home holds; nobody takes such a name."""
    hasher = Argon2id(time_cost=1, memory_cost_kib=8, parallelism=1)
    register = Accounts(database, hasher, load_blocklist(), lambda: NOW_S, secrets.token_bytes)
    wallets.open_account(register, "Ana", "seven geese walk to Porto", "192.0.2.1")
    made = wallets.find("@ana")
    assert wallets.signer(made).address == made.address
    assert wallets.managed() == (made.address,)
    with pytest.raises(BadValue, match="'@'"):
        wallets.create("@ben", NOW_S)
    assert wallet_names_of(["@ben"]) == {"@ben": "person 1"}


def test_people_get_wallets_by_their_names() -> None:
    """People of a file get wallets called as they are; whose name cannot be a wallet's gets a number instead."""
    people = ("Ana", "0xabc", "person 2", "x" * 70, "service issuer", "Ben")
    names = wallet_names_of(people, {"Ben", "person 6"})
    assert names == {
        "Ana": "Ana",
        "0xabc": "person 3",
        "person 2": "person 2",
        "x" * 70: "person 4",
        "service issuer": "person 5",
        "Ben": "person 7",
    }
    assert list(names) == list(people)


def test_two_names_that_are_one_wallets_name_get_two_wallets() -> None:
    """Two people whose names differ only in their Unicode form do not share a wallet."""
    assert list(wallet_names_of(("Björn", "Bjo\u0308rn")).values()) == ["Björn", "person 2"]


def test_a_wallet_is_found_by_name_and_address(wallets: Wallets) -> None:
    """A new wallet has a fresh key, and is found by its name in any Unicode form, and by its address."""
    made = wallets.create("Björn", NOW_S)
    assert (made.custody, made.purpose) == ("managed", "person")
    assert wallets.find("Bjo\u0308rn") == wallets.find(checksum(made.address)) == made
    assert wallets.signer(made).address == made.address
    with pytest.raises(AlreadyExists):
        wallets.create(" Björn ", NOW_S)
    with pytest.raises(NotFound):
        wallets.find("Ben")
    with pytest.raises(NotFound):
        wallets.find(checksum(ELSEWHERE))


def test_a_payee_may_be_an_address_that_no_wallet_has(wallets: Wallets) -> None:
    """An address stands for itself, also where this home has no wallet of it; a broken one is refused."""
    assert wallets.address_of(checksum(ELSEWHERE), "payee") == ELSEWHERE
    with pytest.raises(BadValue, match=r"^payee: "):
        wallets.address_of("0xaa", "payee")


def test_an_external_wallet_is_not_signed_for(wallets: Wallets, tmp_path: Path) -> None:
    """A wallet whose key is elsewhere has a name here, and no signature or keystore comes from here."""
    external = wallets.add_external("Hardware", ELSEWHERE, NOW_S)
    with pytest.raises(BadValue, match="its owner signs elsewhere"):
        wallets.signer(external)
    with pytest.raises(BadValue, match="its owner signs elsewhere"):
        wallets.export_keystore("Hardware", tmp_path / "out.json", "geheim")
    assert not (tmp_path / "out.json").exists()
    with pytest.raises(AlreadyExists):
        wallets.add_external("Again", ELSEWHERE, NOW_S)


def test_a_key_is_imported_once(wallets: Wallets, keystore: Path) -> None:
    """A keystore's key becomes a wallet under one name, and under no second one."""
    made = wallets.import_keystore("Ana", keystore, "geheim", NOW_S)
    with LocalSigner(SECRET) as signer:
        assert made.address == signer.address == wallets.signer(made).address
    with pytest.raises(AlreadyExists):
        wallets.import_keystore("Ana again", keystore, "geheim", NOW_S)
    assert [wallet.name for wallet in wallets.every()] == ["Ana"]


def test_an_import_that_was_interrupted_can_be_repeated(wallets: Wallets, keys: SealedKeys, keystore: Path) -> None:
    """A key that was sealed by an import that ended before it had a name gets its name by the next import."""
    address = keys.add(SECRET, "wallet")
    assert wallets.import_keystore("Ana", keystore, "geheim", NOW_S).address == address
    assert wallets.find("Ana").address == address


def test_an_export_never_replaces_a_file(wallets: Wallets, tmp_path: Path) -> None:
    """A keystore is written to a new file only."""
    wallets.create("Ana", NOW_S)
    (tmp_path / "out.json").write_text("mine")
    with pytest.raises(AlreadyExists):
        wallets.export_keystore("Ana", tmp_path / "out.json", "geheim")
    assert (tmp_path / "out.json").read_text() == "mine"
