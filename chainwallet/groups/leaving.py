"""Leaving a group: not before what one owes and is owed there is settled."""

from dataclasses import replace

from chainwallet.errors import MustStay
from chainwallet.rules.money import Money, currency_of
from chainwallet.store import invitations, members, open_debts
from chainwallet.store.database import Transaction
from chainwallet.store.members import Group, Member
from chainwallet.store.open_debts import OpenDebts


def let_go(tx: Transaction, group: Group, member: Member, now_s: int) -> None:
    """Has ``member`` leave, and ends the invitations that they made.

    Raises ``MustStay`` where a plan under way has them pay or receive, and where they owe or are owed.
    """
    if open_debts.is_in_plan(tx, member):
        raise MustStay(member.name, group.name, "a plan to settle up is under way that they are part of")
    debts = open_debts.of_member(tx, member)
    if debts:
        raise MustStay(member.name, group.name, f"they still {' and '.join(map(_words, debts))}")
    members.change(tx, replace(member, left_at_s=now_s))
    invitations.revoke_about(tx, member.id, now_s)


def _words(debts: OpenDebts) -> str:
    currency = currency_of(debts.currency)
    sides = (("owe", debts.owes_minor), ("are owed", debts.is_owed_minor))
    return " and ".join(f"{verb} {Money(minor, currency)}" for verb, minor in sides if minor)
