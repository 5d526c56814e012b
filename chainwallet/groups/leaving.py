"""Leaving a group: not before what one owes and is owed there is settled."""

from collections import Counter
from dataclasses import replace

from chainwallet.errors import MustStay
from chainwallet.rules.money import Money, currency_of
from chainwallet.store import debts, invitations, members
from chainwallet.store.database import Transaction
from chainwallet.store.members import Group, Member


def let_go(tx: Transaction, group: Group, member: Member, now_s: int) -> None:
    """Has ``member`` leave, and ends the invitations that they made.

    Raises ``MustStay`` where a plan under way has them pay or receive, and where they owe or are owed.
    """
    if debts.is_in_plan(tx, member.id):
        raise MustStay(member.name, group.name, "a plan to settle up is under way that they are part of")
    open_ones = [debt for debt, _ in debts.of_member(tx, group.id, member.id)]
    if open_ones:
        raise MustStay(member.name, group.name, f"they still {_words(member, open_ones)}")
    members.change(tx, replace(member, left_at_s=now_s))
    invitations.revoke_about(tx, member.id, now_s)


def _words(member: Member, open_ones: list[debts.Debt]) -> str:
    owes: Counter[str] = Counter()
    is_owed: Counter[str] = Counter()
    for debt in open_ones:
        side = owes if debt.debtor == member.id else is_owed
        side[debt.currency] += debt.amount_minor
    return " and ".join(
        f"{verb} {Money(side[code], currency_of(code))}"
        for code in sorted({*owes, *is_owed})
        for verb, side in (("owe", owes), ("are owed", is_owed))
        if side[code]
    )
