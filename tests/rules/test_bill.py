"""A bill's state follows from its answers, and what may become of it from its debts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from chainwallet.errors import BadValue, BillDisputed, BillLocked, BillSettled, StaleVersion, TooLate
from chainwallet.rules.bill import (
    Accepted,
    Answer,
    BillState,
    DebtState,
    Proposed,
    Rejected,
    Standing,
    Withdrawn,
    after_answer,
    carried_over,
    charged,
    check_may_amend,
    check_may_delete,
    check_may_dispute,
    check_may_reverse,
    check_may_settle,
    check_version,
    first_answers,
    is_clearable,
    same_debts,
    standing,
)
from chainwallet.rules.money import Money, currency_of, parse_money
from chainwallet.rules.split import BillLine, Equal, Exact, Shares
from chainwallet.rules.terms import Terms, lines

EUR, JPY = currency_of("EUR"), currency_of("JPY")


def eur(text: str) -> Money:
    return parse_money(text, EUR)


def lines_of(terms: Terms) -> tuple[BillLine, ...]:
    return lines(terms, b"lineage")


TAXI = Terms("Taxi", "", date(2026, 11, 27), eur("30"), Equal(("ana", "bob", "eve")), {"eve": eur("30")})
LINES = lines_of(TAXI)
YES, NO = Accepted(), Rejected("I walked")
ELSE = Proposed(Equal(("bob", "eve")), "Ana walked")


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ({}, "open"),
        ({"ana": YES}, "open"),
        ({"ana": YES, "bob": YES}, "accepted"),
        ({"ana": YES, "bob": NO}, "disputed"),
        ({"ana": ELSE}, "disputed"),
        ({"ana": Withdrawn(), "bob": YES}, "open"),
        ({"ana": YES, "bob": YES, "eve": NO}, "accepted"),
    ],
)
def test_the_state_follows_from_the_answers(answers: Mapping[str, Answer], state: BillState) -> None:
    """A bill is disputed while one charged disputes it, accepted when all accept, and open until then."""
    assert standing(LINES, answers).state == state
    assert standing(LINES, answers, is_deleted=True).state == "deleted"


def test_everyone_charged_stands_somewhere() -> None:
    """Those whom a bill charges have accepted, dispute it, or are asked; creditors are not."""
    assert charged(LINES) == ("ana", "bob")
    assert standing(LINES, {"bob": NO}) == Standing("disputed", ("ana", "bob"), (), ("bob",), ("ana",))
    assert standing(LINES, {"ana": YES}) == Standing("open", ("ana", "bob"), ("ana",), (), ("bob",))


def test_a_bill_that_charges_nobody_is_accepted() -> None:
    """A bill that its only person paid needs nobody's answer."""
    own = replace(TAXI, split=Equal(("eve",)))
    assert standing(lines_of(own), {}).state == "accepted"


def test_the_author_accepts_by_writing() -> None:
    """An author whom the bill charges counts as having accepted; one who is owed is not asked."""
    assert first_answers(LINES, "ana") == {"ana": YES}
    assert first_answers(LINES, "eve") == {}


def test_an_amendment_asks_only_those_whose_net_changed() -> None:
    """Acceptances carry over where the net is the same; the others are asked again, and whoever disputed."""
    amended = lines_of(replace(TAXI, split=Exact({"ana": eur("10"), "bob": eur("12"), "eve": eur("8")})))
    assert carried_over(LINES, amended, {"ana": YES, "bob": YES}, author="eve") == {"ana": YES}
    assert carried_over(LINES, amended, {"ana": NO, "bob": YES}, author="eve") == {}
    assert carried_over(LINES, amended, {"ana": ELSE}, author="ana") == {"ana": YES}
    same = lines_of(replace(TAXI, title="Taxi to the port"))
    assert carried_over(LINES, same, {"ana": YES, "bob": NO}, author="eve") == {"ana": YES}
    assert carried_over(LINES, same, {"ana": Withdrawn()}, author="eve") == {}


def test_an_amendment_to_another_currency_asks_all() -> None:
    """The same number in another currency is another net."""
    yen = Money(3_000, JPY)
    other = lines_of(replace(TAXI, total=yen, payers={"eve": yen}))
    assert carried_over(LINES, other, {"ana": YES, "bob": YES}, author="eve") == {}
    assert not same_debts(LINES, other)


def test_the_latest_answer_counts() -> None:
    """A member may answer again: a rejection can be withdrawn, and a withdrawal be followed by an acceptance."""
    answers: dict[str, Answer] = {}
    states = []
    for answer in (NO, ELSE, Withdrawn(), YES, NO):
        answers = after_answer(TAXI, LINES, answers, "ana", answer)
        states.append(standing(LINES, {**answers, "bob": YES}).state)
    assert states == ["disputed", "disputed", "open", "accepted", "disputed"]


