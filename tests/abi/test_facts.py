"""Facts from the logs of one block: who stands beside whom, and what is made of logs that are none of ours."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.abi.facts import facts_of
from chainwallet.abi.generated import EVENTS
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32, Log, to_hex
from chainwallet.rules.fact import Fact
from chainwallet.rules.window import TAG

CASH, ANA, BEN, CLEO, DAN = (Address(bytes([name]) * 20) for name in (0xCA, 0x0A, 0x0B, 0x0C, 0x0D))
REF, OTHER = Hash32(b"\x01" * 32), Hash32(b"\x02" * 32)
TRANSFER, PAID, SETTLED = (
    "Transfer(address,address,uint256)",
    "Paid(bytes32,uint256)",
    "Settled(bytes32,bytes32,uint256[])",
)

Event = tuple[str, tuple[object, ...], tuple[int, ...]]
"""Signature, indexed arguments, words of the data."""


def transfer(payer: Address, payee: Address, value: int) -> Event:
    return TRANSFER, (payer, payee), (value,)


def paid(ref: Hash32, nonce: int) -> Event:
    return PAID, (ref,), (nonce,)


def settled(ref: Hash32, *nonces: int) -> Event:
    return SETTLED, (ref, OTHER), (32, len(nonces), *nonces)


def logs_of(*transactions: Sequence[Event]) -> list[Log]:
    """The logs of ``transactions`` in one block."""
    logs: list[Log] = []
    for number, transaction in enumerate(transactions):
        for signature, indexed, words in transaction:
            topics = (EVENTS[signature], *(bytes(each).rjust(32, b"\0") for each in indexed))  # type: ignore[call-overload]
            data = b"".join(word.to_bytes(32, "big") for word in words)
            tx = Hash32(bytes([number + 1]) * 32)
            logs.append(Log(CASH, topics, data, BlockNumber(7), Hash32(b"\x07" * 32), tx, len(logs)))
    return logs


def told(*transactions: Sequence[Event]) -> list[Any]:
    """The facts of ``transactions``: kind, payer, payee, value, reference, nonce and cause."""
    return [
        (fact.kind, fact.payer, fact.payee, fact.value, fact.ref, fact.nonce, fact.cause)
        for fact in facts_of(logs_of(*transactions), 99)
    ]


def test_a_payment_is_told_with_the_transfer_before_it() -> None:
    """A ``Paid`` carries payer, payee and value of the ``Transfer`` right before; that one carries its reference."""
    assert told([transfer(ANA, BEN, 5), paid(REF, 3), transfer(BEN, CLEO, 6), paid(OTHER, 4)]) == [
        ("Transfer", ANA, BEN, 5, REF, None, "payment"),
        ("Paid", ANA, BEN, 5, REF, 3, None),
        ("Transfer", BEN, CLEO, 6, OTHER, None, "payment"),
        ("Paid", BEN, CLEO, 6, OTHER, 4, None),
    ]


def test_a_paid_without_its_own_transfer_executes_nothing() -> None:
    """A ``Paid`` that no ``Transfer`` of its transaction stands before, or only another payment's, has no payer."""
    assert told([transfer(ANA, BEN, 5)], [paid(REF, 3)]) == [
        ("Transfer", ANA, BEN, 5, None, None, "transfer"),
        ("Paid", None, None, None, REF, 3, None),
    ]
    assert told([transfer(ANA, BEN, 5), paid(REF, 3), paid(OTHER, 4)])[-1] == ("Paid", None, None, None, OTHER, 4, None)


def test_a_settlement_gives_each_debtor_a_part() -> None:
    """The debtors of a ``Settled`` are the payers of the ``Transfer``s before it, each with its own nonce and sum."""
    legs = [transfer(ANA, CLEO, 30), transfer(BEN, CLEO, 10), transfer(BEN, DAN, 40)]
    found = facts_of(logs_of([*legs, settled(REF, 8, 9)]), 99)
    assert [(fact.kind, fact.ref, fact.cause) for fact in found[:3]] == [("Transfer", REF, "settlement")] * 3
    assert [(fact.kind, fact.part, fact.payer, fact.value, fact.nonce) for fact in found[3:]] == [
        ("Settled", 0, None, 80, None),
        ("Consented", 1, ANA, 30, 8),
        ("Consented", 2, BEN, 50, 9),
    ]
    assert found[3].detail == {"context": to_hex(OTHER)}


@pytest.mark.parametrize(
    "before",
    [
        [transfer(DAN, ANA, 1)],
        [transfer(ANA, DAN, 1)],
        [transfer(ANA, BEN, 1), paid(OTHER, 1)],
        [("AuthorizationUsed(address,bytes32)", (ANA, REF), ()), transfer(ANA, BEN, 1)],
        [transfer(ANA, CLEO, 1)],
    ],
)
def test_what_moved_before_a_settlement_is_not_part_of_it(before: list[Event]) -> None:
    """Movements before the legs, by whomever and for whatever cause, stay apart from the settlement."""
    found = facts_of(logs_of([*before, transfer(ANA, CLEO, 30), transfer(BEN, CLEO, 10), settled(REF, 8, 9)]), 99)
    parts = [(fact.payer, fact.value) for fact in found if fact.kind == "Consented"]
    assert parts == [(ANA, 30), (BEN, 10)]
    assert sum(fact.cause == "settlement" for fact in found) == 2


