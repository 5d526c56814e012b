"""Signers: deterministic, bounded by their limits, and silent about their key."""

import copy
import pickle
import subprocess
import sys
import time
import traceback
from dataclasses import replace

import pytest
import rlp
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.abi.typed_data import (
    CancelAuthorization,
    CancelNonces,
    Consent,
    Document,
    Domain,
    Leg,
    Payment,
    Permit,
    ReceiveWithAuthorization,
    Settlement,
    TransferWithAuthorization,
    as_typed_data,
    digest,
)
from chainwallet.errors import BadSignature, BadValue
from chainwallet.evm import Address, Hash32, Transaction, checksum, parse_address
from chainwallet.keys.signer import (
    SECP256K1_ORDER,
    LocalSigner,
    Signer,
    SigningLimits,
    TransactionSigner,
    recover,
    to_compact,
    verify_signature,
)
from chainwallet.keys.transaction import decode_signed, encode_signed

SECRET = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")  # web3.js documentation
SIGNER = LocalSigner(SECRET)
ANA, BEN = SIGNER.address, Address(b"\x0b" * 20)
WORD = Hash32(b"\x07" * 32)
DOMAIN = Domain("Cash EUR", "1", 31_337, Address(b"\xca" * 20))
PAYMENT = Payment(ANA, BEN, 12_500_000, WORD, 3, 2_000_000_000)
SETTLEMENT = Settlement(
    (Leg(ANA, 500), Leg(BEN, 600)), (Leg(Address(b"\x0c" * 20), 1_100),), WORD, Address(bytes(20)), 9
)
CREATION = Transaction(31_337, 0, None, b"\x60\x00", 100_000, 7, 2)

SECRETS = st.integers(1, SECP256K1_ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
PAYMENTS = st.builds(
    Payment,
    st.just(ANA),
    st.binary(min_size=20, max_size=20).map(Address),
    st.integers(0, 2**256 - 1),
    st.binary(min_size=32, max_size=32).map(Hash32),
    st.integers(0, 2**256 - 1),
    st.integers(0, 2**256 - 1),
)
FEES = st.tuples(st.integers(0, 2**128), st.integers(0, 2**128)).map(sorted)
TRANSACTIONS = st.builds(
    lambda fees, **fields: Transaction(max_fee_per_gas_wei=fees[1], max_priority_fee_per_gas_wei=fees[0], **fields),
    FEES,
    chain_id=st.integers(1, 2**52),
    nonce=st.integers(0, 2**64 - 2),
    to=st.none() | st.binary(min_size=20, max_size=20).map(Address),
    data=st.binary(max_size=300),
    gas_limit=st.integers(0, 2**64 - 1),
    value_wei=st.integers(0, 2**256 - 1),
)


def shown_by(error: BaseException) -> str:
    """Everything that a log or a crash report would hold of ``error``."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__) + repr(vars(error))


@settings(max_examples=60, deadline=None)
@given(PAYMENTS)
def test_signature_recovers_to_the_signer(payment: Payment) -> None:
    """A payment's signature recovers to the payer, by us and by eth-account, and is the one eth-account makes."""
    signature = SIGNER.sign(payment, DOMAIN)
    signable = encode_typed_data(full_message=as_typed_data(payment, DOMAIN))
    verify_signature(payment, DOMAIN, signature, ANA)
    assert recover(digest(payment, DOMAIN), signature) == ANA
    assert Account.recover_message(signable, signature=signature) == checksum(ANA)
    assert Account.sign_message(signable, SECRET).signature == signature


@settings(max_examples=30, deadline=None)
@given(SECRETS)
def test_address_is_the_keys(secret: bytes) -> None:
    """A signer's address is the one that eth-account derives from the same key."""
    assert checksum(LocalSigner(secret).address) == Account.from_key(secret).address


@settings(max_examples=60, deadline=None)
@given(TRANSACTIONS)
def test_raw_transaction_is_eth_accounts(tx: Transaction) -> None:
    """A signed transaction is byte for byte what eth-account signs for the same fields, and decodes to them."""
    raw = SIGNER.sign_transaction(tx)
    fields = {
        "type": 2,
        "chainId": tx.chain_id,
        "nonce": tx.nonce,
        "data": tx.data,
        "gas": tx.gas_limit,
        "maxFeePerGas": tx.max_fee_per_gas_wei,
        "maxPriorityFeePerGas": tx.max_priority_fee_per_gas_wei,
        "value": tx.value_wei,
    } | ({"to": checksum(tx.to)} if tx.to is not None else {})
    assert raw == bytes(Account.sign_transaction(fields, SECRET).raw_transaction)
    assert Account.recover_transaction(raw) == checksum(ANA)
    assert decode_signed(raw).transaction == tx


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chain_id": 0}, "chain_id"),
        ({"chain_id": None}, "chain_id"),
        ({"nonce": -1}, "nonce"),
        ({"nonce": 2**64 - 1}, "nonce"),
        ({"gas_limit": 2**64}, "gas_limit"),
        ({"value_wei": 2**256}, "value_wei"),
        ({"max_priority_fee_per_gas_wei": 8}, "max_priority_fee_per_gas_wei"),
        ({"to": bytes(19)}, "to"),
        ({"data": "0x"}, "data"),
    ],
)
def test_transaction_out_of_range_is_refused(changes: dict[str, object], field: str) -> None:
    """No transaction is signed without a chain id, or with a field that EIP-1559 does not allow."""
    with pytest.raises(BadValue) as refused:
        SIGNER.sign_transaction(replace(CREATION, **changes))  # type: ignore[arg-type]
    assert refused.value.field == field


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 200))
def test_other_bytes_are_no_transaction(noise: bytes, at: int) -> None:
    """Bytes that are not one canonical signed transaction are refused: whatever decodes encodes to the same bytes."""
    raw = bytearray(SIGNER.sign_transaction(CREATION))
    raw[at % len(raw) : at % len(raw) + len(noise)] = noise
    try:
        decoded = decode_signed(bytes(raw))
    except BadValue:
        return
    assert encode_signed(decoded.transaction, decoded.signature) == raw


