"""Consent: what the members whom a bill charges say to it."""

from chainwallet.bills.record import Record, load, load_each, said_from, stored_state
from chainwallet.bills.writing import note
from chainwallet.errors import BadValue, TooLate
from chainwallet.groups import Standing
from chainwallet.rules import bill as life
from chainwallet.rules.bill import Accepted, Answer, Proposed, Rejected, Withdrawn
from chainwallet.rules.terms import people_of
from chainwallet.store import bills
from chainwallet.store.database import Transaction


def respond(tx: Transaction, here: Standing, bill_id: str, version: int, answer: Answer, now_s: int) -> Record:
    """The bill with what the caller says to its current ``version``; the same again changes nothing.

    Raises ``NotFound``, ``TooLate`` for a deleted bill, ``StaleVersion``, ``BadValue`` as ``rules.bill.after_answer``
    (and of ``people`` for a proposal with somebody who is not a member), and for a dispute ``BillSettled`` and
    ``BillLocked`` where the caller's debt is not open any more.
    """
    record = load(tx, here.group.id, bill_id)
    if record.bill.is_deleted:
        raise TooLate(f"bill {bill_id}", "it is deleted")
    life.check_version(bill_id, version, record.bill.version)
    me = here.me.id
    if record.answers.get(me) == answer and not isinstance(answer, Withdrawn):
        return record
    answers = life.after_answer(record.terms, record.lines, record.answers, me, answer)
    if isinstance(answer, Rejected | Proposed):
        life.check_may_dispute(bill_id, [debt.state for debt in record.debts_owed_by(me)])
    if isinstance(answer, Proposed):
        _require_known(here, answer, record)
    bills.say_all(tx, [said_from(record.bill, version, me, answer, now_s)])
    bills.set_state(tx, bill_id, stored_state(life.standing(record.lines, answers)))
    verb, why = _WORDS[type(answer)], getattr(answer, "reason", "")
    words = f"{here.me.name} {verb} {record.version.title}" + (f": {why}" if why else "")
    note(tx, here, _KINDS[type(answer)], bill_id, words, now_s)
    return load(tx, here.group.id, bill_id)


def accept_all(tx: Transaction, here: Standing, now_s: int) -> tuple[Record, ...]:
    """Accepts every bill of the group that the caller is asked about and has said nothing to; those bills."""
    me = here.me.id
    records = load_each(tx, bills.waiting_for(tx, here.group.id, me))
    bills.say_all(tx, [said_from(one.bill, one.bill.version, me, Accepted(), now_s) for one in records])
    for record in records:
        now = life.standing(record.lines, {**record.answers, me: Accepted()})
        bills.set_state(tx, record.bill.id, stored_state(now))
    if records:
        titles = ", ".join(record.version.title for record in records[:MOST_NAMED])
        more = f" and {len(records) - MOST_NAMED} more" if len(records) > MOST_NAMED else ""
        note(tx, here, "bills.accepted", me, f"{here.me.name} accepted {titles}{more}", now_s)
    return load_each(tx, tuple(bills.with_ids(tx, [one.bill.id for one in records]).values()))


MOST_NAMED = 5


def _require_known(here: Standing, answer: Proposed, record: Record) -> None:
    allowed = {one.id for one in here.people if one.is_here and one.role != "viewer"} | set(record.terms.people)
    for person in people_of(answer.split):
        if person not in allowed:
            raise BadValue("people", person, "a member of the group, who has not left and is more than a viewer")


_KINDS = {
    Accepted: "bill.accepted",
    Rejected: "bill.rejected",
    Proposed: "bill.proposed",
    Withdrawn: "bill.withdrawn",
}
_WORDS = {
    Accepted: "accepted",
    Rejected: "rejects",
    Proposed: "proposes another split of",
    Withdrawn: "no longer disputes",
}
