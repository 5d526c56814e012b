"""How a debt stands: read from plans, payments, what creditors say, and the verified facts."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from chainwallet.evm import Address, to_hex
from chainwallet.rules.handle import Handle
from chainwallet.store import account_wallets, accounts, bills, debts, members, wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.bills import Bill, Line, Said, Version, Wanted
from chainwallet.store.database import Database, Transaction
from chainwallet.store.debts import Debt, PaidElsewhere
from chainwallet.store.group_schema import plan_debts, plans
from chainwallet.store.members import Group, Member
from chainwallet.store.schema import facts, promises
from chainwallet.store.wallets import Wallet
from tests.postgres import on_both

pytestmark = on_both

TOKEN = "7-0a0b0c0d/0xca"
HASH = "0x" + "08" * 32
LINES = (Line("ana", 1000, 3000), Line("bo", 1000, 0), Line("cy", 1000, 0))


def version(bill_id: str, number: int = 1, **changes: object) -> Version:
    made = Version(bill_id, number, f"0x0{number}", "{}", "Dinner", "EUR", 3000, "ana", 6, LINES)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names fields that there are


def owed(bill_id: str) -> list[Debt]:
    return [Debt("g", bill_id, "EUR", debtor, "ana", 1000) for debtor in ("bo", "cy")]


@pytest.fixture
def filled(database: Database) -> Database:
    """A group of three with wallets, and an accepted bill that Ana paid for all."""
    with database.transaction() as tx:
        members.add_group(tx, Group("g", "Porto", "group", 5))
        for number, name in enumerate(("ana", "bo", "cy"), 1):
            accounts.add(tx, Handle(name), "none", 5)
            wallet = Wallet(f"@{name}", Address(bytes([number]) * 20), "managed", "person")
            wallets.add(tx, wallet, 5)
            account_wallets.add(tx, OwnWallet(wallet, number, is_default=True, added_at_s=5))
            members.add(tx, Member(name, "g", number, name.title(), "member", 5))
        bills.add_all(tx, [(Bill("b", "g", "05", "ana", 6, state="accepted"), version("b"))])
        debts.add_all(tx, owed("b"))
    return database


def states(database: Database) -> dict[str, str]:
    with database.read() as tx:
        return {one.debtor: one.state for one in debts.of_bill(tx, "b")}


def of_bo(tx: Transaction) -> int:
    return next(one.id for one in debts.of_bill(tx, "b") if one.debtor == "bo")


def add_plan(tx: Transaction, name: str, stage: str) -> None:
    row: dict[str, object] = {
        "id": name,
        "group_id": "g",
        "currency": "EUR",
        "token": TOKEN,
        "lineage": "l",
        "context": "0x07",
    }
    row |= {"settlement_hash": HASH, "document": "{}", "made_by": "ana", "stage": stage}
    tx.execute(insert(plans).values(row | {"deadline_s": 5, "valid_before": 9, "made_at_s": 5}))
    tx.execute(insert(plan_debts).values(plan_id=name, debt_id=of_bo(tx)))


def add_fact(tx: Transaction, orphaned_at_s: int | None) -> None:
    place: dict[str, object] = {
        "token": TOKEN,
        "block": 7,
        "block_hash": "0x07",
        "tx": "0x02",
        "log_index": 3,
        "part": 0,
    }
    times: dict[str, object] = {"happened_at_s": 5, "learned_at_s": 6, "orphaned_at_s": orphaned_at_s}
    tx.execute(insert(facts).values(place | times | {"kind": "Settled", "ref": HASH}))


def add_promise(tx: Transaction, stage: str) -> None:
    row: dict[str, object] = {
        "chain": "7-0a0b0c0d",
        "token": TOKEN,
        "payer": to_hex(b"\x02" * 20),
        "kind": "payment",
        "id": "bill:b:ana",
    }
    row |= {"nonce": f"{7:064x}", "content_hash": "0x01", "document": "{}", "value": f"{5:064x}", "ref": "0x03"}
    row |= {"payee": to_hex(b"\x01" * 20), "valid_before": 9, "stage": stage, "reason": "", "setbacks": 0}
    row |= {"due_at_s": 0, "made_at_block": 1, "created_at_s": 5, "number": 1}
    tx.execute(insert(promises).values(row))
    debts.note_payment(tx, of_bo(tx), 1, 5)


PLANNED = {
    "open": "locked",
    "ready": "locked",
    "settled": "settled",
    "replaced": "open",
    "withdrawn": "open",
    "expired": "open",
}


def test_a_plan_under_way_locks_its_debts(filled: Database) -> None:
    """A debt is locked while a plan that has it is open or ready, settled with it, and open again otherwise."""
    with filled.transaction() as tx:
        add_plan(tx, "p", "open")
    for stage, state in PLANNED.items():
        with filled.transaction() as tx:
            tx.execute(update(plans).values(stage=stage))
        assert states(filled) == {"bo": state, "cy": "open"}
        with filled.read() as tx:
            left = [one.debtor for one in debts.clearable(tx, "g", "EUR")]
            assert left == (["bo", "cy"] if state == "open" else ["cy"])
            assert debts.plans_of(tx, [of_bo(tx)]) == ({of_bo(tx): "p"} if state != "open" else {})


def test_a_settlement_on_the_chain_settles_whatever_we_think_of_its_plan(filled: Database) -> None:
    """A canonical Settled fact of a plan that was replaced settles its debts; one that a reorg removed does not."""
    with filled.transaction() as tx:
        add_plan(tx, "p", "replaced")
        add_fact(tx, orphaned_at_s=8)
    assert states(filled) == {"bo": "open", "cy": "open"}
    with filled.transaction() as tx:
        add_fact(tx, orphaned_at_s=None)
    assert states(filled) == {"bo": "settled", "cy": "open"}
    with filled.read() as tx:
        assert [(one.debtor, one.amount_minor) for one in debts.sums(tx, "g")] == [("cy", 1000)]
        assert debts.plans_of(tx, [of_bo(tx)]) == {of_bo(tx): "p"}


PAID = {
    **dict.fromkeys(("offered", "queued", "carried", "canceling"), "paying"),
    **dict.fromkeys(("executed", "final"), "settled"),
    **dict.fromkeys(("canceled", "expired"), "open"),
}


def test_a_payment_settles_its_debt_when_it_is_carried_out(filled: Database) -> None:
    """A debt is paying while its payment may still be carried out, settled by that, and open again where it ended."""
    with filled.transaction() as tx:
        add_promise(tx, "offered")
        debts.note_payment(tx, of_bo(tx), 1, 6)
    for stage, state in PAID.items():
        with filled.transaction() as tx:
            tx.execute(update(promises).values(stage=stage))
        assert states(filled) == {"bo": state, "cy": "open"}
        with filled.read() as tx:
            left = [one.debtor for one in debts.clearable(tx, "g", "EUR")]
            assert left == (["bo", "cy"] if state == "open" else ["cy"])
            sums = {one.debtor: one.is_free for one in debts.sums(tx, "g")}
            assert sums == {"cy": True} | ({} if state == "settled" else {"bo": state == "open"})


def test_paid_elsewhere_settles(filled: Database) -> None:
    """What a creditor called paid is settled, and says who said so."""
    with filled.transaction() as tx:
        debts.note_paid_elsewhere(tx, [PaidElsewhere(of_bo(tx), "ana", "cash", 7)])
    assert states(filled) == {"bo": "settled", "cy": "open"}
    with filled.read() as tx:
        assert debts.paid_elsewhere(tx, [of_bo(tx)])[of_bo(tx)].note == "cash"
        assert [one.debtor for one, _ in debts.of_member(tx, "g", "ana")] == ["cy"]


def without_a_wallet(tx: Transaction) -> None:
    members.change(tx, replace(members.with_ids(tx, ["bo"])["bo"], account_id=None))


def of_an_open_bill(tx: Transaction) -> None:
    bills.set_state(tx, "b", "open")


def of_a_deleted_bill(tx: Transaction) -> None:
    bills.set_deleted(tx, ["b"], 9)


def replaced(tx: Transaction) -> None:
    debts.replace_all(tx, "b", 9)


@pytest.mark.parametrize(
    ("change", "left"),
    [(without_a_wallet, ["cy"]), (of_an_open_bill, []), (of_a_deleted_bill, []), (replaced, [])],
)
def test_what_is_cleared(filled: Database, change: Callable[[Transaction], None], left: list[str]) -> None:
    """Debts between members with wallets, of accepted bills that are there, and that no amendment replaced."""
    with filled.transaction() as tx:
        assert [one.debtor for one in debts.clearable(tx, "g", "EUR")] == ["bo", "cy"]
        change(tx)
    with filled.read() as tx:
        assert [one.debtor for one in debts.clearable(tx, "g", "EUR")] == left
        assert debts.clearable(tx, "g", "USD") == ()


def test_a_version_follows_the_current_one_alone(filled: Database) -> None:
    """The next version is stored where it is the next; any other number changes nothing."""
    with filled.transaction() as tx:
        assert not bills.add_version(tx, version("b", 3))
        assert bills.add_version(tx, version("b", 2, title="Supper"))
        assert not bills.add_version(tx, version("b", 2))
        bill = bills.by_id(tx, "g", "b")
        assert bill is not None
        assert bill.version == 2
        assert bills.current_versions(tx, [bill]) == {"b": version("b", 2, title="Supper")}
        assert bills.versions(tx, "b") == (version("b"), version("b", 2, title="Supper"))
        assert bills.titles(tx, "g", {"b"}) == {"b": "Supper"}
        assert bills.hashes(tx, [("b", 1)]) == {("b", 1): "0x01"}


def test_the_latest_answer_counts(filled: Database) -> None:
    """Of what somebody said to the current version the latest counts; to older versions it is history."""
    said = [
        Said("b", 1, "bo", "accepted", 7),
        Said("b", 1, "bo", "rejected", 8, reason="no"),
        Said("b", 1, "cy", "accepted", 8, is_carried_over=True),
    ]
    with filled.transaction() as tx:
        bills.say_all(tx, said)
        bill = bills.by_id(tx, "g", "b")
        assert bill is not None
        latest = bills.latest_said(tx, [bill])["b"]
        assert {name: replace(one, id=0) for name, one in latest.items()} == {"bo": said[1], "cy": said[2]}
        assert [one.id for one in bills.listed(tx, "g", Wanted(asks="bo"), None, 9)] == ["b"]
        assert bills.listed(tx, "g", Wanted(asks="cy"), None, 9) == ()
        assert bills.waiting_for(tx, "g", "bo") == ()
        bills.add_version(tx, version("b", 2))
        bill = bills.by_id(tx, "g", "b")
        assert bill is not None
        assert bills.latest_said(tx, [bill]) == {"b": {}}
        assert len(bills.said_of(tx, "b")) == 3
        assert [one.id for one in bills.waiting_for(tx, "g", "cy")] == ["b"]


def test_bills_are_listed_page_by_page_as_wanted(filled: Database) -> None:
    """The newest first, each once over all pages, narrowed by state, currency, member and import."""
    with filled.transaction() as tx:
        for number in range(5):
            bill = Bill(f"b{number}", "g", "05", "ana", 7 + number // 2, import_id="i" if number % 2 else None)
            bills.add_all(tx, [(bill, version(bill.id, currency="USD" if number == 4 else "EUR"))])
        bills.set_deleted(tx, ["b0"], 9)
    with filled.read() as tx:
        found, after = [], None
        while page := bills.listed(tx, "g", Wanted(), after, 2):
            found += [one.id for one in page]
            after = (page[-1].created_at_s, page[-1].id)
        assert found == ["b4", "b3", "b2", "b1", "b"]

        def ids(**wanted: str) -> list[str]:
            return [one.id for one in bills.listed(tx, "g", Wanted(**wanted), None, 9)]  # type: ignore[arg-type]  # names

        assert ids(state="deleted") == ["b0"]
        assert ids(state="accepted") == ["b"]
        assert ids(currency="USD") == ["b4"]
        assert ids(import_id="i") == ["b3", "b1"]
        assert ids(member_id="dee") == []
        assert len(ids(member_id="cy")) == 5