RAW_ITEMS: list[object] = [
    b"\x01",
    b"",
    b"\x02",
    b"\x07",
    b"\x05",
    bytes(20),
    b"",
    b"data",
    [],
    b"\x01",
    b"\x11",
    b"\x12",
]


@pytest.mark.parametrize(
    ("at", "item"),
    [
        (0, b""),
        (0, b"\x00\x01"),
        (0, []),
        (1, b"\xff" * 8),
        (1, b"\0"),
        (2, b"\x08"),
        (3, b"\x01" * 33),
        (4, b"\x01" + bytes(8)),
        (5, bytes(19)),
        (5, []),
        (7, [b"data"]),
        (8, [[bytes(20), []]]),
        (8, b""),
        (9, b"\x02"),
        (11, b"\0\x12"),
    ],
)
def test_transaction_with_one_bad_item_is_refused(at: int, item: object) -> None:
    """A raw transaction with one item out of range, of another shape or not canonical is refused."""
    assert decode_signed(b"\x02" + rlp.encode(RAW_ITEMS)).transaction.data == b"data"
    with pytest.raises(BadValue):
        decode_signed(b"\x02" + rlp.encode([*RAW_ITEMS[:at], item, *RAW_ITEMS[at + 1 :]]))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02",
        b"\x01" + rlp.encode(RAW_ITEMS),
        rlp.encode(RAW_ITEMS),
        b"\x02" + rlp.encode(RAW_ITEMS) + b"\0",
        b"\x02" + rlp.encode(RAW_ITEMS[:-1]),
        b"\x02" + rlp.encode([*RAW_ITEMS, b""]),
        b"\x02" + rlp.encode(bytes(12)),
        b"\x02" + rlp.encode([*RAW_ITEMS[:7], bytes(131_072), *RAW_ITEMS[8:]]),
    ],
)
def test_another_envelope_is_refused(raw: bytes) -> None:
    """Another transaction type, more or fewer items, bytes after the end, and too many bytes are refused."""
    with pytest.raises(BadValue, match="raw transaction"):
        decode_signed(raw)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (replace(PAYMENT, payer=BEN), "payer"),
        (TransferWithAuthorization(BEN, ANA, 1, 2, 3, WORD), "payer"),
        (ReceiveWithAuthorization(BEN, ANA, 1, 2, 3, WORD), "payer"),
        (CancelAuthorization(BEN, WORD), "authorizer"),
        (Permit(BEN, ANA, 1, 2, 3), "owner"),
        (CancelNonces(BEN, 64, 3), "account"),
        (Consent(ANA, replace(SETTLEMENT, debits=(Leg(BEN, 1_100),)), 1), "debits"),
        (Consent(ANA, replace(SETTLEMENT, debits=(Leg(BEN, 1_100),), credits=(Leg(ANA, 1_100),)), 1), "debits"),
    ],
)
def test_document_of_another_signer_is_refused(document: Document, field: str) -> None:
    """A signer refuses a document that names someone else as its signer, or a consent that takes nothing from it."""
    with pytest.raises(BadValue) as refused:
        SIGNER.sign(document, DOMAIN)
    assert refused.value.field == field


