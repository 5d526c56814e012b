"""Keys in a key service: DER in, the chain's 65 bytes out, and nothing believed that the account does not confirm."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from eth_account import Account

from chainwallet.abi.typed_data import CancelNonces, Domain, Payment, digest
from chainwallet.errors import BadSignature, BadValue, KeyServiceRefused, KeyServiceUnreachable, WrongPassphrase
from chainwallet.evm import Address, Hash32, Transaction, checksum
from chainwallet.keys import kek as kek_module
from chainwallet.keys.kek import FileKey, HomeKeks, RememberingKey
from chainwallet.keys.kms import KmsKey, KmsSigner, account_of, public_key_of, recoverable
from chainwallet.keys.sealed import SealedKeys
from chainwallet.keys.signer import SECP256K1_ORDER, SigningLimits, recover, verify_signature
from tests.keys.local_kms import ARN, ClientError, LocalKms

DOMAIN = Domain("Cash EUR", "1", 31_337, Address(b"\xca" * 20))


@pytest.fixture
def kms(tmp_path: Path) -> LocalKms:
    return LocalKms(tmp_path / "kms")


@pytest.fixture
def signer(kms: LocalKms) -> KmsSigner:
    address, key = account_of(kms, kms.create_key("one"))
    return KmsSigner(kms, key, address)


def payment(signer: KmsSigner, nonce: int) -> Payment:
    return Payment(signer.address, Address(b"\x0b" * 20), 5, Hash32(b"\x07" * 32), nonce, 2_000_000_000)


def test_signatures_are_low_and_recover(signer: KmsSigner, kms: LocalKms) -> None:
    """Of many signatures each has a low s and a v by which the account is recovered, whatever the service gave."""
    signatures = []
    for nonce in range(60):
        document = payment(signer, nonce)
        signature = signer.sign(document, DOMAIN)
        verify_signature(document, DOMAIN, signature, signer.address)
        assert int.from_bytes(signature[32:64], "big") <= SECP256K1_ORDER // 2
        signatures.append(signature)
    assert {signature[64] for signature in signatures} == {27, 28}
    assert kms.calls == ["GetPublicKey"] + ["Sign"] * 60


def test_high_s_is_turned_low(signer: KmsSigner) -> None:
    """The same signature with a high s, which a service may give, becomes the one with a low s."""
    document = payment(signer, 1)
    low = signer.sign(document, DOMAIN)
    r, s = (int.from_bytes(low[start : start + 32], "big") for start in (0, 32))
    high = encode_dss_signature(r, SECP256K1_ORDER - s)
    assert recoverable(high, digest(document, DOMAIN), signer.address) == low
    assert recoverable(encode_dss_signature(r, s), digest(document, DOMAIN), signer.address) == low


def test_transactions_carry_the_chain_id(signer: KmsSigner) -> None:
    """A transaction that the service's key signed is of its account, to eth-account too, and names its chain."""
    raw = signer.sign_transaction(Transaction(31_337, 0, signer.address, b"", 21_000, 7, 2))
    assert raw[0] == 2  # EIP-1559: there is no transaction without a chain id
    assert Account.recover_transaction(raw) == checksum(signer.address)


def test_limits_come_before_the_service(signer: KmsSigner, kms: LocalKms) -> None:
    """What the limits refuse, or another account must sign, never reaches the service."""
    limited = KmsSigner(kms, ARN + "one", signer.address, SigningLimits(chain_ids=frozenset({1})))
    kms.calls.clear()
    with pytest.raises(BadValue, match="chain_id"):
        limited.sign(payment(signer, 1), DOMAIN)
    with pytest.raises(BadValue, match="payer"):
        signer.sign(replace(payment(signer, 1), payer=Address(b"\x0c" * 20)), DOMAIN)
    assert kms.calls == []


def test_another_keys_signature_is_not_given_on(signer: KmsSigner, kms: LocalKms) -> None:
    """Where the service signs with another key than the account's, nothing is given on."""
    stranger = KmsSigner(kms, kms.create_key("two"), signer.address)
    with pytest.raises(BadSignature, match=checksum(signer.address)):
        stranger.sign(payment(signer, 1), DOMAIN)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        encode_dss_signature(1, 1) + b"\0",
        encode_dss_signature(0, 1),
        encode_dss_signature(1, 0),
        encode_dss_signature(SECP256K1_ORDER, 1),
        encode_dss_signature(1, SECP256K1_ORDER),
        encode_dss_signature(5, 1),  # no point of the curve has this x
    ],
)
def test_malformed_signatures_are_refused(der: bytes) -> None:
    """What is no DER signature with both numbers in range is nobody's signature."""
    with pytest.raises(BadSignature):
        recoverable(der, Hash32(b"\x01" * 32), Address(b"\x0a" * 20))


def test_keys_of_other_kinds_are_refused(kms: LocalKms) -> None:
    """A key on another curve, one that encrypts and bytes that are no public key are refused by what they are."""
    with pytest.raises(BadValue, match=r"ECC_NIST_P256 .* ECC_SECG_P256K1"):
        account_of(kms, kms.create_key("nist", "ECC_NIST_P256"))
    with pytest.raises(KeyServiceRefused, match="UnsupportedOperation"):
        account_of(kms, kms.create_key("aes", "SYMMETRIC_DEFAULT"))
    nist = kms.get_public_key(KeyId="nist")["PublicKey"]
    for der in (nist, b"", b"\x30\x00"):
        with pytest.raises(BadValue, match="secp256k1"):
            public_key_of(der)


