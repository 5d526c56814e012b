"""A group on a trip: Ana owns it, Bo, Cy and Dan are members, Dee views, Gus is a guest. Eve is a stranger."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import TypeVar

from chainwallet import payments
from chainwallet.accounts import Caller
from chainwallet.bills import Bills, CurrencyBalances, SeenBill
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.evm import Address, ChainName, Hash32
from chainwallet.payments import AccountDirectory, Desk, Teller
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import Handle
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.scope import SCOPES
from chainwallet.rules.split import Equal
from chainwallet.rules.terms import AnySplit, Terms
from chainwallet.store import account_wallets, accounts, debts, members, wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.database import Database, Transaction
from chainwallet.store.group_events import GroupEvent, of_group
from chainwallet.store.members import Group, Member
from chainwallet.store.wallets import Wallet

T = TypeVar("T")

ROLES = {"ana": "owner", "bo": "member", "cy": "member", "dan": "member", "dee": "viewer"}
PEOPLE = (*ROLES, "eve")
EUR = currency_of("EUR")
DAY = date(2026, 11, 27)


def eur(text: str) -> Money:
    """An amount of euros, such as 12.40."""
    whole = Fraction(text) * 100
    assert whole.denominator == 1
    return Money(int(whole), EUR)


def terms(total: str, split: AnySplit, payers: Mapping[str, str], *, title: str = "Dinner", note: str = "") -> Terms:
    """Terms in euros; ``payers`` by member and amount."""
    return Terms(title, note, DAY, eur(total), split, {name: eur(paid) for name, paid in payers.items()})


def dinner(total: str = "30.00", payer: str = "ana", people: str = "ana bo cy", title: str = "Dinner") -> Terms:
    """A bill that one paid and several had in equal parts."""
    return terms(total, Equal(tuple(people.split())), {payer: total}, title=title)


@dataclass
class Trip:
    """The group in its database, with everybody's caller, and a clock that stands still until it is set."""

    database: Database
    bills: Bills
    clock: list[int] = field(default_factory=lambda: [1_000])

    def caller(self, name: str) -> Caller:
        number = PEOPLE.index(name) + 1
        return Caller(number, Handle(name), frozenset({"person"}), frozenset(SCOPES), "session", None)

    def write(self, work: Callable[[Transaction], T]) -> T:
        self.clock[0] += 1
        return self.database.write(work)

    def add(self, who: str, of: Terms) -> SeenBill:
        return self.write(lambda tx: self.bills.add(tx, self.caller(who), "g", of))

    def amend(self, who: str, bill: str, version: int, of: Terms) -> SeenBill:
        return self.write(lambda tx: self.bills.amend(tx, self.caller(who), "g", bill, version, of))

    def respond(self, who: str, bill: str, version: int, answer: object) -> SeenBill:
        return self.write(lambda tx: self.bills.respond(tx, self.caller(who), "g", bill, version, answer))  # type: ignore[arg-type]  # tests give answers

    def balances(self, who: str) -> tuple[CurrencyBalances, ...]:
        return self.bills.balances(self.caller(who), "g")

    def said(self, who: str) -> list[str]:
        """What is owed by and to somebody, in words."""
        return [between.words for each in self.balances(who) for between in each.owed]

    def debts(self, bill: str) -> set[tuple[str, str, int, str]]:
        with self.database.read() as tx:
            return {(one.debtor, one.creditor, one.amount_minor, one.state) for one in debts.of_bill(tx, bill)}

    def events(self) -> list[GroupEvent]:
        with self.database.read() as tx:
            return list(of_group(tx, "g", None, 1_000))[::-1]

    def kinds(self) -> list[str]:
        return [one.kind for one in self.events()]


def settle_in(database: Database) -> Trip:
    """The group with its people, each of whom has a wallet, and Gus who has none."""
    with database.transaction() as tx:
        members.add_group(tx, Group("g", "Porto", "group", 5))
        for number, name in enumerate(PEOPLE, 1):
            accounts.add(tx, Handle(name if len(name) > 2 else f"{name}_"), "none", 5)
            wallet = Wallet(f"@{name}", Address(bytes([number]) * 20), "managed", "person")
            wallets.add(tx, wallet, 5)
            account_wallets.add(tx, OwnWallet(wallet, number, is_default=True, added_at_s=5))
            if name in ROLES:
                members.add(tx, Member(name, "g", number, name.title(), ROLES[name], 5))  # type: ignore[arg-type]  # roles
        members.add(tx, Member("gus", "g", None, "Gus", "member", 5))
    clock = [1_000]
    random = (bytes([0, *number.to_bytes(3, "big")]) for number in itertools.count(1))

    def bytes_of(size: int) -> bytes:
        return next(random).rjust(size, b"\0")[-size:]

    return Trip(database, Bills(database, teller_of(database, clock), lambda: clock[0], bytes_of), clock)


def teller_of(database: Database, clock: list[int]) -> Teller:
    """A teller on a chain that nobody asks."""
    chain = ChainName(7, Hash32(b"\x0a" * 32))
    cash = Cash(chain, EUR, Address(b"\xca" * 20))
    return Teller(
        database=database,
        node=Node("http://127.0.0.1:1"),
        chain=chain.key,
        desks={"EUR": Desk(database, cash, 1, LONGEST_LIFETIME_S)},
        directory=AccountDirectory(database, Address(b"\x99" * 20)),
        accept=lambda desk, order, signer: payments.accept(desk, order, signer, b"salt", clock[0]),
        signer_of=lambda _: None,
        relayer=Address(b"\x98" * 20),
        salt=lambda: b"salt",
        now_s=lambda: clock[0],
    )
