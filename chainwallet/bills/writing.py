"""Writing bills: added, amended, deleted and restored, reversed. Each change asks only those whose money it moves."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from chainwallet.bills.record import (
    Record,
    bill_lines,
    debts_from,
    load,
    said_from,
    stored_state,
    version_of,
)
from chainwallet.errors import AlreadyExists, BadValue, Forbidden, StaleVersion, TooLate
from chainwallet.evm import to_hex
from chainwallet.groups import Standing
from chainwallet.rules import bill as life
from chainwallet.rules.bill import Accepted, Answer, Proposed
from chainwallet.rules.split import BillLine
from chainwallet.rules.terms import MAX_TITLE_CHARS, Terms, check_is_something, lines, reversal, tie_break, with_split
from chainwallet.rules.terms_document import terms_hash
from chainwallet.store import bills, debts, group_events
from chainwallet.store.bills import Bill, Said, Version
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt
from chainwallet.store.group_events import GroupEvent

MOST_BILLS = 10_000  # of a group, deleted ones among them


@dataclass(frozen=True)
class New:
    """What a new bill is called: ``lineage`` breaks its ties, wherever it goes."""

    id: str
    lineage: str
    reverses: str | None = None
    import_id: str | None = None


def add(tx: Transaction, here: Standing, new: New, terms: Terms, now_s: int) -> Record:
    """A new bill, which asks everyone whom it charges but its author.

    Raises ``BadValue``: ``people`` or ``payers.<member>`` for somebody who is not a member of the group now; ``total``
    for a bill of nothing; ``bills`` for one above ``MOST_BILLS``.
    """
    _require_members(here, terms, known=())
    check_is_something(terms)
    if bills.count(tx, here.group.id) >= MOST_BILLS:
        raise BadValue("bills", MOST_BILLS, f"at most {MOST_BILLS} in a group")
    add_each(tx, here, [(new, terms)], now_s)
    record = load(tx, here.group.id, new.id)
    kind, what = ("bill.reversed", "reverses with") if new.reverses else ("bill.added", "added")
    words = f"{here.me.name} {what} {terms.title}, {terms.total}{asking(here, record)}"
    note(tx, here, kind, new.id, words, now_s)
    return record


def add_each(tx: Transaction, here: Standing, some: Collection[tuple[New, Terms]], now_s: int) -> None:
    """New bills of an author, as ``add`` stores them; who calls it has checked their people, and tells of it."""
    added: list[tuple[Bill, Version]] = []
    said: list[Said] = []
    owed: list[Debt] = []
    for new, terms in some:
        of_lines = lines(terms, tie_break(new.lineage))
        answers = life.first_answers(of_lines, here.me.id)
        bill = Bill(
            id=new.id,
            group_id=here.group.id,
            lineage=new.lineage,
            created_by=here.me.id,
            created_at_s=now_s,
            state=stored_state(life.standing(of_lines, answers)),
            reverses=new.reverses,
            import_id=new.import_id,
        )
        added.append((bill, version_of(bill, 1, terms, of_lines, here.me.id, now_s, None)))
        said += [said_from(bill, 1, member, answer, now_s) for member, answer in answers.items()]
        owed += debts_from(bill, 1, of_lines, terms.currency)
    bills.add_all(tx, added)
    bills.say_all(tx, said)
    debts.add_all(tx, owed)


def amend(
    tx: Transaction, here: Standing, bill_id: str, version: int, terms: Terms, reason: str | None, now_s: int
) -> Record:
    """The bill with ``terms`` as its next version after ``version``, the current one.

    Who had accepted and owes the same keeps that; all others whom it charges are asked. With the terms that it has
    already nothing is changed, so that the same amendment may be asked for again. Raises ``NotFound``, ``Forbidden``
    for who may only propose, ``TooLate`` for a deleted bill, ``StaleVersion``, ``BillSettled`` and ``BillLocked`` where
    debts would change that are no longer open, and ``BadValue`` as ``add``.
    """
    record = load(tx, here.group.id, bill_id)
    is_so = record.version.hash == to_hex(terms_hash(terms))
    if is_so and record.bill.version - version in (0, 1):
        return record
    return _amended(tx, here, record, version, terms, reason, now_s, also=())


def adopt(tx: Transaction, here: Standing, bill_id: str, version: int, member: str, now_s: int) -> Record:
    """The bill amended as ``member`` proposes, who accepts it by that. Raises as ``amend``.

    Raises ``BadValue`` of ``member`` where they do not propose anything now.
    """
    record = load(tx, here.group.id, bill_id)
    life.check_version(bill_id, version, record.bill.version)
    proposed = record.answers.get(member)
    if not isinstance(proposed, Proposed):
        raise BadValue("member", member, "somebody who proposes another split of this version")
    terms = with_split(record.terms, proposed.split)
    return _amended(tx, here, record, version, terms, proposed.reason, now_s, also=(member,))


def delete(tx: Transaction, here: Standing, bill_id: str, now_s: int) -> Record:
    """The bill with a tombstone, which ``restore`` takes away. Deleted already, it stays as it is.

    Raises ``NotFound``, ``Forbidden`` as ``amend``, and ``BillSettled`` and ``BillLocked`` where a debt is not open.
    """
    record = load(tx, here.group.id, bill_id)
    _require_may_change(here, record)
    if record.bill.is_deleted:
        return record
    life.check_may_delete(bill_id, [debt.state for debt in record.debts])
    bills.set_deleted(tx, [bill_id], now_s)
    note(tx, here, "bill.deleted", bill_id, f"{here.me.name} deleted {record.version.title}", now_s)
    return load(tx, here.group.id, bill_id)


def restore(tx: Transaction, here: Standing, bill_id: str, now_s: int) -> Record:
    """The bill without its tombstone, as it was.

    Raises ``NotFound``, ``Forbidden`` as ``amend``, and ``TooLate`` where somebody with a debt in it has left.
    """
    record = load(tx, here.group.id, bill_id)
    _require_may_change(here, record)
    if not record.bill.is_deleted:
        return record
    for debt in record.debts:
        for member in (here.by_id[debt.debtor], here.by_id[debt.creditor]):
            if not member.is_here:
                raise TooLate(f"bill {bill_id}", f"{member.name} has left the group since it was deleted")
    bills.set_deleted(tx, [bill_id], None)
    note(tx, here, "bill.restored", bill_id, f"{here.me.name} restored {record.version.title}", now_s)
    return load(tx, here.group.id, bill_id)


def reverse(tx: Transaction, here: Standing, bill_id: str, new: New, note_text: str, now_s: int) -> Record:
    """A new bill, ``new``, that undoes one: everybody's share and payment is the negative.

    Raises ``NotFound``, ``Forbidden`` as ``amend``, ``TooLate`` for a deleted bill, and ``AlreadyExists`` where it is
    reversed already.
    """
    record = load(tx, here.group.id, bill_id)
    _require_may_change(here, record)
    life.check_may_reverse(bill_id, record.standing.state)
    if any(not one.is_deleted for one in bills.reversals_of(tx, bill_id)):
        raise AlreadyExists("reversal of bill", bill_id)
    title = f"Reversal of {record.version.title}"
    if len(title) > MAX_TITLE_CHARS:
        title = title[: MAX_TITLE_CHARS - 1] + "…"
    on = datetime.fromtimestamp(now_s, UTC).date()
    terms = reversal(record.terms, record.lines, title, on, note_text)
    return add(tx, here, replace(new, reverses=bill_id), terms, now_s)


def note(tx: Transaction, here: Standing, kind: str, subject: str, words: str, now_s: int) -> None:
    """Keeps what was done, to tell all of the group."""
    group_events.note(tx, GroupEvent(now_s, here.group.id, here.me.account_id, kind, subject, words))


def asking(here: Standing, record: Record) -> str:
    """Who is asked about a version, in words after it; empty where nobody is."""
    names = [here.by_id[member].name for member in record.standing.asked]
    return f"; {', '.join(names)} asked to accept" if names else ""


# ------------------------------------------------------------------------------------------------ what is allowed


def _amended(
    tx: Transaction,
    here: Standing,
    record: Record,
    version: int,
    terms: Terms,
    reason: str | None,
    now_s: int,
    also: Collection[str],
) -> Record:
    """The record amended; those of ``also`` accept by it, as its author does."""
    bill, number = record.bill, record.bill.version + 1
    _require_may_change(here, record)
    if bill.is_deleted:
        raise TooLate(f"bill {bill.id}", "it is deleted")
    life.check_version(bill.id, version, bill.version)
    of_lines = lines(terms, tie_break(bill.lineage))
    keeps_debts = life.same_debts(record.lines, of_lines)
    _require_members(here, terms, known=record.terms.people if keeps_debts else ())
    check_is_something(terms)
    life.check_may_amend(bill.id, record.lines, of_lines, [debt.state for debt in record.debts])
    made = version_of(bill, number, terms, of_lines, here.me.id, now_s, reason)
    if not bills.add_version(tx, made):
        raise StaleVersion(bill.id, version, number)
    if not keeps_debts:
        debts.replace_all(tx, bill.id, now_s)
        debts.add_all(tx, debts_from(bill, number, of_lines, terms.currency))
    _answer_anew(tx, here, record, of_lines, number, now_s, also)
    amended = load(tx, here.group.id, bill.id)
    words = f"{here.me.name} amended {terms.title}: {', '.join(changes(record, amended))}{asking(here, amended)}"
    note(tx, here, "bill.amended", bill.id, words, now_s)
    return amended


def _answer_anew(
    tx: Transaction,
    here: Standing,
    before: Record,
    of_lines: tuple[BillLine, ...],
    number: int,
    now_s: int,
    also: Collection[str],
) -> None:
    """Stores the answers with which the version ``number`` begins, and the state that follows."""
    bill = before.bill
    answers: dict[str, Answer] = life.carried_over(before.lines, of_lines, before.answers, here.me.id)
    own = {here.me.id, *also}
    answers |= {member: Accepted() for member in also if member in life.charged(of_lines)}
    said = [
        said_from(bill, number, member, answer, now_s, is_carried_over=member not in own)
        for member, answer in answers.items()
    ]
    bills.say_all(tx, said)
    bills.set_state(tx, bill.id, stored_state(life.standing(of_lines, answers)))


def changes(before: Record, after: Record) -> list[str]:
    """What an amendment changed, in words."""
    old, new = before.terms, after.terms
    said = []
    if old.title != new.title:
        said.append(f"it was called {old.title}")
    if old.total != new.total:
        said.append(f"{new.total} instead of {old.total}")
    elif bill_lines(before.version) != bill_lines(after.version):
        said.append("divided another way")
    if old.payers != new.payers and old.total == new.total:
        said.append("paid by others")
    return said or ["nobody's money changed"]


def _require_may_change(here: Standing, record: Record) -> None:
    """Raises ``Forbidden`` for who may only answer: not an owner, nor the author, nor owed money by the bill."""
    is_owed = any(line.person == here.me.id and line.net.amount_minor > 0 for line in record.lines)
    if here.me.role != "owner" and here.me.id != record.bill.created_by and not is_owed:
        needed = (
            "part in this bill that changes it: its author, whoever is owed by it or an owner does; propose a split"
        )
        raise Forbidden(here.me.name, needed)


def _require_members(here: Standing, terms: Terms, known: Iterable[str]) -> None:
    """Raises ``BadValue`` for a person who is not a member now; those of ``known`` may have left."""
    allowed: Mapping[str, bool] = {one.id: one.is_here and one.role != "viewer" for one in here.people}
    stays = {*known}
    for person in terms.people:
        if not (allowed.get(person, False) or (person in stays and person in allowed)):
            field = f"payers.{person}" if person in terms.payers else "people"
            raise BadValue(field, person, "a member of the group, who has not left and is more than a viewer")
