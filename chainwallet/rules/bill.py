"""The life of a bill: what its people answer, what state follows from that, and what may still become of it.

A bill is a lineage of versions. Whom the current version charges (a net below zero) answers to it, as often as they
like: only the latest answer counts. Everything here follows from lines, answers and the states of the bill's debts;
nothing of it is stored.

| state | when | counts in balances | in plans |
|---|---|---|---|
| deleted | it has a tombstone, which can be taken away | no | no |
| disputed | somebody charged rejects it or proposes another split | apart | no |
| open | somebody charged has not accepted yet; guests have not until they are claimed | apart, as pending | no |
| accepted | all charged have accepted | yes | yes |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from chainwallet.errors import BadValue, BillDisputed, BillLocked, BillSettled, StaleVersion, TooLate
from chainwallet.rules.money import Money
from chainwallet.rules.split import BillLine
from chainwallet.rules.terms import AnySplit, Terms, same_money, with_split
from chainwallet.rules.text import clean_line

MAX_REASON_CHARS = 500

BillState: TypeAlias = Literal["deleted", "disputed", "open", "accepted"]
DebtState: TypeAlias = Literal["open", "locked", "paying", "settled"]
"""``locked``: in a plan under way; ``paying``: a payment of it is under way; ``settled``: cleared, paid or recorded."""


@dataclass(frozen=True)
class Accepted:
    """Agrees to the version."""


@dataclass(frozen=True)
class Rejected:
    """Does not agree, for ``reason`` (as ``clean_line`` leaves it, up to ``MAX_REASON_CHARS``)."""

    reason: str

    def __post_init__(self) -> None:
        _check_reason(self.reason)


@dataclass(frozen=True)
class Proposed:
    """Would agree to the same bill divided by ``split``, for ``reason``."""

    split: AnySplit
    reason: str

    def __post_init__(self) -> None:
        _check_reason(self.reason)


@dataclass(frozen=True)
class Withdrawn:
    """Takes a rejection or proposal back, and is as if there had been no answer."""


Answer: TypeAlias = Accepted | Rejected | Proposed | Withdrawn


@dataclass(frozen=True)
class Standing:
    """How a version of a bill stands; everyone of ``charged`` is in just one of the three tuples after it."""

    state: BillState
    charged: tuple[str, ...]
    accepted: tuple[str, ...]
    disputing: tuple[str, ...]
    asked: tuple[str, ...]
    """Who has not answered yet."""


def charged(lines: Iterable[BillLine]) -> tuple[str, ...]:
    """The members who owe something by these lines, in their order."""
    return tuple(line.person for line in lines if line.net.amount_minor < 0)


def standing(lines: Iterable[BillLine], answers: Mapping[str, Answer], *, is_deleted: bool = False) -> Standing:
    """How a version stands with the latest ``answers`` to it by member, carried ones among them.

    Answers of members whom it does not charge have no influence.
    """
    owing = charged(lines)
    accepted = tuple(member for member in owing if isinstance(answers.get(member), Accepted))
    disputing = tuple(member for member in owing if isinstance(answers.get(member), Rejected | Proposed))
    asked = tuple(member for member in owing if isinstance(answers.get(member, Withdrawn()), Withdrawn))
    state: BillState = "accepted"
    if is_deleted:
        state = "deleted"
    elif disputing:
        state = "disputed"
    elif asked:
        state = "open"
    return Standing(state, owing, accepted, disputing, asked)


def first_answers(lines: Iterable[BillLine], author: str) -> dict[str, Answer]:
    """The answers with which a bill begins: its author's own line counts as accepted."""
    return {author: Accepted()} if author in charged(lines) else {}


def carried_over(
    old_lines: Iterable[BillLine], new_lines: Iterable[BillLine], old_answers: Mapping[str, Answer], author: str
) -> dict[str, Answer]:
    """The answers with which an amended version begins.

    Who had accepted and has the same net as before keeps that; the ``author`` of the amendment accepts by it. All
    others whom the new version charges are asked again: those whose net changed, and whoever disputed.
    """
    old_nets = {line.person: line.net for line in old_lines}
    answers: dict[str, Answer] = {}
    for line in new_lines:
        if line.net.amount_minor < 0:
            keeps = isinstance(old_answers.get(line.person), Accepted) and old_nets.get(line.person) == line.net
            if keeps or line.person == author:
                answers[line.person] = Accepted()
    return answers


