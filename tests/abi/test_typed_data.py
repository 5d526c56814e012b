"""EIP-712 documents: digests as eth-account computes them, and a JSON form that reads back."""

import copy
import json
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.abi import typed_data
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
    encode_type,
    from_typed_data,
    signer_of,
    struct_hash,
)
from chainwallet.errors import BadValue
from chainwallet.evm import Address, Hash32, keccak256

UINTS = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2**64, 2**96 - 1, 2**255, 2**256 - 1]))
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
HASHES = st.binary(min_size=32, max_size=32).map(Hash32)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LEGS = st.lists(st.builds(Leg, ADDRESSES, UINTS), max_size=5).map(tuple)
SETTLEMENTS = st.builds(Settlement, LEGS, LEGS, HASHES, ADDRESSES, UINTS)
DOMAINS = st.builds(Domain, NAMES, NAMES, UINTS, ADDRESSES)
DOCUMENTS: st.SearchStrategy[Document] = st.one_of(
    st.builds(Payment, ADDRESSES, ADDRESSES, UINTS, HASHES, UINTS, UINTS),
    st.builds(Consent, ADDRESSES, SETTLEMENTS, UINTS),
    st.builds(TransferWithAuthorization, ADDRESSES, ADDRESSES, UINTS, UINTS, UINTS, HASHES),
    st.builds(ReceiveWithAuthorization, ADDRESSES, ADDRESSES, UINTS, UINTS, UINTS, HASHES),
    st.builds(CancelAuthorization, ADDRESSES, HASHES),
    st.builds(Permit, ADDRESSES, ADDRESSES, UINTS, UINTS, UINTS),
    st.builds(CancelNonces, ADDRESSES, UINTS, UINTS),
)

ANA, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
WORD = Hash32(b"\x07" * 32)
DOMAIN = Domain("Cash EUR", "1", 31_337, Address(b"\xca" * 20))
PAYMENT = Payment(ANA, BEN, 12_500_000, WORD, 3, 2_000_000_000)
SETTLEMENT = Settlement((Leg(ANA, 5), Leg(BEN, 6)), (Leg(Address(b"\x0c" * 20), 11),), WORD, Address(bytes(20)), 9)
ONE_OF_EACH: tuple[Document, ...] = (
    PAYMENT,
    Consent(ANA, SETTLEMENT, 4),
    TransferWithAuthorization(ANA, BEN, 1, 2, 3, WORD),
    ReceiveWithAuthorization(ANA, BEN, 1, 2, 3, WORD),
    CancelAuthorization(ANA, WORD),
    Permit(ANA, BEN, 1, 2, 3),
    CancelNonces(ANA, 64, 3),
)


def eth_account_digest(message: dict[str, Any]) -> bytes:
    signable = encode_typed_data(full_message=message)
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, DOMAINS)
def test_digest_is_eth_accounts(document: Document, domain: Domain) -> None:
    """The digest of any document for any domain is byte for byte the one that eth-account computes."""
    assert digest(document, domain) == eth_account_digest(as_typed_data(document, domain))


@pytest.mark.parametrize("document", ONE_OF_EACH, ids=lambda document: type(document).__name__)
def test_each_document_has_eth_accounts_digest(document: Document) -> None:
    """Each of the seven documents hashes as eth-account hashes it."""
    assert digest(document, DOMAIN) == eth_account_digest(as_typed_data(document, DOMAIN))


@pytest.mark.parametrize("debits", [(), (Leg(ANA, 2**256 - 1),)])
def test_settlement_edges_have_eth_accounts_digest(debits: tuple[Leg, ...]) -> None:
    """A settlement with no legs at all, and one with the largest amounts, hash as eth-account hashes them."""
    consent = Consent(ANA, replace(SETTLEMENT, debits=debits, credits=()), 2**256 - 1)
    assert digest(consent, DOMAIN) == eth_account_digest(as_typed_data(consent, DOMAIN))


