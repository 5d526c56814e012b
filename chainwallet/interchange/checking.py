"""Checking a group's file: what follows from something else in it is computed again, and signatures are verified.

What nobody can compute (names, times, reasons, and where a chain carried something out) is as the file says; the hash
over all of it shows that it is as it was written.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar, get_args

from chainwallet.bills.paying import payment_id
from chainwallet.bills.record import answer_of, debts_from, said_from, stored_state, version_of
from chainwallet.bills.writing import MOST_BILLS
from chainwallet.errors import BadValue, Refused
from chainwallet.evm import to_hex
from chainwallet.formats.group_document import KeptAnswer, KeptBill, KeptDebt, KeptGroup, KeptLine, group_hash
from chainwallet.groups.tools import MOST_NAME_CHARS
from chainwallet.interchange.proving import check_payment, check_plans, same
from chainwallet.rules import bill as life
from chainwallet.rules.bill import MAX_REASON_CHARS, Answer
from chainwallet.rules.canonical import canonical
from chainwallet.rules.money import Money
from chainwallet.rules.split import BillLine
from chainwallet.rules.terms import Terms, check_members, lines, tie_break, with_split
from chainwallet.rules.terms_document import from_document, split_document, split_of, terms_hash
from chainwallet.rules.text import clean_line
from chainwallet.store.bills import AnswerKind, Bill, Said, Version
from chainwallet.store.debts import Debt
from chainwallet.store.members import GroupKind, MemberRole

MOST_PEOPLE = 1_000  # of a file, those who left among them

_ID = re.compile(r"[0-9a-f]{16}")
_LINEAGE = re.compile(r"[0-9a-f]{64}")
_Made = TypeVar("_Made")


@dataclass(frozen=True)
class CheckedBill:
    """A bill of a file as it is stored; ``kept`` is as the file has it, with how its ``debts`` were settled."""

    bill: Bill
    versions: tuple[Version, ...]
    said: tuple[Said, ...]
    debts: tuple[Debt, ...]
    kept: KeptBill


@dataclass(frozen=True)
class _Read:
    """A version's terms and everyone's line in it."""

    terms: Terms
    lines: tuple[BillLine, ...]


def checked(group: KeptGroup) -> tuple[CheckedBill, ...]:
    """The bills of ``group``. Raises ``BadValue`` with the path of the first thing that is not as it must be."""
    _require(_ID, "id", group.id)
    _one_of("type", group.type, get_args(GroupKind))
    _clean("name", group.name, MOST_NAME_CHARS)
    people = _people(group)
    if len(group.bills) > MOST_BILLS:
        raise BadValue("bills", len(group.bills), f"at most {MOST_BILLS} in a group")
    ids = {bill.id for bill in group.bills}
    _all_differ("bills", [bill.id for bill in group.bills])
    bills = []
    for index, bill in enumerate(group.bills):
        path = f"bills[{index}]"
        if bill.reverses is not None and bill.reverses not in ids:
            raise BadValue(f"{path}.reverses", bill.reverses, "a bill of the file")
        bills.append(_bill(path, bill, group.id, people))
    check_plans(group, people)
    same("hash", group.hash, group_hash(group))
    return tuple(bills)


@contextmanager
def _under(path: str) -> Iterator[None]:
    """What is refused within is refused as a field under ``path``."""
    try:
        yield
    except BadValue as bad:
        raise BadValue(f"{path}.{bad.field}", bad.value, bad.expected) from None
    except Refused as refused:
        raise BadValue(path, str(refused), "a value that bills can have") from None


def _people(group: KeptGroup) -> Collection[str]:
    if len(group.members) > MOST_PEOPLE:
        raise BadValue("members", len(group.members), f"at most {MOST_PEOPLE}")
    for index, one in enumerate(group.members):
        path = f"members[{index}]"
        _require(_ID, f"{path}.id", one.id)
        _one_of(f"{path}.role", one.role, get_args(MemberRole))
        _clean(f"{path}.name", one.name, MOST_NAME_CHARS)
    _all_differ("members", [one.id for one in group.members])
    _all_differ("members", [one.name for one in group.members])
    return {one.id for one in group.members}


def _bill(path: str, kept: KeptBill, group_id: str, people: Collection[str]) -> CheckedBill:
    _require(_ID, f"{path}.id", kept.id)
    _require(_LINEAGE, f"{path}.lineage", kept.lineage)
    if not kept.versions:
        raise BadValue(f"{path}.versions", "none", "one at least")
    first = kept.versions[0]
    same(f"{path}.created_by", kept.created_by, first.made_by)
    same(f"{path}.created_at_s", kept.created_at_s, first.made_at_s)
    bill = Bill(
        id=kept.id,
        group_id=group_id,
        lineage=kept.lineage,
        created_by=kept.created_by,
        created_at_s=kept.created_at_s,
        version=len(kept.versions),
        reverses=kept.reverses,
        deleted_at_s=kept.deleted_at_s,
    )
    read = [_version(f"{path}.versions[{index}]", kept, index, people) for index in range(len(kept.versions))]
    versions = tuple(
        version_of(bill, number, one.terms, one.lines, made.made_by, made.made_at_s, made.reason)
        for number, (one, made) in enumerate(zip(read, kept.versions, strict=True), 1)
    )
    answers: dict[str, Answer] = {}
    said = []
    for index, one in enumerate(kept.answers):
        answer = _answer(f"{path}.answers[{index}]", one, read, people)
        said.append(said_from(bill, one.version, one.member, answer, one.at_s, is_carried_over=one.is_carried_over))
        if one.version == bill.version:
            answers[one.member] = answer
    state = stored_state(life.standing(read[-1].lines, answers))
    same(f"{path}.state", kept.state, state)
    owed = debts_from(bill, _since(read), read[-1].lines, read[-1].terms.currency)
    _check_debts(path, kept, owed, read[-1].terms)
    return CheckedBill(replace(bill, state=state), versions, tuple(said), owed, kept)


def _version(path: str, bill: KeptBill, index: int, people: Collection[str]) -> _Read:
    kept = bill.versions[index]
    _among(f"{path}.made_by", kept.made_by, people)
    if kept.reason is not None:
        _clean(f"{path}.reason", kept.reason, MAX_REASON_CHARS)
    with _under(f"{path}.terms"):
        terms = from_document(kept.terms)
        check_members(terms, people)
        of_lines = lines(terms, tie_break(bill.lineage))
    same(f"{path}.hash", kept.hash, to_hex(terms_hash(terms)))
    true = sorted((KeptLine(one.person, one.share.decimal, one.paid.decimal) for one in of_lines), key=_member)
    _each_same(f"{path}.lines", kept.lines, true)
    return _Read(terms, of_lines)


def _answer(path: str, kept: KeptAnswer, versions: Sequence[_Read], people: Collection[str]) -> Answer:
    _one_of(f"{path}.answer", kept.answer, get_args(AnswerKind))
    if not 1 <= kept.version <= len(versions):
        raise BadValue(f"{path}.version", kept.version, f"1 to {len(versions)}")
    of = versions[kept.version - 1]
    _among(f"{path}.member", kept.member, life.charged(of.lines))
    needed = {"reason": kept.answer in ("rejected", "proposed"), "proposal": kept.answer == "proposed"}
    for name, is_needed in needed.items():
        if (getattr(kept, name) is not None) != is_needed:
            raise BadValue(f"{path}.{name}", getattr(kept, name), "one" if is_needed else f"none for {kept.answer}")
    proposal = None
    if kept.proposal is not None:
        with _under(f"{path}.proposal"):
            split = split_of(kept.proposal, of.terms.currency)
            check_members(with_split(of.terms, split), people)
        same(f"{path}.proposal", kept.proposal, split_document(split))
        proposal = canonical(kept.proposal).decode("utf-8")
    with _under(path):
        return answer_of(
            Said("", kept.version, kept.member, _kind(kept.answer), kept.at_s, kept.reason, proposal),
            of.terms.currency,
        )


def _check_debts(path: str, bill: KeptBill, true: Sequence[Debt], terms: Terms) -> None:
    plain = [KeptDebt(one.debtor, one.creditor, one.amount, one.since_version) for one in bill.debts]
    expected = [
        KeptDebt(one.debtor, one.creditor, Money(one.amount_minor, terms.currency).decimal, one.since_version)
        for one in true
    ]
    _each_same(f"{path}.debts", plain, expected)
    for index, (kept, debt) in enumerate(zip(bill.debts, true, strict=True)):
        at = f"{path}.debts[{index}]"
        if bill.deleted_at_s is not None and (kept.elsewhere or kept.payment or kept.plan):
            raise BadValue(at, "settled", "an open one, in a deleted bill")
        if kept.elsewhere is not None:
            same(f"{at}.elsewhere.said_by", kept.elsewhere.said_by, debt.creditor)
            if kept.elsewhere.note is not None:
                _clean(f"{at}.elsewhere.note", kept.elsewhere.note, MAX_REASON_CHARS)
        if kept.payment is not None:
            first = payment_id(bill.id, debt.creditor, 1)
            if re.fullmatch(rf"{first}(:[0-9]{{1,6}})?", kept.payment.id) is None:
                raise BadValue(f"{at}.payment.id", kept.payment.id[:64], f"{first}, as follows from the debt")
            check_payment(f"{at}.payment", kept.payment, Money(debt.amount_minor, terms.currency))


def _since(versions: Sequence[_Read]) -> int:
    """The number of the version whose debts still count in the last."""
    since = 1
    for number, (before, after) in enumerate(pairwise(versions), 2):
        if not life.same_debts(before.lines, after.lines):
            since = number
    return since


# ------------------------------------------------------------------------------------------------ values


def _each_same(path: str, given: Sequence[_Made], true: Sequence[_Made]) -> None:
    for index, (one, other) in enumerate(zip(given, true, strict=False)):
        for name, value in vars(one).items():
            same(f"{path}[{index}].{name}", value, getattr(other, name))
    same(path, len(given), len(true))


def _require(pattern: re.Pattern[str], path: str, text: str) -> None:
    if pattern.fullmatch(text) is None:
        raise BadValue(path, text[:64], f"hex digits: {pattern.pattern}")


def _one_of(path: str, text: str, allowed: Collection[str]) -> None:
    if text not in allowed:
        raise BadValue(path, text[:64], f"one of {', '.join(allowed)}")


def _among(path: str, member: str, people: Collection[str]) -> None:
    if member not in people:
        raise BadValue(path, member[:64], f"one of {len(people)} members of the file who can be this")


def _clean(path: str, text: str, most_chars: int) -> None:
    if clean_line(text, path, most_chars) != text:
        raise BadValue(path, text[:64], "a text in Unicode's NFC, without space around it")


def _all_differ(path: str, texts: Sequence[str]) -> None:
    seen = set()
    for index, text in enumerate(texts):
        if text in seen:
            raise BadValue(f"{path}[{index}]", text[:64], "each once")
        seen.add(text)


def _member(line: KeptLine) -> str:
    return line.member


def _kind(text: str) -> AnswerKind:
    kinds: Mapping[str, AnswerKind] = {kind: kind for kind in get_args(AnswerKind)}
    return kinds[text]
