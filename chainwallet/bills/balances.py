"""Balances of a group: what the caller owes and is owed, with the bills behind it in words, and the whole group's.

Accepted bills count. Open ones are shown apart, as pending, and so are disputed ones. A debt counts until it is
settled, also while a plan or a payment of it is under way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chainwallet.groups import Standing
from chainwallet.rules.balances import OpenDebts, PairBalance, balances_of, in_words
from chainwallet.rules.debts import Debt as OwedDebt
from chainwallet.rules.debts import nets_of
from chainwallet.rules.money import Currency, Money, currency_of
from chainwallet.rules.netting import Transfer, transfers_of
from chainwallet.store import bills, debts
from chainwallet.store.bills import StoredState
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt, Sum
from chainwallet.store.members import Member


@dataclass(frozen=True)
class Behind:
    """What one bill adds to a balance; negative, it takes away."""

    bill_id: str
    title: str
    amount: Money


@dataclass(frozen=True)
class Between:
    """The caller and ``other``: ``amount`` is owed to the caller, negative by the caller. ``words`` says it."""

    other: Member
    amount: Money
    words: str
    behind: tuple[Behind, ...]


@dataclass(frozen=True)
class Owed:
    """Somebody's debts to one other: ``debtor`` owes ``creditor`` ``amount``."""

    debtor: Member
    creditor: Member
    amount: Money


@dataclass(frozen=True)
class CurrencyBalances:
    """A group in one currency.

    ``owed``, ``pending`` and ``disputed`` are the caller's balances by accepted, open and disputed bills; ``nets`` are
    everyone's by accepted ones, positive is owed to them. ``debts`` are the accepted debts as they are, the ones that
    a plan under way has among them; ``transfers`` would do in their stead. ``plan`` is what would be cleared now:
    what everyone pays (below 0) or receives, without what cannot be cleared, such as guests' debts.
    """

    currency: Currency
    owed: tuple[Between, ...]
    pending: tuple[Between, ...]
    disputed: tuple[Between, ...]
    nets: tuple[tuple[Member, Money], ...]
    debts: tuple[Owed, ...]
    transfers: tuple[Owed, ...]
    plan: tuple[tuple[Member, Money], ...]


def balances(tx: Transaction, here: Standing) -> tuple[CurrencyBalances, ...]:
    """The balances of a group as the caller sees them, by currency; none where nothing is owed."""
    mine = debts.of_member(tx, here.group.id, here.me.id)
    sums = debts.sums(tx, here.group.id)
    titles = bills.titles(tx, here.group.id, {debt.bill_id for debt, _ in mine})
    payable = debts.with_wallets(tx, here.group.id)
    own = {state: _own(here, [debt for debt, its in mine if its == state], titles) for state in _STATES}
    return tuple(
        _of_currency(here, currency_of(code), own, [one for one in sums if one.currency == code], payable)
        for code in sorted({one.currency for one in sums})
    )


_STATES: tuple[StoredState, ...] = ("accepted", "open", "disputed")
_Own = Mapping[Currency, tuple[Between, ...]]


def _of_currency(
    here: Standing,
    currency: Currency,
    own: Mapping[StoredState, _Own],
    sums: Iterable[Sum],
    payable: frozenset[str],
) -> CurrencyBalances:
    accepted = [one for one in sums if one.bill_state == "accepted"]
    together: dict[tuple[str, str], int] = {}
    for one in accepted:
        pair = (one.debtor, one.creditor)
        together[pair] = together.get(pair, 0) + one.amount_minor
    owing = [OwedDebt(debtor, creditor, amount) for (debtor, creditor), amount in sorted(together.items())]
    nets = nets_of(owing)
    free = [
        OwedDebt(one.debtor, one.creditor, one.amount_minor)
        for one in accepted
        if one.is_free and {one.debtor, one.creditor} <= payable
    ]
    clearable = {member: net for member, net in nets_of(free).items() if net}
    return CurrencyBalances(
        currency,
        owed=own["accepted"].get(currency, ()),
        pending=own["open"].get(currency, ()),
        disputed=own["disputed"].get(currency, ()),
        nets=_nets(here, currency, nets),
        debts=_owed(here, currency, [Transfer(one.debtor, one.creditor, one.amount_minor) for one in owing]),
        transfers=_owed(here, currency, transfers_of(nets)),
        plan=_nets(here, currency, clearable),
    )


def _own(here: Standing, mine: Iterable[Debt], titles: Mapping[str, str]) -> _Own:
    by_bill: dict[tuple[str, str], list[OwedDebt]] = {}
    for debt in mine:
        owed = OwedDebt(debt.debtor, debt.creditor, debt.amount_minor)
        by_bill.setdefault((debt.bill_id, debt.currency), []).append(owed)
    open_debts = [OpenDebts(bill_id, currency_of(code), some) for (bill_id, code), some in by_bill.items()]
    names = {one.id: one.name for one in here.people}
    found: dict[Currency, tuple[Between, ...]] = {}
    for each in balances_of(open_debts):
        found[each.currency] = tuple(_between(here, pair, each.currency, names, titles) for pair in each.pairs)
    return found


def _between(
    here: Standing, pair: PairBalance, currency: Currency, names: Mapping[str, str], titles: Mapping[str, str]
) -> Between:
    is_creditor = pair.creditor == here.me.id
    sign = 1 if is_creditor else -1
    return Between(
        here.by_id[pair.debtor if is_creditor else pair.creditor],
        Money(sign * pair.amount_minor, currency),
        in_words(pair, currency, here.me.id, names, titles),
        tuple(Behind(bill, titles[bill], Money(sign * amount, currency)) for bill, amount in pair.behind),
    )


def _nets(here: Standing, currency: Currency, nets: Mapping[str, int]) -> tuple[tuple[Member, Money], ...]:
    return tuple((here.by_id[member], Money(net, currency)) for member, net in nets.items())


def _owed(here: Standing, currency: Currency, some: Iterable[Transfer]) -> tuple[Owed, ...]:
    return tuple(Owed(here.by_id[one.payer], here.by_id[one.payee], Money(one.amount_minor, currency)) for one in some)
