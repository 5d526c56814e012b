"""How a part of a request stands, when the service reminds by itself, and what people are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, checksum
from chainwallet.formats.eip681 import transfer_request
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.promise import (
    Canceled,
    Canceling,
    Carried,
    Executed,
    Execution,
    Expired,
    Final,
    Offered,
    Queued,
    Stage,
)
from chainwallet.rules.request import (
    DAY_S,
    LONGEST_S,
    PartStage,
    Terms,
    check_deadline,
    may_remind,
    part_stage,
    payment_id,
    reminds_at_s,
    told_asked,
    told_over,
)

DONE = Execution(Hash32(bytes(32)), BlockNumber(7), Hash32(bytes(32)))
UNDER_WAY: list[Stage] = [Offered(), Queued(), Carried(1), Canceling(), Executed(DONE)]
UNPAID: list[Stage | None] = [None, Canceled(), Expired()]
OPEN = Terms(is_canceled=False, is_declined=False, deadline_s=None)
ANY_TERMS = st.builds(Terms, st.booleans(), st.booleans(), st.none() | st.integers(0, 20))


@given(ANY_TERMS, st.integers(0, 20))
def test_a_payment_goes_before_all_else(terms: Terms, now_s: int) -> None:
    """Whatever became of the request, a part whose payment is final is paid, else while one is under way paying."""
    assert part_stage(terms, Final(DONE), now_s) == "paid"
    assert {part_stage(terms, stage, now_s) for stage in UNDER_WAY} == {"paying"}


@pytest.mark.parametrize("payment", UNPAID)
@pytest.mark.parametrize(
    ("terms", "stage"),
    [
        (OPEN, "asked"),
        (Terms(False, False, 11), "asked"),
        (Terms(False, False, 10), "expired"),
        (Terms(False, True, 10), "declined"),
        (Terms(True, True, 10), "canceled"),
    ],
)
def test_without_one_the_request_says_it(terms: Terms, stage: PartStage, payment: Stage | None) -> None:
    """Without a payment, or after one that ended unpaid, a part is taken back, declined, over or still asked for."""
    assert part_stage(terms, payment, 10) == stage


def test_attempts_have_ids_of_their_own() -> None:
    """The first payment of a part is named by the part, each further one also by its number."""
    assert [payment_id("ab", attempt) for attempt in (1, 2, 10)] == ["request:ab", "request:ab:2", "request:ab:10"]


@given(st.integers(0, 2**40), st.integers(1, LONGEST_S))
def test_the_service_reminds_within_the_time(made_at_s: int, lasts_s: int) -> None:
    """A request with a deadline reminds before it, at most a day before, and not in the first half of its time."""
    reminds = reminds_at_s(made_at_s, made_at_s + lasts_s)
    assert reminds is not None
    assert made_at_s + lasts_s // 2 <= reminds < made_at_s + lasts_s
    assert made_at_s + lasts_s - reminds <= DAY_S
    assert reminds_at_s(made_at_s, None) is None


def test_nobody_is_reminded_twice_a_day() -> None:
    """A day lies between two reminders of one part; the first may come at once."""
    assert [may_remind(at, 10 + DAY_S) for at in (None, 10, 11)] == [True, True, False]


@pytest.mark.parametrize("deadline_s", [0, 100, 101 + LONGEST_S])
def test_a_deadline_is_ahead_and_in_sight(deadline_s: int) -> None:
    """A deadline that is over, or years away, is refused with what is possible."""
    with pytest.raises(BadValue, match=r"deadline: got '.*', expected a time after 1970-01-01T00:01:40Z and not after"):
        check_deadline(deadline_s, 100)
    assert check_deadline(101, 100) == 101


def test_what_people_are_told_is_short() -> None:
    """A long note is cut in what is told of it; none leaves nothing behind."""
    amount = Money(2000, currency_of("EUR"))
    assert told_asked("@ana", amount, None) == "@ana asks you for 20.00 EUR"
    words = told_asked("@ana", amount, "x" * 280)
    assert words.endswith("xxx…")
    assert len(words) == len("@ana asks you for 20.00 EUR: ") + 80
    assert told_over(2, "") == "the time is over and 2 parts are not paid"


def test_other_wallets_are_asked_as_eip_681_says() -> None:
    """The text is that of the EIP's own example of a token transfer, with the chain and checksums."""
    texts = ("89205a3a3b2a69de6dbf7f01ed13b2108b2c43e7", "8e23ee67d1332ad560396262c48ffbb01f93d052")
    token, payee = (Address(bytes.fromhex(text)) for text in texts)
    text = transfer_request(token, 1, payee, 1)
    assert text.lower() == f"ethereum:0x{texts[0]}@1/transfer?address=0x{texts[1]}&uint256=1"
    assert checksum(token) in text
    assert checksum(payee) in text