def after_answer(
    terms: Terms, lines: Iterable[BillLine], answers: Mapping[str, Answer], member: str, answer: Answer
) -> dict[str, Answer]:
    """The latest answers once ``member`` gave ``answer`` to the version with these ``terms`` and ``lines``.

    Raises ``BadValue``: ``member`` for one whom the version does not charge; ``answer`` for a withdrawal of nothing;
    ``split`` for a proposal that changes nobody's money, and what ``Terms`` raises for one that cannot be.
    """
    if member not in charged(lines):
        raise BadValue("member", member, "somebody whom this version of the bill charges")
    if isinstance(answer, Withdrawn) and not isinstance(answers.get(member), Rejected | Proposed):
        raise BadValue("answer", "withdrawn", "a rejection or proposal before it")
    if isinstance(answer, Proposed) and same_money(terms, with_split(terms, answer.split)):
        raise BadValue("split", "the same", "a split that changes somebody's share")
    return {**answers, member: answer}


# ------------------------------------------------------------------------------------------------ what is allowed


def check_version(bill: str, given: int, current: int) -> None:
    """Raises ``StaleVersion`` where ``given`` is not the bill's ``current`` version."""
    if given != current:
        raise StaleVersion(bill, given, current)


def same_debts(old_lines: Iterable[BillLine], new_lines: Iterable[BillLine]) -> bool:
    """Whether nobody's net is another: such an amendment keeps the debts of the bill, whatever became of them."""
    return _open_nets(old_lines) == _open_nets(new_lines)


def check_may_amend(
    bill: str, old_lines: Iterable[BillLine], new_lines: Iterable[BillLine], debts: Iterable[DebtState]
) -> None:
    """Whether a version with ``new_lines`` may follow, given the states of the bill's ``debts``.

    One that changes nobody's net always may. Raises ``BillSettled`` and ``BillLocked`` as ``check_unmoved``.
    """
    if not same_debts(old_lines, new_lines):
        check_unmoved(bill, "amended", debts)


def check_may_delete(bill: str, debts: Iterable[DebtState]) -> None:
    """Whether the bill may be deleted; raises ``BillSettled`` and ``BillLocked`` as ``check_unmoved``."""
    check_unmoved(bill, "deleted", debts)


def check_may_reverse(bill: str, state: BillState) -> None:
    """Whether a bill may be made that reverses this one; raises ``TooLate`` for a deleted one.

    The states of its debts do not matter: the reversal has debts of its own.
    """
    if state == "deleted":
        raise TooLate(f"bill {bill}", "it is deleted")


def check_may_dispute(bill: str, own_debts: Iterable[DebtState]) -> None:
    """Whether a member may reject the bill or propose another split, given the states of their own debts of it.

    Raises ``BillSettled`` and ``BillLocked`` as ``check_unmoved``.
    """
    check_unmoved(bill, "disputed", own_debts)


def check_may_settle(bill: str, standing_: Standing, debt: DebtState) -> None:
    """Whether one debt of the bill may be paid by itself, or recorded as paid elsewhere. An open bill's may.

    Raises ``TooLate`` for a deleted bill, ``BillDisputed``, and ``BillSettled`` and ``BillLocked`` as
    ``check_unmoved``.
    """
    if standing_.state == "deleted":
        raise TooLate(f"bill {bill}", "it is deleted")
    if standing_.state == "disputed":
        raise BillDisputed(bill, standing_.disputing)
    check_unmoved(bill, "paid", [debt])


def is_clearable(state: BillState, debt: DebtState) -> bool:
    """Whether a debt may be in a new plan: its bill is accepted, and nothing else is under way with it."""
    return state == "accepted" and debt == "open"


def check_unmoved(bill: str, what: str, debts: Iterable[DebtState]) -> None:
    """Raises ``BillSettled`` where one of ``debts`` is settled, ``BillLocked`` where one is locked or paying.

    ``what`` was asked for (``amended``): the bill cannot be that.
    """
    states = set(debts)
    if "settled" in states:
        raise BillSettled(bill, what)
    for under_way in ("paying", "locked"):
        if under_way in states:
            raise BillLocked(bill, what, under_way)


def _open_nets(lines: Iterable[BillLine]) -> dict[str, Money]:
    return {line.person: line.net for line in lines if line.net.amount_minor}


def _check_reason(reason: str) -> None:
    if reason != clean_line(reason, "reason", MAX_REASON_CHARS):
        raise BadValue("reason", reason[:64], "a text in Unicode's NFC, without space around it")
