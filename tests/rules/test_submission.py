"""The life of a submission: the table is all there is, and the next step follows from the stage alone."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, Receipt
from chainwallet.rules.submission import (
    TRANSITIONS,
    AskReceipt,
    Broadcast,
    Failed,
    Happening,
    Mined,
    Queued,
    Rest,
    Sent,
    Sign,
    Signed,
    Stage,
    Step,
    Submission,
    WasDisplaced,
    WasMined,
    WasRefused,
    WasSent,
    WasSigned,
    after,
    next_nonce,
    next_step,
)

TX, RAW, CONTRACT = Hash32(b"\x07" * 32), b"\x02\x03", Address(b"\xca" * 20)


def receipt(*, succeeded: bool) -> Receipt:
    return Receipt(TX, BlockNumber(9), Hash32(b"\x09" * 32), succeeded, 21_000, 1, CONTRACT, (), 0)


STAGES: dict[type[Stage], Stage] = {
    Queued: Queued(),
    Signed: Signed(4, TX, RAW),
    Sent: Sent(4, TX, RAW),
    Mined: Mined(TX, BlockNumber(9), 21_000, CONTRACT),
    Failed: Failed(TX, "why"),
}
HAPPENINGS: dict[type[Happening], Happening] = {
    WasSigned: WasSigned(4, TX, RAW),
    WasSent: WasSent(),
    WasRefused: WasRefused("no"),
    WasMined: WasMined(receipt(succeeded=True), ""),
    WasDisplaced: WasDisplaced(),
}


def test_every_stage_and_happening_is_in_this_test() -> None:
    """The tests below know every stage and everything that may happen."""
    assert set(STAGES) == set(get_args(Stage))
    assert set(HAPPENINGS) == set(get_args(Happening))


@pytest.mark.parametrize(("stage", "happening"), sorted(TRANSITIONS, key=str))
def test_the_table_says_where_a_happening_leads(stage: type[Stage], happening: type[Happening]) -> None:
    """Every pair in the table leads to the stage that the table names."""
    assert type(after(STAGES[stage], HAPPENINGS[happening])) is TRANSITIONS[stage, happening]


REFUSED = [pair for pair in product(STAGES, HAPPENINGS) if pair not in TRANSITIONS]


@pytest.mark.parametrize(("stage", "happening"), REFUSED)
def test_every_other_pair_is_refused_by_name(stage: type[Stage], happening: type[Happening]) -> None:
    """A pair that the table lacks is refused with the names of both and the stages where it may happen."""
    with pytest.raises(BadValue) as refusal:
        after(STAGES[stage], HAPPENINGS[happening])
    assert refusal.value.field == f"stage for {happening.__name__}"
    assert refusal.value.value == stage.__name__
    allowed = sorted(allowing.__name__ for allowing, allowed in TRANSITIONS if allowed is happening)
    assert refusal.value.expected == f"one of {allowed}"


def test_the_end_is_the_end() -> None:
    """Nothing leads out of Mined or Failed, and signed bytes are never replaced by others."""
    assert not [pair for pair in TRANSITIONS if pair[0] in (Mined, Failed)]
    assert [stage for stage, happening in TRANSITIONS if happening is WasSigned] == [Queued]


def test_what_a_stage_knows_is_carried_on() -> None:
    """Nonce, hash and bytes stay the same from signing to the receipt."""
    signed = after(Queued(), WasSigned(4, TX, RAW))
    sent = after(signed, WasSent())
    assert signed == Signed(4, TX, RAW)
    assert sent == Sent(4, TX, RAW)
    assert after(sent, WasMined(receipt(succeeded=True), "")) == Mined(TX, BlockNumber(9), 21_000, CONTRACT)
    assert after(signed, WasMined(receipt(succeeded=False), "paused")) == Failed(TX, "paused")
    assert after(Queued(), WasRefused("paused")) == Failed(None, "paused")
    assert after(sent, WasDisplaced()) == Failed(TX, "its nonce 4 was used by another transaction of the sender")


@pytest.mark.parametrize(
    ("stage", "step"),
    [
        (Queued(), Sign()),
        (Signed(4, TX, RAW), Broadcast(TX, RAW)),
        (Sent(4, TX, RAW), AskReceipt(TX, RAW)),
        (Mined(TX, BlockNumber(9), 21_000, None), Rest()),
        (Failed(None, "why"), Rest()),
    ],
)
def test_next_step(stage: Stage, step: Step) -> None:
    """Only a queued submission is signed; signed bytes are sent, sent ones asked for, ended ones left alone."""
    assert next_step(stage) == step


@pytest.mark.parametrize("kind", STAGES)
def test_under_way_is_what_may_be_anywhere(kind: type[Stage]) -> None:
    """A submission is under way from its signature until its outcome is known."""
    submission = Submission(1, "7-00000000", "key", CONTRACT, None, b"", STAGES[kind])
    assert submission.is_under_way == (kind in (Signed, Sent))


@given(stored=st.none() | st.integers(0, 2**63), on_chain=st.integers(0, 2**63))
def test_next_nonce_is_new_to_the_store_and_to_the_chain(stored: int | None, on_chain: int) -> None:
    """The next nonce is the lowest that neither stored bytes nor the chain have used."""
    nonce = next_nonce(stored, on_chain)
    assert nonce >= on_chain
    assert stored is None or nonce > stored
    assert nonce == on_chain or nonce - 1 == stored