def test_two_settlements_of_one_transaction_stay_apart() -> None:
    """Each settlement of a transaction has its own debtors."""
    found = facts_of(
        logs_of(
            [
                transfer(ANA, CLEO, 1),
                settled(REF, 1),
                transfer(ANA, DAN, 2),
                transfer(BEN, DAN, 3),
                settled(OTHER, 2, 3),
            ]
        ),
        99,
    )
    assert [(fact.ref, fact.payer, fact.value, fact.nonce) for fact in found if fact.kind == "Consented"] == [
        (REF, ANA, 1, 1),
        (OTHER, ANA, 2, 2),
        (OTHER, BEN, 3, 3),
    ]


def test_the_cause_of_every_movement_is_told() -> None:
    """A movement says whether it was a mint, a burn, an authorization, or its owner's own."""
    number = Hash32((TAG << 56 | 6).to_bytes(32, "big"))
    assert told(
        [transfer(ZERO_ADDRESS, ANA, 9), ("Minted(bytes32,address,address,uint256)", (REF, DAN, ANA), (9,))],
        [transfer(DAN, ZERO_ADDRESS, 4), ("Burned(bytes32,address,uint256)", (OTHER, DAN), (4,))],
        [("AuthorizationUsed(address,bytes32)", (ANA, number), ()), transfer(ANA, BEN, 2)],
        [transfer(ANA, BEN, 1)],
    ) == [
        ("Transfer", ZERO_ADDRESS, ANA, 9, REF, None, "mint"),
        ("Minted", DAN, ANA, 9, REF, None, None),
        ("Transfer", DAN, ZERO_ADDRESS, 4, OTHER, None, "burn"),
        ("Burned", DAN, None, 4, OTHER, None, None),
        ("AuthorizationUsed", ANA, None, None, number, 6, None),
        ("Transfer", ANA, BEN, 2, number, None, "authorization"),
        ("Transfer", ANA, BEN, 1, None, None, "transfer"),
    ]


def approval(owner: Address, spender: Address, value: int) -> Event:
    return "Approval(address,address,uint256)", (owner, spender), (value,)


def test_an_approval_says_whether_a_permit_gave_it() -> None:
    """An ``Approval`` that an ``Approved`` follows was its owner's own call; any other used up a permit nonce."""
    approved: Event = ("Approved()", (), ())
    assert told([approval(ANA, BEN, 1), approved, approval(ANA, CLEO, 2)], [approved]) == [
        ("Approval", ANA, BEN, 1, None, None, "approve"),
        ("Approved", ANA, None, None, None, None, None),
        ("Approval", ANA, CLEO, 2, None, None, "permit"),
        ("Approved", None, None, None, None, None, None),
    ]


def test_an_allowance_is_spent_by_the_transfer_before() -> None:
    """A log without topics tells who spent how much of an allowance: that of the ``Transfer`` right before."""
    spent = Log(CASH, (), bytes(DAN), BlockNumber(7), Hash32(b"\x07" * 32), Hash32(b"\x01" * 32), 1)
    moved, used = facts_of([*logs_of([transfer(ANA, BEN, 5)]), spent], 99)
    assert (moved.cause, moved.ref) == ("allowance", None)
    assert (used.kind, used.payer, used.payee, used.value) == ("AllowanceSpent", ANA, DAN, 5)


def test_a_log_that_is_no_event_of_ours_is_kept_as_it_is() -> None:
    """A log of another shape than the ledger's events, or of none, is a fact of its own with its raw words."""
    odd = [
        Log(CASH, (Hash32(EVENTS[TRANSFER]), REF, OTHER, REF), b"", BlockNumber(7), REF, REF, 0),
        Log(CASH, (), b"words", BlockNumber(7), REF, REF, 1),
        Log(CASH, (REF,), b"", BlockNumber(7), REF, REF, 2),
    ]
    found = facts_of(odd, 99)
    assert [fact.kind for fact in found] == ["Other"] * 3
    assert found[1].detail == {"topics": "", "data": to_hex(b"words")}
    assert found[2].detail == {"topics": to_hex(REF), "data": "0x"}


EVENT = st.one_of(
    st.builds(transfer, st.sampled_from([ANA, BEN, CLEO]), st.sampled_from([ANA, BEN, CLEO]), st.integers(0, 9)),
    st.builds(paid, st.sampled_from([REF, OTHER]), st.integers(0, 9)),
    st.builds(lambda ref, nonces: settled(ref, *nonces), st.just(REF), st.lists(st.integers(0, 9), max_size=3)),
)


@given(st.lists(st.lists(EVENT, max_size=8), max_size=4))
def test_every_log_is_one_fact_and_every_transfer_moves_what_it_says(transactions: list[list[Event]]) -> None:
    """Whatever stands beside whatever: each log gives one fact at its place, and no movement is lost or changed."""
    logs = logs_of(*transactions)
    found = facts_of(logs, 99)
    whole = [fact for fact in found if fact.part == 0]
    assert [(fact.place.tx, fact.place.log_index, fact.place.happened_at_s) for fact in whole] == [
        (log.tx, log.index, 99) for log in logs
    ]
    moved = [(fact.payer, fact.payee, fact.value) for fact in found if fact.kind == "Transfer"]
    assert moved == [
        (*indexed, words[0]) for transaction in transactions for name, indexed, words in transaction if name == TRANSFER
    ]
    for fact in found:
        if fact.kind == "Consented":
            assert _paid_by(found, fact) == fact.value


def _paid_by(found: Sequence[Fact], part: Fact) -> int:
    """What the legs of the settlement that ``part`` belongs to took from its debtor."""
    end = next(at for at, fact in enumerate(found) if fact.kind == "Settled" and fact.place == part.place)
    total = 0
    for fact in reversed(found[:end]):
        if fact.cause != "settlement" or fact.place.tx != part.place.tx:
            break
        total += (fact.value or 0) if fact.payer == part.payer else 0
    return total
