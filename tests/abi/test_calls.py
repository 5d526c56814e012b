"""Call data as web3 encodes it, items as ``ICash`` lays them out, and errors as a person reads them."""

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_abi.packed import encode_packed
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from chainwallet.abi.calls import (
    PAY_ITEM_BYTES,
    PAY_WIDE_ITEM_BYTES,
    WINDOW_NONCE_END,
    call_data,
    constructor_data,
    pay_data,
    pay_item,
    payment_ref,
    reason_of,
    settle_data,
    text_of,
    uint_of,
    uints_of,
)
from chainwallet.abi.generated import ERRORS, FUNCTIONS
from chainwallet.abi.typed_data import Leg, Payment, Settlement
from chainwallet.artifacts import ledger_abi, load_artifact
from chainwallet.errors import BadValue, NodeRefused
from chainwallet.evm import Address, Hash32, checksum, keccak256, to_hex

ARTIFACT = load_artifact("Cash")
CONTRACT = Web3().eth.contract(abi=ledger_abi())
ANA, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)

ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)
HASHES = st.binary(min_size=32, max_size=32).map(Hash32)
UINTS = st.integers(0, 2**256 - 1)
LEGS = st.lists(st.builds(Leg, ADDRESSES, UINTS), max_size=5).map(tuple)


def values_of(kind: str) -> st.SearchStrategy[Any]:
    """Values of a type of the ABI as our callers hold them: addresses are 20 bytes."""
    match kind:
        case "address":
            return ADDRESSES
        case "string":
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
        case "bytes":
            return st.binary(max_size=200)
        case _ if kind.startswith("uint"):
            return st.integers(0, 2 ** int(kind.removeprefix("uint")) - 1)
        case _ if kind.startswith("bytes"):
            size = int(kind.removeprefix("bytes"))
            return st.binary(min_size=size, max_size=size)
    raise AssertionError(kind)


def as_web3(value: object) -> object:
    """The same value as web3 wants it: addresses are checksummed text."""
    return checksum(Address(value)) if isinstance(value, bytes) and len(value) == 20 else value


FLAT_FUNCTIONS = sorted(signature for signature in FUNCTIONS if "((" not in signature)


@pytest.mark.parametrize("signature", FLAT_FUNCTIONS)
@settings(max_examples=10)
@given(data=st.data())
def test_call_data_is_what_web3_encodes(signature: str, data: st.DataObject) -> None:
    """Call data of every function of the contract equals web3's, byte for byte."""
    kinds = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]
    values = [data.draw(values_of(kind)) for kind in kinds]
    assert to_hex(call_data(signature, *values)) == CONTRACT.encode_abi(signature, [as_web3(v) for v in values])


@given(
    settlement=st.builds(Settlement, LEGS, LEGS, HASHES, ADDRESSES, UINTS),
    consents=st.lists(
        st.tuples(UINTS | st.integers(0, 9), st.binary(max_size=100) | st.binary(min_size=64, max_size=64)), max_size=5
    ),
)
def test_settle_data_is_what_web3_encodes(settlement: Settlement, consents: list[tuple[int, bytes]]) -> None:
    """A settlement's call data equals web3's, with its legs and consents in their order."""
    sides = [[(checksum(leg.account), leg.amount) for leg in side] for side in (settlement.debits, settlement.credits)]
    packed = b"".join(
        encode_packed(["uint8", "uint56", "bytes"], [0, nonce, signature])
        if nonce < WINDOW_NONCE_END and len(signature) == 64
        else encode_packed(["uint8", "uint256", "uint16", "bytes"], [1, nonce, len(signature), signature])
        for nonce, signature in consents
    )
    arguments = [*sides, packed, settlement.context, checksum(settlement.operator), settlement.valid_before]
    assert to_hex(settle_data(settlement, consents)) == CONTRACT.encode_abi("settle", arguments)


