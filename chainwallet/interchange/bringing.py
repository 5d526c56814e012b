"""Bringing a whole group in from its file: under the same ids, so that documents, hashes and divisions stay the same.

Its people become guests, who are claimed later as any others; one of them is the caller, who owns the group. What a
chain carried out elsewhere is kept as paid elsewhere, with the transaction in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chainwallet.accounts import Caller, require
from chainwallet.errors import AlreadyExists, BadValue
from chainwallet.formats.group_document import KeptDebt, KeptGroup, KeptMember, KeptPlan, read_group
from chainwallet.groups import Standing
from chainwallet.groups.tools import HANDLE_MARK, MOST_NAME_CHARS, require_few_groups, require_room
from chainwallet.interchange.checking import CheckedBill, checked
from chainwallet.rules.handle import shown
from chainwallet.store import bills, debts, group_events, members
from chainwallet.store.database import Transaction
from chainwallet.store.debts import PaidElsewhere
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.locks import take_turns
from chainwallet.store.members import Group, Member, MemberRole


@dataclass(frozen=True)
class Arriving:
    """A group whose file was checked, and its bills as they are stored."""

    kept: KeptGroup
    bills: tuple[CheckedBill, ...]


def arriving(content: bytes) -> Arriving:
    """The group of a file. Raises ``BadValue`` with the path of what is not as it must be."""
    kept = read_group(content)
    return Arriving(kept, checked(kept))


def bring_in(tx: Transaction, caller: Caller, file: Arriving, me: str, now_s: int) -> Standing:
    """The group of ``file``, in which the caller is the member ``me``; a pair becomes a group, to claim its guest.

    Raises ``BadValue`` of ``me`` for who is not in the group, and for more than an account or a group may have; and
    ``AlreadyExists`` where the group or a part of it is here.
    """
    require(caller, "groups:write")
    kept, found = file.kept, file.bills
    take_turns(tx, "group", kept.id)
    take_turns(tx, "groups of", str(caller.account_id))
    require_few_groups(tx, caller.account_id)
    _require_new(tx, kept)
    group = Group(kept.id, kept.name, "group", kept.created_at_s)
    people = tuple(_people(kept, caller, me))
    require_room([one for one in people if one.id != me])
    members.add_group(tx, group)
    for one in people:
        members.add(tx, one)
    bills.add_whole(tx, [(one.bill, one.versions) for one in _in_order(found)])
    bills.say_all(tx, [said for one in found for said in one.said])
    debts.add_all(tx, [debt for one in found for debt in one.debts])
    debts.note_paid_elsewhere(tx, list(_settled(tx, kept, found)))
    mine = next(one for one in people if one.id == me)
    words = f"{mine.name} brought the group {group.name} in from a file, with {len(found)} bills"
    group_events.note(tx, GroupEvent(now_s, group.id, caller.account_id, "group.brought_in", group.id, words))
    return Standing(group, mine, people)


def _require_new(tx: Transaction, kept: KeptGroup) -> None:
    if members.group_by_id(tx, kept.id) is not None:
        raise AlreadyExists("group", kept.id)
    for member_id in members.with_ids(tx, [one.id for one in kept.members]):
        raise AlreadyExists("member", member_id)
    for bill_id in bills.with_ids(tx, [one.id for one in kept.bills]):
        raise AlreadyExists("bill", bill_id)


def _people(kept: KeptGroup, caller: Caller, me: str) -> Iterator[Member]:
    if not any(one.id == me and one.left_at_s is None for one in kept.members):
        raise BadValue("me", me, "the id of somebody in the file who has not left the group")
    taken = {shown(caller.handle).casefold()}
    for one in kept.members:
        if one.id == me:
            yield Member(one.id, kept.id, caller.account_id, shown(caller.handle), "owner", one.joined_at_s)
            continue
        name = _guest_name(one, taken)
        taken.add(name.casefold())
        role: MemberRole = "viewer" if one.role == "viewer" else "member"
        yield Member(one.id, kept.id, None, name, role, one.joined_at_s, one.left_at_s)


def _guest_name(member: KeptMember, taken: set[str]) -> str:
    """What a guest is called: a handle of elsewhere is none of here."""
    plain = member.name.lstrip(f"{HANDLE_MARK} ") or member.id
    name, number = plain, 2
    while name.casefold() in taken:
        mark = f" ({number})"
        name, number = plain[: MOST_NAME_CHARS - len(mark)] + mark, number + 1
    return name


def _in_order(found: Sequence[CheckedBill]) -> Iterator[CheckedBill]:
    """Each bill after that which it reverses. Raises ``BadValue`` for those that reverse each other."""
    waiting = {one.bill.id: one for one in found}
    while waiting:
        ready = [one for one in waiting.values() if one.bill.reverses not in waiting]
        if not ready:
            raise BadValue("bills", ", ".join(waiting)[:64], "bills that do not reverse each other")
        for one in ready:
            del waiting[one.bill.id]
            yield one


def _settled(tx: Transaction, kept: KeptGroup, found: Sequence[CheckedBill]) -> Iterator[PaidElsewhere]:
    plans = {one.id: one for one in kept.plans}
    stored = debts.of_bills(tx, [one.bill.id for one in found])
    for one in found:
        numbers = {(debt.debtor, debt.creditor): debt.id for debt in stored[one.bill.id]}
        for debt in one.kept.debts:
            said = _said(debt, plans)
            if said is not None:
                said_by, at_s, note = said
                yield PaidElsewhere(numbers[debt.debtor, debt.creditor], said_by, note, at_s)


def _said(debt: KeptDebt, plans: Mapping[str, KeptPlan]) -> tuple[str, int, str | None] | None:
    """Who says when that a debt is settled, and how; None where it is not."""
    if debt.elsewhere is not None:
        return debt.elsewhere.said_by, debt.elsewhere.at_s, debt.elsewhere.note
    carried = debt.payment if debt.payment is not None else plans[debt.plan] if debt.plan is not None else None
    if carried is None:
        return None
    note = f"settled in transaction {carried.tx} on chain {carried.chain}, as the imported file says"
    return debt.creditor, carried.made_at_s, note
