"""The life of a submission: the table is all there is, and the next step follows from the stage and the facts."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, Receipt
from chainwallet.rules.story import told_of_submission
from chainwallet.rules.submission import (
    TRANSITIONS,
    Attempt,
    Bump,
    Conflict,
    Facts,
    Failed,
    Final,
    Happening,
    Look,
    Mined,
    Note,
    Patience,
    Queued,
    Rest,
    Send,
    Sent,
    Sign,
    Signed,
    Stage,
    Submission,
    Wait,
    WasConfirmed,
    WasMined,
    WasOvertaken,
    WasRefused,
    WasReorged,
    WasSent,
    WasSigned,
    after,
    next_step,
)

TX, BLOCK_HASH, CONTRACT = Hash32(b"\x07" * 32), Hash32(b"\x09" * 32), Address(b"\xca" * 20)
FIRST = Attempt(TX, b"\x02\x03", 50_000, 80, 8, signed_at_s=100)
SECOND = replace(
    FIRST, tx=Hash32(b"\x08" * 32), max_fee_per_gas_wei=90, max_priority_fee_per_gas_wei=9, signed_at_s=150
)
PATIENCE = Patience(confirmations=5, resend_after_s=10, bump_after_s=40)
PLACE = (TX, BlockNumber(9), BLOCK_HASH, 21_000, None)


def receipt(*, succeeded: bool) -> Receipt:
    return Receipt(TX, BlockNumber(9), BLOCK_HASH, succeeded, 21_000, 1, None, (), 0)


STAGES: dict[type[Stage], Stage] = {
    Queued: Queued(),
    Signed: Signed(),
    Sent: Sent(),
    Mined: Mined(*PLACE, ""),
    Final: Final(*PLACE),
    Failed: Failed(TX, "why"),
    Conflict: Conflict("why"),
}
HAPPENINGS: dict[type[Happening], Happening] = {
    WasSigned: WasSigned(4, FIRST),
    WasSent: WasSent("taken"),
    WasRefused: WasRefused("no"),
    WasMined: WasMined(receipt(succeeded=True), ""),
    WasConfirmed: WasConfirmed(),
    WasReorged: WasReorged("why"),
    WasOvertaken: WasOvertaken("why"),
}


def submission(stage: Stage, *attempts: Attempt, sent_at_s: int = 100) -> Submission:
    nonce = None if isinstance(stage, Queued) else 4
    return Submission(1, "7-0", "key", "call", CONTRACT, CONTRACT, b"", stage, nonce, attempts or (FIRST,), sent_at_s)


def facts(now_s: int = 100, **seen: object) -> Facts:
    return replace(Facts(now_s, BlockNumber(20)), **seen)  # type: ignore[arg-type]  # whatever a test says


# ------------------------------------------------------------------------------------------------ the table


def test_every_stage_and_happening_is_in_this_test() -> None:
    """The tests below know every stage and everything that may happen, and each has words for a person."""
    assert set(STAGES) == set(get_args(Stage))
    assert set(HAPPENINGS) == set(get_args(Happening))
    assert all(told_of_submission(happening).isprintable() for happening in HAPPENINGS.values())


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


def test_nothing_goes_back_but_by_a_reorg() -> None:
    """An end is left by a recorded reorg alone, and what is signed never becomes unsigned."""
    assert {happening for stage, happening in TRANSITIONS if stage in (Mined, Final, Failed)} == {
        WasReorged,
        WasConfirmed,
    }
    assert Queued not in TRANSITIONS.values()
    assert not [stage for stage, _ in TRANSITIONS if stage is Conflict]


def test_a_revert_fails_only_when_it_is_final() -> None:
    """A transaction that reverted is mined like any other, and has failed when its block is deep enough."""
    mined = after(Sent(), WasMined(receipt(succeeded=False), "paused"))
    assert mined == Mined(*PLACE, "paused")
    assert after(mined, WasConfirmed()) == Failed(TX, "paused")
    assert after(after(Sent(), WasMined(receipt(succeeded=True), "")), WasConfirmed()) == Final(*PLACE)


# ------------------------------------------------------------------------------------------------ the next step


def test_only_a_queued_one_is_signed_and_the_ended_rest() -> None:
    """A queued submission is signed, whatever the facts; an ended one is left alone."""
    assert next_step(submission(Queued()), facts(), PATIENCE) == Sign()
    for stage in (Final, Failed, Conflict):
        assert next_step(submission(STAGES[stage]), facts(spent=99), PATIENCE) == Rest()


@pytest.mark.parametrize("stage", [Signed(), Sent()])
def test_a_receipt_of_any_attempt_decides(stage: Stage) -> None:
    """A receipt counts before everything else; a nonce that is past without one is a conflict."""
    one = submission(stage, FIRST, SECOND)
    found = receipt(succeeded=True)
    assert next_step(one, facts(10_000, spent=5, receipt=found), PATIENCE) == Look(found)
    step = next_step(one, facts(spent=5), PATIENCE)
    assert isinstance(step, Note)
    assert isinstance(step.happening, WasOvertaken)
    assert "nonce 4" in step.happening.reason


def test_signed_bytes_are_sent() -> None:
    """What is signed goes out: always the last attempt."""
    assert next_step(submission(Signed(), FIRST, SECOND), facts(spent=4), PATIENCE) == Send(SECOND)


def test_what_hangs_is_sent_again_and_bumped_later() -> None:
    """Sent bytes wait, go out again after a while, and after a longer one are followed by higher fees."""
    one = submission(Sent(), FIRST, SECOND, sent_at_s=155)
    assert next_step(one, facts(164), PATIENCE) == Wait("sent, waits for a block")
    assert next_step(one, facts(165), PATIENCE) == Send(SECOND)
    assert next_step(one, facts(189), PATIENCE) == Send(SECOND)
    assert next_step(one, facts(190), PATIENCE) == Bump(SECOND)


def test_a_clock_that_was_put_back_sends_again() -> None:
    """Bytes that went out in the future of our clock are sent again: the same bytes are always safe."""
    assert next_step(submission(Sent(), FIRST, sent_at_s=500), facts(50), PATIENCE) == Send(FIRST)


def test_confirmations_are_counted_and_the_block_compared() -> None:
    """A mined one waits for its confirmations; its block is compared each time, and another one sends it again."""
    one = submission(STAGES[Mined])
    assert next_step(one, facts(head=BlockNumber(10), hash_there=BLOCK_HASH), PATIENCE) == Wait("2 of 5 confirmations")
    assert next_step(one, facts(head=BlockNumber(13), hash_there=BLOCK_HASH), PATIENCE) == Note(WasConfirmed())
    step = next_step(one, facts(head=BlockNumber(30), hash_there=TX), PATIENCE)
    assert isinstance(step, Note)
    assert isinstance(step.happening, WasReorged)
    assert isinstance(next_step(one, facts(head=BlockNumber(8)), PATIENCE), Wait)


@given(
    stage=st.sampled_from([Signed(), Sent()]),
    now_s=st.integers(0, 10_000),
    spent=st.integers(0, 10),
    sent_at_s=st.integers(0, 10_000),
)
def test_a_signed_one_is_never_signed_anew(stage: Stage, now_s: int, spent: int, sent_at_s: int) -> None:
    """Once a nonce is taken nothing gives the submission another one: it is sent, bumped, noted or waited for."""
    step = next_step(submission(stage, sent_at_s=sent_at_s), facts(now_s, spent=spent), PATIENCE)
    assert not isinstance(step, Sign)


@pytest.mark.parametrize("kind", STAGES)
def test_under_way_is_what_may_be_anywhere(kind: type[Stage]) -> None:
    """A submission is under way from its signature until its outcome is final."""
    assert submission(STAGES[kind]).is_under_way == (kind in (Signed, Sent, Mined))
