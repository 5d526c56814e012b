"""Friends with a wallet each who share bills: a group of five with 50.00 euros each, and what they owe each other.

The bills are rows only: what they say is the tests' own, and accepted.
"""

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from chainwallet.accounts import Caller
from chainwallet.clearing import Clearings, ShownPlan, Tools
from chainwallet.evm import keccak256
from chainwallet.keys.signer import Signer
from chainwallet.rules.handle import Handle
from chainwallet.rules.scope import scopes_of
from chainwallet.store import account_wallets, accounts, bills, debts, members, plans, wallets
from chainwallet.store import group_events as events
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.bills import Bill, Line, Version
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt
from chainwallet.store.members import Group, Member
from chainwallet.store.wallets import Wallet
from chainwallet.worker import Worker
from tests.chain.bench import GROUP, PAYERS, Bench, key_of

TRIP = "trip"
OWED = {("gina", "iris"): 30_00, ("hugo", "iris"): 10_00, ("hugo", "kim"): 2_39, ("jon", "gina"): 5}
"""Who owes whom how many cents: gina 29.95, hugo 12.39 and jon 0.05 to iris (40.00) and kim (2.39)."""


@dataclass
class Friends:
    """The group of a test, and the ways to ask in its people's names."""

    bench: Bench
    names: tuple[str, ...]
    external: Collection[str]
    group_id: str = TRIP
    late_s: int = 0
    """How far the service's clock is ahead."""
    made: list[str] = field(default_factory=list)

    @property
    def tools(self) -> Tools:
        elsewhere = {key_of(name).address for name in self.external}
        named = PAYERS | {key_of(name).address: name for name in self.names}

        def signer_of(address: Any) -> Signer | None:
            return key_of(named[address]) if address in named and address not in elsewhere else None

        return Tools(
            database=self.bench.database,
            desks={"EUR": self.bench.desk()},
            relayer=key_of("relayer").address,
            signer_of=signer_of,
            new_id=lambda: secrets.token_hex(8),
            clock_s=lambda: time.time() + self.late_s,
        )

    @property
    def clearings(self) -> Clearings:
        return Clearings(self.tools)

    def caller(self, name: str) -> Caller:
        account_id = 1 + self.names.index(name)
        scopes = scopes_of(["person"])
        return Caller(account_id, Handle(name), frozenset({"person"}), scopes, "session", None)

    # ------------------------------------------------------------------------------------------------ asking

    def make(self, name: str = "gina", **changes: Any) -> ShownPlan:
        make, caller = self.clearings.make, self.caller(name)
        return self.bench.database.write(lambda tx: make(tx, caller, self.group_id, "EUR", **changes))

    def drop(self, name: str, plan_id: str, member_id: str) -> ShownPlan:
        drop = self.clearings.drop
        return self.bench.database.write(lambda tx: drop(tx, self.caller(name), self.group_id, plan_id, member_id))

    def withdraw(self, name: str, plan_id: str) -> ShownPlan:
        withdraw = self.clearings.withdraw
        return self.bench.database.write(lambda tx: withdraw(tx, self.caller(name), self.group_id, plan_id))

    def consent(self, name: str, plan_id: str, signature: bytes | None = None) -> ShownPlan:
        return self.clearings.consent(self.caller(name), self.group_id, plan_id, signature)

    def show(self, plan_id: str, name: str = "gina") -> ShownPlan:
        return self.clearings.show(self.caller(name), self.group_id, plan_id)

    def plan_under_way(self) -> ShownPlan | None:
        with self.bench.database.read() as tx:
            found = plans.under_way(tx, self.group_id, self.bench.cash.token)
        return None if found is None else self.show(found.id)

    def see_to(self) -> int:
        return self.clearings.see_to(int(time.time()) + self.late_s)

    def worker(self, **seams: Any) -> Worker:
        """A worker as ``assembly`` makes it for a service with groups."""
        worker = self.bench.worker(**seams)
        return Worker(worker.tools, worker.relayer, worker.follow, chore=self.see_to)

    def carry(self, until: Callable[[], bool], worker: Worker | None = None) -> None:
        """Works until ``until`` holds."""
        at_work = worker or self.worker()
        give_up_at = time.monotonic() + 20
        while not until():
            assert time.monotonic() < give_up_at, "waited in vain"
            if not at_work.tick():
                time.sleep(0.01)

    # ------------------------------------------------------------------------------------------------ rows

    def owe(self, owed: dict[tuple[str, str], int], state: bills.StoredState = "accepted") -> list[int]:
        """A bill for each debt; their numbers."""
        with self.bench.database.transaction() as tx:
            for (debtor, creditor), amount in owed.items():
                self.made.append(add_debt(tx, self.group_id, member(debtor), member(creditor), amount, state))
            return [one.id for some in debts.of_bills(tx, self.made).values() for one in some]

    def states(self) -> list[str]:
        """How every debt stands."""
        with self.bench.database.read() as tx:
            found = debts.of_bills(tx, self.made)
        return [one.state for bill_id in self.made for one in found[bill_id]]

    def events(self) -> list[str]:
        """What the group was told, the first thing first."""
        with self.bench.database.read() as tx:
            return [event.kind for event in events.of_group(tx, self.group_id, None, 100)][::-1]


def member(name: str) -> str:
    """The member's id of somebody."""
    return f"member-{name}"


def add_debt(
    tx: Transaction,
    group_id: str,
    debtor: str,
    creditor: str,
    cents: int,
    state: bills.StoredState = "accepted",
) -> str:
    """A bill that ``creditor`` paid for ``debtor``, members' ids; its own id."""
    bill_id = secrets.token_hex(8)
    lines = (Line(creditor, 0, cents), Line(debtor, cents, 0))
    terms_hash = "0x" + keccak256(bill_id.encode()).hex()
    version = Version(bill_id, 1, terms_hash, "{}", "dinner", "EUR", cents, creditor, 5, lines)
    bill = Bill(bill_id, group_id, secrets.token_hex(32), creditor, 5, state=state)
    bills.add_all(tx, [(bill, version)])
    debts.add_all(tx, [Debt(group_id, bill_id, "EUR", debtor, creditor, cents)])
    return bill_id


def friends_of(
    bench: Bench, names: tuple[str, ...] = GROUP, external: Collection[str] = (), owed: Any = None
) -> Friends:
    """A group of ``names``, the first one its owner, who owe each other what is ``owed``; its history is followed."""
    friends = Friends(bench, names, external)
    with bench.database.transaction() as tx:
        members.add_group(tx, Group(TRIP, "Trip", "group", 5))
        for number, name in enumerate(names):
            account = accounts.add(tx, Handle(name), "none", 5)
            custody: Any = "external" if name in external else "managed"
            wallet = Wallet(f"@{name}", key_of(name).address, custody, "person")
            wallets.add(tx, wallet, 5)
            account_wallets.add(tx, OwnWallet(wallet, account.id, is_default=True, added_at_s=5))
            role: Any = "owner" if number == 0 else "member"
            members.add(tx, Member(member(name), TRIP, account.id, name.title(), role, 5))
    bench.indexer().catch_up()
    friends.owe(OWED if owed is None else owed)
    return friends