def test_a_signature_too_long_for_a_consent() -> None:
    """A consent has room for a signature of 65,535 bytes."""
    settlement = Settlement((), (), Hash32(bytes(32)), ANA, 0)
    settle_data(settlement, [(0, bytes(65_535))])
    with pytest.raises(BadValue, match="signature: got '65536 bytes', expected fewer than 65536 bytes"):
        settle_data(settlement, [(0, bytes(65_536))])


@settings(max_examples=30)
@given(
    currency=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    admin=ADDRESSES,
    delay_s=st.integers(0, 2**48 - 1),
)
def test_constructor_data_is_what_web3_encodes(currency: str, admin: Address, delay_s: int) -> None:
    """What follows the creation code equals web3's encoding of the constructor's arguments."""
    deployment = Web3().eth.contract(abi=ARTIFACT.abi, bytecode=ARTIFACT.creation_code)
    built = deployment.constructor(currency, checksum(admin), delay_s).data_in_transaction
    assert to_hex(ARTIFACT.creation_code + constructor_data(currency, admin, delay_s)) == built


def test_call_data_of_a_function_that_no_contract_has() -> None:
    """A signature that is not in the contract's interface has no call data."""
    with pytest.raises(KeyError):
        call_data("mintForFree(address,uint256)", ANA, 1)


def payment(**changes: Any) -> Payment:
    fields = {"payer": ANA, "payee": BEN, "value": 7, "payment_ref": Hash32(b"\x07" * 32), "nonce": 3}
    return Payment(**{**fields, "valid_before": 2_000_000_000, **changes})


SIGNATURE = bytes(range(64))


@given(
    value=st.integers(0, 2**96 - 1),
    ref=HASHES,
    nonce=st.one_of(st.integers(0, WINDOW_NONCE_END - 1), st.integers(WINDOW_NONCE_END, 2**256 - 1)),
    valid_before=st.integers(0, 2**40 - 1),
)
def test_pay_item_layout(value: int, ref: Hash32, nonce: int, valid_before: int) -> None:
    """An item holds its fields at the places that ``ICash.pay`` and ``ICash.payWide`` document, without loss."""
    item = pay_item(payment(value=value, payment_ref=ref, nonce=nonce, valid_before=valid_before), SIGNATURE)
    is_wide = nonce >= 2**56
    nonce_end = 84 + (32 if is_wide else 7)
    assert len(item) == (185 if is_wide else 160) == (PAY_WIDE_ITEM_BYTES if is_wide else PAY_ITEM_BYTES)
    assert (item[:20], item[20:40], item[52:84]) == (ANA, BEN, ref)
    assert int.from_bytes(item[40:52], "big") == value
    assert int.from_bytes(item[84:nonce_end], "big") == nonce
    assert int.from_bytes(item[nonce_end : nonce_end + 5], "big") == valid_before
    assert item[nonce_end + 5 :] == SIGNATURE


@pytest.mark.parametrize(
    ("changes", "signature", "field"),
    [
        ({"value": 2**96}, SIGNATURE, "value"),
        ({"valid_before": 2**40}, SIGNATURE, "validBefore"),
        ({}, SIGNATURE[:63], "signature"),
        ({}, SIGNATURE + b"\x1b", "signature"),
    ],
)
def test_pay_item_refuses_what_does_not_fit(changes: dict[str, int], signature: bytes, field: str) -> None:
    """A value, time or signature that the packed item cannot hold is refused by name, never cut."""
    with pytest.raises(BadValue) as refusal:
        pay_item(payment(**changes), signature)
    assert refusal.value.field == field


def test_pay_data_takes_items_of_one_size() -> None:
    """Items go to ``pay``, wide ones to ``payWide``; a mixture and nothing at all are refused."""
    item, wide = pay_item(payment(), SIGNATURE), pay_item(payment(nonce=2**200), SIGNATURE)
    assert to_hex(pay_data([item, item])) == CONTRACT.encode_abi("pay", [item + item])
    assert to_hex(pay_data([wide])) == CONTRACT.encode_abi("payWide", [wide])
    for items in ([item, wide], []):
        with pytest.raises(BadValue):
            pay_data(items)