@pytest.mark.parametrize(
    ("kind", "type_hash"),
    [
        (Permit, "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9"),
        (TransferWithAuthorization, "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267"),
        (ReceiveWithAuthorization, "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8"),
        (CancelAuthorization, "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429"),
    ],
)
def test_type_hashes_are_the_standards(kind: type[Permit], type_hash: str) -> None:
    """The type hashes of ERC-2612 and ERC-3009 documents are the constants that those standards print."""
    assert keccak256(encode_type(kind).encode()).hex() == type_hash


def test_consent_type_names_its_parts_in_order() -> None:
    """A consent's type is followed by the types of legs and settlement, sorted by name as EIP-712 asks."""
    assert encode_type(Consent) == (
        "Consent(address debtor,Settlement settlement,uint256 nonce)"
        "Leg(address account,uint256 amount)"
        "Settlement(Leg[] debits,Leg[] credits,bytes32 context,address operator,uint256 validBefore)"
    )


def test_settlement_is_hashed_once_for_all_consents(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consents of a hundred debtors to one settlement hash its legs once, not a hundred times."""
    settlement = replace(SETTLEMENT, debits=(Leg(ANA, 5), Leg(BEN, 6)), credits=(Leg(Address(b"\x0c" * 20), 11),))
    hashed: list[int] = []

    def counting(data: bytes) -> Hash32:
        hashed.append(len(data))
        return keccak256(data)

    DOMAIN.separator  # noqa: B018  # hashed before the count starts
    monkeypatch.setattr(typed_data, "keccak256", counting)
    digests = {digest(Consent(ANA, settlement, nonce), DOMAIN) for nonce in range(100)}
    assert len(digests) == 100
    assert len(hashed) == 6 + 2 * 100  # three legs, two lists, one settlement; then a struct and a digest each


def test_changed_copy_of_a_hashed_settlement_has_its_own_hash() -> None:
    """Changing one leg in a copy of a settlement that was hashed already changes the hash."""
    before = struct_hash(SETTLEMENT)
    assert struct_hash(replace(SETTLEMENT, debits=(Leg(ANA, 5), Leg(BEN, 7)))) != before
    assert struct_hash(SETTLEMENT) == before


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, DOMAINS)
def test_typed_data_reads_back(document: Document, domain: Domain) -> None:
    """A document and its domain survive being written as JSON text and read again."""
    text = json.dumps(as_typed_data(document, domain))
    assert from_typed_data(json.loads(text)) == (document, domain)


def test_every_field_changes_the_digest() -> None:
    """No field of any document, and none of the domain, can change without changing what is signed."""
    for document in ONE_OF_EACH:
        for field in fields(document):
            changed = replace(document, **{field.name: _another(getattr(document, field.name))})
            assert digest(changed, DOMAIN) != digest(document, DOMAIN), f"{document}: {field.name}"
    for field in fields(DOMAIN):
        changed_domain = replace(DOMAIN, **{field.name: _another(getattr(DOMAIN, field.name))})
        assert digest(PAYMENT, changed_domain) != digest(PAYMENT, DOMAIN), field.name
    for field in fields(SETTLEMENT):
        value: Any = getattr(SETTLEMENT, field.name)
        other: Any = value[::-1] + value if isinstance(value, tuple) else _another(value)
        assert struct_hash(replace(SETTLEMENT, **{field.name: other})) != struct_hash(SETTLEMENT), field.name


def _another(value: Any) -> Any:
    match value:
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case int():
            return value + 1
        case str():
            return value + "x"
        case _:
            return replace(value, valid_before=value.valid_before + 1)


@pytest.mark.parametrize(
    ("struct", "field", "value"),
    [
        (PAYMENT, "value", -1),
        (PAYMENT, "value", 2**256),
        (PAYMENT, "nonce", True),
        (PAYMENT, "valid_before", 1.0),
        (PAYMENT, "payer", b"\x01" * 19),
        (PAYMENT, "payee", "0x" + "01" * 20),
        (PAYMENT, "payment_ref", b"\x01" * 33),
        (PAYMENT, "payment_ref", bytearray(32)),
        (Leg(ANA, 1), "amount", 2**256),
        (SETTLEMENT, "debits", [Leg(ANA, 1)]),
        (SETTLEMENT, "credits", (1,)),
        (Consent(ANA, SETTLEMENT, 4), "settlement", PAYMENT),
        (DOMAIN, "name", "\ud800"),
        (DOMAIN, "chain_id", -1),
    ],
)
def test_values_out_of_range_are_refused_by_name(struct: Any, field: str, value: object) -> None:
    """A document cannot be made with a number outside uint256 or bytes of another length; the error names the field."""
    with pytest.raises(BadValue) as refused:
        replace(struct, **{field: value})
    assert refused.value.field == field


def _edited(path: str, value: object) -> dict[str, Any]:
    edited: dict[str, Any] = copy.deepcopy(as_typed_data(Consent(ANA, SETTLEMENT, 4), DOMAIN))
    *parents, last = path.split(".")
    inner: Any = edited
    for parent in parents:
        inner = inner[int(parent)] if parent.isdigit() else inner[parent]
    inner[last] = value
    return edited


@pytest.mark.parametrize(
    ("stored", "field"),
    [
        (None, "typed data"),
        ([], "typed data"),
        (_edited("extra", 1), "typed data"),
        (_edited("primaryType", "Settlement"), "primaryType"),
        (_edited("primaryType", ["Consent"]), "primaryType"),
        (_edited("primaryType", "Payment"), "types"),
        (_edited("types.Leg", []), "types"),
        (_edited("domain.chainId", "31337"), "domain.chainId"),
        (_edited("domain.salt", "0x00"), "domain"),
        (_edited("domain.verifyingContract", None), "domain.verifyingContract"),
        (_edited("domain.name", 7), "domain.name"),
        (_edited("message", {}), "message"),
        (_edited("message.nonce", 4.0), "message.nonce"),
        (_edited("message.nonce", True), "message.nonce"),
        (_edited("message.nonce", 2**256), "message.nonce"),
        (_edited("message.settlement.debits", {}), "message.settlement.debits"),
        (_edited("message.settlement.debits.1.amount", -1), "message.settlement.debits[1].amount"),
        (_edited("message.settlement.debits.1.account", "0x0b"), "message.settlement.debits[1].account"),
        (_edited("message.settlement.context", "0x" + "07" * 31), "message.settlement.context"),
        (_edited("message.settlement.context", "0x" + "0G" * 32), "message.settlement.context"),
    ],
)
def test_anything_else_than_our_typed_data_is_refused_by_path(stored: object, field: str) -> None:
    """Stored typed data of another type, or with one member missing, extra or misshapen, is refused by its path."""
    with pytest.raises(BadValue) as refused:
        from_typed_data(stored)
    assert refused.value.field == field


def test_documents_name_their_signer() -> None:
    """Every document names who must sign it."""
    assert [signer_of(document) for document in ONE_OF_EACH] == [ANA] * 7


def test_wallets_get_the_form_they_know() -> None:
    """The typed data of a payment is the object that eth_signTypedData_v4 documents: types, domain and message."""
    first, second = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"  # EIP-55
    payer, payee = (Address(bytes.fromhex(address[2:])) for address in (first, second))
    assert as_typed_data(replace(PAYMENT, payer=payer, payee=payee), replace(DOMAIN, contract=payer)) == {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Payment": [
                {"name": "from", "type": "address"},
                {"name": "to", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "paymentRef", "type": "bytes32"},
                {"name": "nonce", "type": "uint256"},
                {"name": "validBefore", "type": "uint256"},
            ],
        },
        "primaryType": "Payment",
        "domain": {"name": "Cash EUR", "version": "1", "chainId": 31_337, "verifyingContract": first},
        "message": {
            "from": first,
            "to": second,
            "value": 12_500_000,
            "paymentRef": "0x" + "07" * 32,
            "nonce": 3,
            "validBefore": 2_000_000_000,
        },
    }


def test_importing_documents_loads_no_chain_client() -> None:
    """Reading and hashing documents loads neither web3 nor eth-account, which are slow to import."""
    program = "import sys, chainwallet.abi.typed_data; print([m for m in ('web3', 'eth_account') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
