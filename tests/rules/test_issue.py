"""How top-ups and withdrawals stand: the tables in full, and references that can be told apart."""

from itertools import product
from typing import get_args

import pytest

from chainwallet.errors import BadValue
from chainwallet.evm import BlockNumber, Hash32
from chainwallet.rules import promise, submission
from chainwallet.rules.issue import (
    MAX_REFERENCE_CHARS,
    STAGES,
    AwaitsPayment,
    Call,
    Done,
    Executed,
    Final,
    NotPaid,
    Refused,
    Return,
    Returned,
    Returning,
    Stage,
    UnderWay,
    checked_reference,
    payback_id,
    topup_stage,
    withdrawal_stage,
)
from chainwallet.rules.submission import Conflict, Failed, Mined, Queued, Sent, Signed

TX, BLOCK = Hash32(b"\x07" * 32), BlockNumber(9)
PLACE = (TX, BLOCK, Hash32(b"\x09" * 32), 21_000, None)
CALLS: tuple[submission.Stage, ...] = (
    Queued(), Signed(), Sent(), Mined(*PLACE, ""), submission.Final(*PLACE), Failed(None, "paused"), Conflict("used"),
)  # fmt: skip
EXECUTION = promise.Execution(TX, BLOCK, Hash32(b"\x09" * 32))
PAYMENTS: tuple[promise.Stage, ...] = (
    promise.Offered(), promise.Queued(), promise.Carried(1), promise.Canceling(), promise.Executed(EXECUTION),
    promise.Final(EXECUTION), promise.Canceled(), promise.Expired(),
)  # fmt: skip
DONE, DEEP = Done(TX, BLOCK, is_final=False), Done(TX, BLOCK, is_final=True)


def test_every_stage_is_here() -> None:
    """The tests below go through every stage of payments and submissions, and each outcome has a name."""
    assert {type(one) for one in CALLS} == set(get_args(submission.Stage))
    assert {type(one) for one in PAYMENTS} == set(get_args(promise.Stage))
    assert set(STAGES) == set(get_args(Stage))


@pytest.mark.parametrize("stage", [None, *CALLS], ids=lambda one: type(one).__name__)
def test_only_the_facts_say_that_money_was_made(stage: submission.Stage | None) -> None:
    """Whatever became of our transaction, a top-up is executed where the facts say so and nowhere else."""
    call = None if stage is None else Call(stage)
    assert topup_stage(call, DONE) == Executed(DONE)
    assert topup_stage(call, DEEP) == Final(DEEP)
    assert not isinstance(topup_stage(call, None), Executed | Final)


@pytest.mark.parametrize("stage", CALLS, ids=lambda one: type(one).__name__)
def test_a_refusal_says_why_and_what_is_under_way_says_what_it_waits_for(stage: submission.Stage) -> None:
    """A top-up without effect is refused with the reason; every other one waits, and says for what."""
    found = topup_stage(Call(stage), None)
    if isinstance(stage, Failed | Conflict):
        assert found == Refused(stage.reason)
        return
    assert isinstance(found, UnderWay)
    assert found.waits
    assert topup_stage(Call(stage, "relayer out of gas"), None) == UnderWay("relayer out of gas")


def test_nothing_is_burned_before_the_payment_is_final() -> None:
    """A withdrawal without a burn waits for its payment, is void where that ended unpaid, and due once it is final."""
    expected: dict[type[promise.Stage], type[Stage]] = {
        promise.Final: UnderWay,
        promise.Canceled: NotPaid,
        promise.Expired: NotPaid,
    }
    for payment in PAYMENTS:
        found = withdrawal_stage(payment, "cancelled", None, None, None)
        assert type(found) is expected.get(type(payment), AwaitsPayment)
    assert withdrawal_stage(promise.Canceled(), "cancelled", None, None, None) == NotPaid("cancelled")


def test_a_burn_and_a_payment_back_decide_before_all_else() -> None:
    """What was burned is burned, what is given back is given back, whatever the payment and the submission say."""
    for payment, stage in product(PAYMENTS, CALLS):
        call = Call(stage)
        assert withdrawal_stage(payment, "", call, DEEP, None) == Final(DEEP)
        assert withdrawal_stage(payment, "", call, None, None) == topup_stage(call, None)
        back = Return("payback:1", promise.Queued(), "waits")
        assert withdrawal_stage(payment, "", call, None, back) == Returning("payback:1", "waits")
        back = Return("payback:1", promise.Final(EXECUTION))
        assert withdrawal_stage(payment, "", call, None, back) == Returned("payback:1")


@pytest.mark.parametrize("text", ["", " 1", "a b", "../x", "é", "1/2", "x" * 91, "-1", "1\n", "a\u202eb"])
def test_a_reference_that_could_be_misread_is_refused(text: str) -> None:
    """A bank reference is plain letters, digits and a few signs: nothing invisible, nothing that an address changes."""
    with pytest.raises(BadValue) as refusal:
        checked_reference(text)
    assert refusal.value.field == "reference"


def test_the_longest_reference_gives_an_id_that_a_payment_may_have() -> None:
    """The payment that gives a withdrawal's money back is named after its reference, however long that is."""
    assert len(payback_id(checked_reference("R" * MAX_REFERENCE_CHARS))) <= 100