def test_payment_ref_names_payer_token_and_id() -> None:
    """A payment's reference is the hash of payer, token and id, so anyone can compute it and no two ids share one."""
    expected = keccak256(encode(["address", "address", "string"], [checksum(ANA), checksum(BEN), "42"]))
    assert payment_ref(ANA, BEN, "42") == expected
    others = {payment_ref(BEN, ANA, "42"), payment_ref(ANA, BEN, "4"), payment_ref(ANA, ANA, "42")}
    assert len({expected, *others}) == 4


# ------------------------------------------------------------------------------------------------ answers


def test_answers_of_another_shape_are_the_nodes_fault() -> None:
    """An answer that is not what the view returns is refused as the node's, never read as zero."""
    assert uint_of((7).to_bytes(32, "big")) == 7
    assert uints_of(bytes(31) + b"\x01" + bytes(31) + b"\x02", 2) == (1, 2)
    assert text_of(encode(["string"], ["EUR"])) == "EUR"
    for ask in (uint_of, text_of, lambda answer: uints_of(answer, 2)):
        for answer in (b"", b"\x01", bytes(33), b"\xff" * 96):
            with pytest.raises(NodeRefused):
                ask(answer)


# ------------------------------------------------------------------------------------------------ errors

ABI_ERRORS = {entry["name"]: entry for entry in ledger_abi() if entry["type"] == "error"}


def test_the_table_has_exactly_the_errors_of_the_abi() -> None:
    """Every error that the contract can raise is in the table under its selector, with its fields."""
    expected = {}
    for name, entry in ABI_ERRORS.items():
        fields = tuple((field["type"], field["name"]) for field in entry["inputs"])
        expected[keccak256(f"{name}({','.join(kind for kind, _ in fields)})".encode())[:4]] = (name, fields)
    assert expected == ERRORS


@pytest.mark.parametrize("name", sorted(ABI_ERRORS))
@settings(max_examples=20)
@given(data=st.data())
def test_reason_of_every_error(name: str, data: st.DataObject) -> None:
    """Every error of the contract is told with its name and all its fields, on one line."""
    inputs = ABI_ERRORS[name]["inputs"]
    kinds = [field["type"] for field in inputs]
    values = [data.draw(values_of(kind)) for kind in kinds]
    selector = keccak256(f"{name}({','.join(kinds)})".encode())[:4]
    reason = reason_of(selector + encode(kinds, values))
    assert reason.startswith(f"{name}(")
    assert "\n" not in reason
    for field, value in zip(inputs, values, strict=True):
        if isinstance(value, str):
            shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value)
        else:
            shown = str(as_web3(value)) if field["type"] != "bytes32" else to_hex(value)
        assert f"{field['name']}={shown}" in reason


def test_reasons_as_a_person_reads_them() -> None:
    """The known shapes of revert data read as words; bytes that nobody knows are shown as they are."""
    short = encode(["address", "uint256", "uint256"], [ANA, 1, 2])
    assert reason_of(bytes.fromhex("e450d38c") + short) == (
        f"ERC20InsufficientBalance(sender={checksum(ANA)}, balance=1, needed=2)"
    )
    assert reason_of(bytes.fromhex("08c379a0") + encode(["string"], ["not\nyet"])) == "not\N{REPLACEMENT CHARACTER}yet"
    assert reason_of(bytes.fromhex("4e487b71") + (0x11).to_bytes(32, "big")) == "Panic(0x11)"
    assert reason_of(bytes.fromhex("ada45076")) == "MovementPaused()"
    assert reason_of(bytes.fromhex("deadbeef01")) == "0xdeadbeef01"
    assert reason_of(b"") == "no reason given"


SELECTORS = st.sampled_from([*ERRORS, bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")])


@given(st.one_of(st.binary(max_size=100), st.builds(bytes.__add__, SELECTORS, st.binary(max_size=200))))
def test_any_revert_data_has_a_reason_of_one_line(revert_data: bytes) -> None:
    """Whatever bytes a node calls revert data, there is one line for them and no other error."""
    reason = reason_of(revert_data)
    assert reason
    assert reason.isprintable()