LIMITS = SigningLimits(frozenset({31_337}), frozenset({DOMAIN.contract}), 500)


@pytest.mark.parametrize(
    ("document", "domain", "field"),
    [
        (replace(PAYMENT, value=501), DOMAIN, "value"),
        (replace(PAYMENT, value=1), replace(DOMAIN, chain_id=1), "chain_id"),
        (replace(PAYMENT, value=1), replace(DOMAIN, contract=BEN), "contract"),
        (Permit(ANA, BEN, 2**256 - 1, 2, 3), DOMAIN, "value"),
        (TransferWithAuthorization(ANA, BEN, 501, 2, 3, WORD), DOMAIN, "value"),
        (ReceiveWithAuthorization(ANA, BEN, 501, 2, 3, WORD), DOMAIN, "value"),
        (Consent(ANA, replace(SETTLEMENT, debits=(Leg(ANA, 501),)), 1), DOMAIN, "value"),
        (Consent(ANA, replace(SETTLEMENT, debits=(Leg(ANA, 250), Leg(ANA, 251))), 1), DOMAIN, "value"),
        (CancelNonces(ANA, 64, 3), replace(DOMAIN, chain_id=1), "chain_id"),
    ],
)
def test_document_beyond_the_limits_is_refused(document: Document, domain: Domain, field: str) -> None:
    """A limited signer refuses another chain, another contract, and more value than it may move or allow at once."""
    with pytest.raises(BadValue) as refused:
        LocalSigner(SECRET, LIMITS).sign(document, domain)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "document", [replace(PAYMENT, value=500), Consent(ANA, SETTLEMENT, 1), CancelNonces(ANA, 64, 3)]
)
def test_document_within_the_limits_is_signed(document: Document) -> None:
    """A limited signer signs what is within its limits; of a consent only its own debit counts."""
    verify_signature(document, DOMAIN, LocalSigner(SECRET, LIMITS).sign(document, DOMAIN), ANA)


def test_limits_hold_for_transactions() -> None:
    """A signer limited to chains and contracts signs transactions to those only, and with a value limit none at all."""
    to_cash = replace(CREATION, to=DOMAIN.contract)
    bound = LocalSigner(SECRET, replace(LIMITS, max_value=None))
    assert bound.sign_transaction(to_cash) == SIGNER.sign_transaction(to_cash)
    for refused_tx, field in (
        (CREATION, "to"),
        (replace(to_cash, to=BEN), "to"),
        (replace(to_cash, chain_id=1), "chain_id"),
    ):
        with pytest.raises(BadValue) as refused:
            bound.sign_transaction(refused_tx)
        assert refused.value.field == field
    with pytest.raises(BadValue, match="transaction"):
        LocalSigner(SECRET, LIMITS).sign_transaction(to_cash)


def test_signature_of_another_is_named() -> None:
    """A signature by somebody else, over another document or for another domain is refused and says who signed."""
    signature = SIGNER.sign(PAYMENT, DOMAIN)
    with pytest.raises(BadSignature) as refused:
        verify_signature(PAYMENT, DOMAIN, signature, BEN)
    assert (refused.value.expected, refused.value.recovered) == (checksum(BEN), checksum(ANA))
    for document, domain in ((replace(PAYMENT, nonce=4), DOMAIN), (PAYMENT, replace(DOMAIN, chain_id=1))):
        with pytest.raises(BadSignature):
            verify_signature(document, domain, signature, ANA)


def _malformed() -> dict[str, bytes]:
    signature = SIGNER.sign(PAYMENT, DOMAIN)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    high_s = (SECP256K1_ORDER - s).to_bytes(32, "big")
    order = SECP256K1_ORDER.to_bytes(32, "big")
    return {
        "high s": r + high_s + bytes([55 - v]),
        "v of 0 or 1": signature[:64] + bytes([v - 27]),
        "v of EIP-155": signature[:64] + bytes([v + 10]),
        "short": signature[:63],
        "long": signature + b"\0",
        "empty": b"",
        "zero r": bytes(32) + signature[32:],
        "zero s": r + bytes(32) + bytes([v]),
        "r of the order": order + signature[32:],
        "no point": (5).to_bytes(32, "big") + signature[32:],
        "high s, compact": r + (2**255 - 1).to_bytes(32, "big"),
        "zero": bytes(65),
    }