@pytest.mark.parametrize(
    ("failure", "error", "words"),
    [
        (ClientError("ThrottlingException"), KeyServiceUnreachable, "ThrottlingException"),
        (ClientError("AccessDeniedException"), KeyServiceRefused, "as AccessDeniedException says"),
        (ClientError("DisabledException"), KeyServiceRefused, "DisabledException"),
        (TimeoutError("with what was sent"), KeyServiceUnreachable, "TimeoutError"),
    ],
)
def test_failures_are_told_apart(
    signer: KmsSigner, kms: LocalKms, failure: Exception, error: type[Exception], words: str
) -> None:
    """What passes by itself is told apart from what a person must repair; a client's own words are not repeated."""
    kms.failure = failure
    with pytest.raises(error, match=words) as raised:
        signer.sign(payment(signer, 1), DOMAIN)
    assert "what was sent" not in str(raised.value)


def test_data_keys_are_bound_to_their_context(kms: LocalKms) -> None:
    """A data key that the service wrapped opens for the wallet it was wrapped for, and for no other."""
    kek = KmsKey(kms, kms.create_key("kek", "SYMMETRIC_DEFAULT"))
    wrapped = kek.wrap(b"\x01" * 32, b"one")
    assert kek.unwrap(wrapped, b"one") == b"\x01" * 32
    with pytest.raises(WrongPassphrase):
        kek.unwrap(wrapped, b"two")
    with pytest.raises(BadValue, match="alias"):
        KmsKey(kms, "alias/kek")


def test_the_service_is_asked_once_for_a_while(kms: LocalKms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data key is asked for once in five minutes; what is forgotten, by time or by number, is overwritten."""
    now = [0.0]
    kek = RememberingKey(KmsKey(kms, kms.create_key("kek", "SYMMETRIC_DEFAULT")), lambda: now[0])
    wrapped = [kek.wrap(bytes([number]) * 32, b"one") for number in range(3)]
    assert [kek.unwrap(wrapped[0], b"one") for _ in range(5)] == [bytes(32)] * 5
    assert kms.calls.count("Decrypt") == 1
    kek.unwrap(wrapped[1], b"one")
    kept = [data_key for _, data_key in kek._opened.values()]
    now[0] = kek_module.REMEMBERED_S + 1
    assert kek.unwrap(wrapped[1], b"one") == b"\x01" * 32
    assert kms.calls.count("Decrypt") == 3
    assert kept == [bytes(32)] * 2
    monkeypatch.setattr(kek_module, "MOST_REMEMBERED", 1)
    kek.unwrap(wrapped[2], b"one")
    assert len(kek._opened) == 1


def test_a_store_moves_to_the_service_and_back(tmp_path: Path, kms: LocalKms) -> None:
    """Keys sealed under a file come under the service's key by one rotation, and back under a new file by another."""
    arn = kms.create_key("kek", "SYMMETRIC_DEFAULT")

    def service(key_id: str) -> RememberingKey:
        return RememberingKey(KmsKey(kms, key_id.removeprefix("kms:")), time.monotonic)

    def keks(wanted: str | None, *, may_create: bool = False) -> HomeKeks:
        return HomeKeks(tmp_path / "kek", service, wanted, may_create=may_create)

    store = tmp_path / "sealed"
    addresses = [SealedKeys(store, keks(None, may_create=True)).create("wallet") for _ in range(3)]
    for wanted in ("kms:" + arn, None):
        new = keks(wanted)
        keys = SealedKeys(store, new)
        assert [keys.signer(address).address for address in addresses] == addresses
        assert keys.rotate(new, new.begin) == 3
        new.finish()
        assert list(keys.key_ids()) == [new.current().key_id]
        if wanted is not None:
            (tmp_path / "kek").unlink()
        again = SealedKeys(store, keks(wanted))
        for address in addresses:
            document = CancelNonces(address, 1, 2)
            assert recover(digest(document, DOMAIN), again.signer(address).sign(document, DOMAIN)) == address


def test_the_services_key_is_a_wallet_without_a_secret(tmp_path: Path, kms: LocalKms) -> None:
    """A key of the service signs for its address from the store, and is neither sealed, rotated nor exported."""
    keks = FileKey.create(tmp_path / "kek")
    keys = SealedKeys(tmp_path / "sealed", keks, lambda: kms)
    address = keys.add_kms(kms.create_key("one"), "wallet")
    document = CancelNonces(address, 1, 2)
    verify_signature(document, DOMAIN, keys.signer(address).sign(document, DOMAIN), address)
    assert keys.addresses("wallet") == [address]
    assert keys.rotate(FileKey.create(tmp_path / "new")) == 0
    with pytest.raises(BadValue, match="never leaves its key service"):
        keys.export_keystore(address, "geheim")
    with pytest.raises(BadValue, match="kms"):
        SealedKeys(tmp_path / "sealed", keks).signer(address)
