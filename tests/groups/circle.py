"""People with accounts and what they do in groups, with a clock and randomness that a test holds in its hands."""

from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import insert, select

from chainwallet.accounts import Caller
from chainwallet.groups import Groups, MadeInvitation, SeenGroup, SeenMember
from chainwallet.notifier import Notifier
from chainwallet.rules.handle import Handle
from chainwallet.rules.scope import SCOPES
from chainwallet.store import account_events
from chainwallet.store.account_events import AccountEvent
from chainwallet.store.account_schema import accounts
from chainwallet.store.database import Database
from chainwallet.store.group_schema import bills, debts, debts_paid_elsewhere, plan_legs, plans
from chainwallet.store.members import MemberRole
from tests.accounts.conftest import NOW_S, made_up

NAMES = ("ana", "ben", "cleo", "dee", "eve")
DAY_S = 86_400


@dataclass
class Clock:
    """Stands still until it is told to go on."""

    at_s: int = NOW_S

    def __call__(self) -> int:
        return self.at_s


@dataclass
class Circle:
    """The groups of one database, and its people, by their handles."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    callers: dict[str, Caller] = field(default_factory=dict)
    groups: Groups = field(init=False)

    def __post_init__(self) -> None:
        self.groups = Groups(self.database, self.clock, made_up("groups"))
        rows = [
            {"id": number, "handle": name, "password_hash": "none", "created_at_s": 5}
            for number, name in enumerate(NAMES, 1)
        ]
        with self.database.transaction() as tx:
            tx.execute(insert(accounts), rows)
        for row in rows:
            handle = Handle(str(row["handle"]))
            self.callers[handle] = Caller(
                int(str(row["id"])), handle, frozenset(["person"]), frozenset(SCOPES), "session", None
            )

    def __getitem__(self, name: str) -> Caller:
        return self.callers[name]

    def limited(self, name: str, *scopes: str) -> Caller:
        """``name`` by an API key with ``scopes`` alone."""
        kept = frozenset(scope for scope in SCOPES if scope in scopes)
        return replace(self.callers[name], scopes=kept, session_id=None, key_id="key")

    # ------------------------------------------------------------------------------------------------ what they do

    def make(self, owner: str = "ana", name: str = "Porto") -> str:
        """A new group; its id."""
        with self.database.transaction() as tx:
            return self.groups.create(tx, self[owner], name).group.id

    def guest(self, group: str, name: str, by: str = "ana") -> SeenMember:
        with self.database.transaction() as tx:
            return self.groups.add_guest(tx, self[by], group, name)

    def link(self, group: str, by: str = "ana", role: MemberRole = "member", lasts_s: int = DAY_S) -> str:
        """The token of a link."""
        assert role != "owner"
        with self.database.transaction() as tx:
            made = self.groups.invitations.invite(
                tx, self[by], group, role=role, expires_at_s=self.clock.at_s + lasts_s
            )
        assert made.token is not None
        return made.token

    def invite(self, group: str, handle: str, by: str = "ana") -> MadeInvitation:
        with self.database.transaction() as tx:
            return self.groups.invitations.invite(tx, self[by], group, handle=handle)

    def claim_link(self, group: str, member: str, by: str = "ana") -> str:
        """The token of a link by which somebody takes over a guest."""
        with self.database.transaction() as tx:
            made = self.groups.invitations.claim_link(tx, self[by], group, member)
        assert made.token is not None
        return made.token

    def enter(self, who: str, token: str) -> SeenGroup:
        with self.database.transaction() as tx:
            return self.groups.invitations.accept_link(tx, self[who], token)

    def join(self, group: str, who: str, role: MemberRole = "member") -> str:
        """Has ``who`` come in by a link; who they are there."""
        return self.enter(who, self.link(group, role=role)).me.id

    def remove(self, by: str, group: str, member: str) -> None:
        with self.database.transaction() as tx:
            self.groups.remove(tx, self[by], group, member)

    def me(self, group: str, who: str) -> str:
        """The id of who ``who`` is in a group."""
        return self.groups.show(self[who], group).me.id

    def befriend(self, asker: str, asked: str) -> str:
        """Has ``asker`` ask ``asked``; the id of the group of the two."""
        with self.database.transaction() as tx:
            return self.groups.friends.ask(tx, self[asker], asked).group_id

    def roles(self, group: str, seen_by: str = "ana") -> dict[str, str]:
        """The roles of those who are here, by their names."""
        people = self.groups.show(self[seen_by], group).people
        return {one.member.name: one.member.role for one in people if one.member.is_here}

    # ------------------------------------------------------------------------------------------------ what they owe

    def owe(self, group: str, debtor: str, creditor: str, minor: int = 1_240, currency: str = "EUR") -> int:
        """A bill by which one member owes another; the number of the debt."""
        bill = {
            "id": f"bill-{made_up(f'{debtor}{creditor}{minor}')(4).hex()}",
            "group_id": group,
            "lineage": "0x05",
            "version": 1,
            "state": "open",
            "created_by": creditor,
            "created_at_s": 5,
        }
        debt: dict[str, Any] = {"group_id": group, "bill_id": bill["id"], "currency": currency, "debtor": debtor}
        debt |= {"creditor": creditor, "amount_minor": minor, "since_version": 1}
        with self.database.transaction() as tx:
            tx.execute(insert(bills).values(bill))
            return int(tx.execute(insert(debts).values(debt).returning(debts.c.id)).scalar_one())

    def say_paid(self, debt: int, creditor: str) -> None:
        with self.database.transaction() as tx:
            tx.execute(insert(debts_paid_elsewhere).values(debt_id=debt, said_by=creditor, at_s=6))

    def delete_bill(self, debt: int) -> None:
        with self.database.transaction() as tx:
            bill = select(debts.c.bill_id).where(debts.c.id == debt).scalar_subquery()
            tx.execute(bills.update().where(bills.c.id == bill).values(deleted_at_s=7))

    def replace_debt(self, debt: int) -> None:
        with self.database.transaction() as tx:
            tx.execute(debts.update().where(debts.c.id == debt).values(replaced_at_s=7))

    def plan(self, group: str, member: str, stage: str) -> None:
        """A plan in ``stage`` that has ``member`` pay or receive."""
        plan: dict[str, Any] = {
            "id": f"plan {stage}",
            "group_id": group,
            "currency": "EUR",
            "token": "t",
            "lineage": "l",
        }
        plan |= {"context": "0x07", "settlement_hash": "0x08", "document": "{}", "deadline_s": 5, "valid_before": 6}
        plan |= {"stage": stage, "made_by": member, "made_at_s": 5}
        with self.database.transaction() as tx:
            tx.execute(insert(plans).values(plan))
            tx.execute(insert(plan_legs).values(plan_id=plan["id"], member_id=member, account="0x0a", net_minor=0))

    def end_plan(self, stage: str) -> None:
        """Withdraws the plan that is in ``stage``."""
        with self.database.transaction() as tx:
            tx.execute(plans.update().where(plans.c.stage == stage).values(stage="withdrawn"))

    # ------------------------------------------------------------------------------------------------ what they hear

    def told(self, who: str) -> list[AccountEvent]:
        """All that an account was told."""
        Notifier(self.database, "7-0a0b0c0d", 1, lambda *_: {}, self.clock).catch_up()
        with self.database.read() as tx:
            return list(account_events.after(tx, self[who].account_id, 0, 1_000))

    def heard(self, who: str) -> list[str]:
        """The kinds of what an account was told."""
        return [one.kind for one in self.told(who)]