@pytest.mark.parametrize("kind", list(_malformed()))
def test_malformed_signature_is_nobodys(kind: str) -> None:
    """A signature with a high s, another v, another length, or r or s out of range is refused as nobody's."""
    with pytest.raises(BadSignature) as refused:
        verify_signature(PAYMENT, DOMAIN, _malformed()[kind], ANA)
    assert refused.value.expected == checksum(ANA)
    assert "nobody" in refused.value.recovered


@settings(max_examples=40, deadline=None)
@given(PAYMENTS)
def test_compact_form_is_the_same_signature(payment: Payment) -> None:
    """The 64-byte EIP-2098 form verifies as the 65-byte form does, and converts to itself."""
    signature = SIGNER.sign(payment, DOMAIN)
    r, vs = to_compact(signature)
    assert len(r) == len(vs) == 32
    verify_signature(payment, DOMAIN, r + vs, ANA)
    assert to_compact(r + vs) == (r, vs)


def test_compact_form_is_the_standards() -> None:
    """The compact form of EIP-2098's own two examples is what the EIP prints."""
    examples = [
        (
            "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90",
            "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064",
            27,
            "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064",
        ),
        (
            "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76",
            "139c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793",
            28,
            "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793",
        ),
    ]
    for r, s, v, vs in examples:
        assert to_compact(bytes.fromhex(r + s) + bytes([v])) == (bytes.fromhex(r), bytes.fromhex(vs))


def test_key_is_never_shown() -> None:
    """A signer's text, its copies and its pickles do not exist or do not hold the key."""
    for shown in (repr(SIGNER), str(SIGNER), f"{SIGNER}", repr([SIGNER])):
        assert checksum(ANA) in shown
        assert SECRET.hex() not in shown
        assert repr(SECRET) not in shown
    assert not hasattr(SIGNER, "__dict__")
    for take in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError) as refused:
            take(SIGNER)
        assert SECRET.hex() not in shown_by(refused.value)


@pytest.mark.parametrize(
    "text", [SECRET.hex() + "0", "0x" + SECRET.hex()[:-1], SECRET.hex()[:-1] + "g", "0" * 64, "f" * 64, ""]
)
def test_bad_private_key_is_not_echoed(text: str) -> None:
    """A private key that does not read is refused by its field's name without being repeated anywhere."""
    with pytest.raises(BadValue) as refused:
        LocalSigner.from_hex(text, "CHAINWALLET_DEPLOYER_KEY")
    assert refused.value.field == "CHAINWALLET_DEPLOYER_KEY"
    assert not text or text not in shown_by(refused.value).replace("got '<hidden>'", "")
    with pytest.raises(BadValue) as refused:
        LocalSigner(SECRET + b"\x01")
    assert SECRET.hex() not in shown_by(refused.value)
    assert repr(SECRET)[2:-1] not in shown_by(refused.value)


@pytest.mark.parametrize("text", [SECRET.hex(), "0x" + SECRET.hex().upper(), f"  {SECRET.hex()}\n"])
def test_private_key_reads_from_hex(text: str) -> None:
    """A private key reads with or without 0x, in any case, with spaces or a line end around it."""
    assert LocalSigner.from_hex(text, "key").address == parse_address("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23")


def test_closed_signer_signs_nothing() -> None:
    """Leaving a signer's ``with`` block overwrites its key, and nothing can be signed with it afterwards."""
    with LocalSigner(SECRET) as signer:
        held = signer._secret
        assert bytes(held) == SECRET
        document_signer: Signer = signer
        transaction_signer: TransactionSigner = signer
    assert bytes(held) == bytes(32)
    signer.close()
    with pytest.raises(BadValue, match="closed"):
        document_signer.sign(PAYMENT, DOMAIN)
    with pytest.raises(BadValue, match="closed"):
        transaction_signer.sign_transaction(CREATION)


def test_signing_is_fast() -> None:
    """Documents are hashed and signed at more than 5,000 a second on one core."""
    documents = [replace(PAYMENT, nonce=nonce) for nonce in range(1_000)]
    best = min(_signing_time(documents) for _ in range(3))
    assert best < len(documents) / 5_000


def _signing_time(documents: list[Payment]) -> float:
    fresh = [replace(document) for document in documents]
    start = time.process_time()
    for document in fresh:
        SIGNER.sign(document, DOMAIN)
    return time.process_time() - start


def test_importing_keys_loads_no_chain_client() -> None:
    """Loading the key rooms loads neither web3 nor eth-account nor pairing curves, which are slow to import."""
    program = (
        "import sys, chainwallet.keys.keystore, chainwallet.keys.sealed, chainwallet.keys.external;"
        "print([m for m in ('web3', 'eth_account', 'py_ecc', 'eth_utils') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