@pytest.mark.parametrize(
    ("member", "answer", "field"),
    [
        ("eve", YES, "member"),
        ("gus", NO, "member"),
        ("ana", Withdrawn(), "answer"),
        ("ana", Proposed(Shares({"ana": 2, "bob": 2, "eve": 2}), "the same"), "split"),
        ("ana", Proposed(Exact({"ana": eur("1")}), "too little"), "exact"),
        ("ana", Proposed(Equal(("ana", "ana")), "twice"), "people"),
    ],
)
def test_an_answer_that_cannot_be_given(member: str, answer: Answer, field: str) -> None:
    """Who is not charged has no answer; nothing cannot be withdrawn; a proposal is another split that can be."""
    with pytest.raises(BadValue) as refused:
        after_answer(TAXI, LINES, {}, member, answer)
    assert refused.value.field == field


@pytest.mark.parametrize("reason", ["", " I walked", "x" * 501, "a\u202eb"])
def test_a_dispute_has_a_reason(reason: str) -> None:
    """A rejection or proposal says why, in a text that hides nothing."""
    with pytest.raises(BadValue, match="reason"):
        Rejected(reason)
    with pytest.raises(BadValue, match="reason"):
        Proposed(Equal(("ana",)), reason)


def test_an_answer_names_the_current_version() -> None:
    """What is said of a version that is not the current one is refused with both numbers."""
    check_version("b1", given=2, current=2)
    with pytest.raises(StaleVersion) as refused:
        check_version("b1", given=1, current=2)
    assert (refused.value.bill, refused.value.given, refused.value.current) == ("b1", 1, 2)


MOVED: list[tuple[tuple[DebtState, ...], type[Exception]]] = [
    (("open", "locked"), BillLocked),
    (("paying",), BillLocked),
    (("open", "settled", "locked"), BillSettled),
]


@pytest.mark.parametrize(("debts", "error"), MOVED)
def test_settled_is_never_unsettled_by_an_edit(debts: tuple[DebtState, ...], error: type[Exception]) -> None:
    """A bill with debts settled or under way is not amended, deleted or disputed; its texts may still change."""
    other = lines_of(replace(TAXI, split=Equal(("bob", "eve"))))
    with pytest.raises(error, match="amended"):
        check_may_amend("b1", LINES, other, debts)
    with pytest.raises(error, match="deleted"):
        check_may_delete("b1", debts)
    with pytest.raises(error, match="disputed"):
        check_may_dispute("b1", debts)
    check_may_amend("b1", LINES, lines_of(replace(TAXI, title="Cab")), debts)


def test_a_bill_with_open_debts_may_change() -> None:
    """While all its debts are open, a bill may be amended, deleted and disputed."""
    other = lines_of(replace(TAXI, split=Equal(("bob", "eve"))))
    check_may_amend("b1", LINES, other, ["open", "open"])
    check_may_delete("b1", [])
    check_may_dispute("b1", ["open"])


def test_a_lock_says_what_is_under_way() -> None:
    """A locked bill's refusal tells a plan from a payment."""
    with pytest.raises(BillLocked, match="while a plan with its debts is under way"):
        check_may_delete("b1", ["locked"])
    with pytest.raises(BillLocked, match="while a payment with its debts is under way"):
        check_may_delete("b1", ["locked", "paying"])


def test_any_bill_but_a_deleted_one_may_be_reversed() -> None:
    """A reversal has debts of its own, so the state of the bill's own debts does not matter."""
    check_may_reverse("b1", "accepted")
    check_may_reverse("b1", "disputed")
    with pytest.raises(TooLate):
        check_may_reverse("b1", "deleted")


def test_a_share_is_paid_once_and_undisputed() -> None:
    """A debt may be paid by itself unless its bill is disputed or deleted, or it is paid or in a plan already."""
    check_may_settle("b1", standing(LINES, {}), "open")
    with pytest.raises(BillDisputed) as refused:
        check_may_settle("b1", standing(LINES, {"bob": NO}), "open")
    assert refused.value.by == ("bob",)
    with pytest.raises(TooLate):
        check_may_settle("b1", standing(LINES, {}, is_deleted=True), "open")
    with pytest.raises(BillSettled):
        check_may_settle("b1", standing(LINES, {}), "settled")
    with pytest.raises(BillLocked):
        check_may_settle("b1", standing(LINES, {}), "locked")


def test_only_open_debts_of_accepted_bills_are_cleared() -> None:
    """A plan is made of accepted, undisputed bills, and of debts with which nothing else is under way."""
    states: tuple[BillState, ...] = ("accepted", "open", "disputed", "deleted")
    debts: tuple[DebtState, ...] = ("open", "locked", "paying", "settled")
    assert [(s, d) for s in states for d in debts if is_clearable(s, d)] == [("accepted", "open")]
