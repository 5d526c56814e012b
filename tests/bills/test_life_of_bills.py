"""The life of a bill: who is asked, what an answer does, and what an amendment, a tombstone or a reversal changes."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from chainwallet.bills import Bills, clearable, ledger_root
from chainwallet.errors import (
    AlreadyExists,
    BadValue,
    BillDisputed,
    BillSettled,
    ChainwalletError,
    Forbidden,
    NotFound,
    StaleVersion,
    TooLate,
)
from chainwallet.rules.bill import Accepted, Proposed, Rejected, Withdrawn
from chainwallet.rules.split import Adjustments, Equal, Exact, Percent
from chainwallet.store import debts, members
from chainwallet.store.database import Database, Transaction
from tests.bills.trip import EUR, Trip, dinner, eur, terms
from tests.postgres import on_both


@on_both
def test_a_bill_is_accepted_when_all_whom_it_charges_have(trip: Trip) -> None:
    """Its author's line counts as accepted; it is open until the last of the others accepts, and then in the ledger."""
    bill = trip.add("bo", dinner(payer="ana"))
    assert (bill.standing.state, bill.standing.asked) == ("open", ("cy",))
    assert trip.debts(bill.record.bill.id) == {("bo", "ana", 1000, "open"), ("cy", "ana", 1000, "open")}
    with trip.database.read() as tx:
        assert clearable(tx, "g", EUR) == ()
    bill = trip.respond("cy", bill.record.bill.id, 1, Accepted())
    assert bill.standing.state == bill.record.bill.state == "accepted"
    with trip.database.read() as tx:
        assert {(one.debtor, one.amount_minor) for one in clearable(tx, "g", EUR)} == {("bo", 1000), ("cy", 1000)}
    assert trip.kinds() == ["bill.added", "bill.accepted"]
    assert trip.events()[0].words == "Bo added Dinner, 30.00 EUR; Cy asked to accept"


@on_both
def test_a_disputed_bill_leaves_the_ledger_until_that_is_resolved(trip: Trip) -> None:
    """A rejection takes an accepted bill out of balances and plans; withdrawn and accepted, it is back."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    trip.respond("bo", name, 1, Accepted())
    assert trip.said("bo") == ["you owe Ana 15.00: Dinner 15.00"]
    with trip.database.read() as tx:
        (debt,) = clearable(tx, "g", EUR)
        root = ledger_root(tx, "g", EUR, [debt])
    bill = trip.respond("bo", name, 1, Rejected("I was not there"))
    assert (bill.standing.state, bill.standing.disputing) == ("disputed", ("bo",))
    assert trip.said("bo") == []
    assert (trip.balances("bo")[0].nets, trip.balances("bo")[0].debts) == ((), ())
    assert [one.words for one in trip.balances("bo")[0].disputed] == ["you owe Ana 15.00: Dinner 15.00"]
    with trip.database.read() as tx:
        assert clearable(tx, "g", EUR) == ()
    assert trip.respond("bo", name, 1, Withdrawn()).standing.state == "open"
    assert trip.respond("bo", name, 1, Accepted()).standing.state == "accepted"
    with trip.database.read() as tx:
        assert ledger_root(tx, "g", EUR, clearable(tx, "g", EUR)) == root


def test_a_title_never_moves_a_cent_nor_asks_again(trip: Trip) -> None:
    """An amendment of texts keeps every line, every debt and every acceptance."""
    name = trip.add("ana", dinner("10.00")).record.bill.id
    for who in ("bo", "cy"):
        trip.respond(who, name, 1, Accepted())
    before = trip.debts(name)
    bill = trip.amend("ana", name, 1, replace(dinner("10.00"), title="Supper", note="fish"))
    assert (bill.record.bill.version, bill.standing.state) == (2, "accepted")
    assert trip.debts(name) == before
    with trip.database.read() as tx:
        assert {one.since_version for one in debts.of_bill(tx, name)} == {1}
    assert {said.is_carried_over for said in bill.record.said.values()} == {True}


@on_both
def test_an_amendment_asks_only_those_whose_money_it_moves(trip: Trip) -> None:
    """Who owes the same keeps their acceptance, all others are asked again, and the debts are new ones."""
    name = trip.add("ana", terms("30.00", Exact({"bo": eur("10.00"), "cy": eur("20.00")}), {"ana": "30.00"})).record
    for who in ("bo", "cy"):
        trip.respond(who, name.bill.id, 1, Accepted())
    more = terms("35.00", Exact({"bo": eur("10.00"), "cy": eur("25.00")}), {"ana": "35.00"})
    bill = trip.amend("ana", name.bill.id, 1, more)
    assert (bill.standing.accepted, bill.standing.asked) == (("bo",), ("cy",))
    assert trip.debts(name.bill.id) == {("bo", "ana", 1000, "open"), ("cy", "ana", 2500, "open")}
    assert trip.events()[-1].words == "Ana amended Dinner: 35.00 EUR instead of 30.00 EUR; Cy asked to accept"


def test_who_is_charged_proposes_and_the_author_adopts(trip: Trip) -> None:
    """A proposal disputes the bill; adopted, it is the next version, which its proposer has accepted."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    split = Percent({"ana": 60, "bo": 40})
    bill = trip.respond("bo", name, 1, Proposed(split, "I had no wine"))
    assert bill.standing.state == "disputed"
    bill = trip.write(lambda tx: trip.bills.adopt(tx, trip.caller("ana"), "g", name, 1, "bo"))
    assert (bill.record.bill.version, bill.standing.state, bill.record.terms.split) == (2, "accepted", split)
    assert bill.record.version.reason == "I had no wine"
    assert trip.debts(name) == {("bo", "ana", 1200, "open")}
    with pytest.raises(BadValue, match="member"):
        trip.write(lambda tx: trip.bills.adopt(tx, trip.caller("ana"), "g", name, 2, "bo"))


def test_an_answer_to_an_old_version_is_refused(trip: Trip) -> None:
    """Who accepts what was amended meanwhile is told the current version, and has accepted nothing."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    trip.amend("ana", name, 1, dinner("40.00", people="ana bo"))
    for answer in (Accepted(), Rejected("no"), Withdrawn()):
        with pytest.raises(StaleVersion) as refused:
            trip.respond("bo", name, 1, answer)
        assert (refused.value.given, refused.value.current) == (1, 2)
    assert trip.bills.show(trip.caller("ana"), "g", name).seen.standing.asked == ("bo",)


@on_both
def test_of_two_amendments_at_once_one_wins(trip: Trip, where: str) -> None:
    """Two that amend the same version at the same moment make one next version; the other is told so."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    start, found = threading.Barrier(4), []

    def amend(number: int) -> None:
        with closing(Database.open(where)) as mine:
            bills = replace(trip.bills, database=mine)
            start.wait()
            try:
                of = dinner(f"{40 + number}.00", people="ana bo")
                seen = mine.write(lambda tx: bills.amend(tx, trip.caller("ana"), "g", name, 1, of))
                found.append(str(seen.record.terms.total))
            except StaleVersion:
                found.append("stale")

    threads = [threading.Thread(target=amend, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [one for one in found if one != "stale"]
    story = trip.bills.show(trip.caller("ana"), "g", name)
    assert (len(found), len(story.versions), str(story.seen.record.terms.total)) == (4, 2, won)


def test_the_same_amendment_again_is_the_same(trip: Trip) -> None:
    """Whose answer got lost asks again, and gets the version that it made."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    for version in (1, 1, 2):
        bill = trip.amend("ana", name, version, dinner("40.00", people="ana bo"))
        assert bill.record.bill.version == 2
    assert trip.kinds() == ["bill.added", "bill.amended"]


@on_both
def test_a_settled_debt_is_never_undone_by_an_edit(trip: Trip) -> None:
    """What a creditor called paid stays so: no amendment of money, no deletion, no dispute by who paid."""
    name = trip.add("ana", dinner()).record.bill.id
    for who in ("bo", "cy"):
        trip.respond(who, name, 1, Accepted())
    trip.write(lambda tx: trip.bills.say_paid_elsewhere(tx, trip.caller("ana"), "g", name, 1, ["bo"], "cash"))
    settled = {("bo", "ana", 1000, "settled"), ("cy", "ana", 1000, "open")}
    assert trip.debts(name) == settled
    with pytest.raises(BillSettled):
        trip.amend("ana", name, 1, dinner("60.00"))
    with pytest.raises(BillSettled):
        trip.write(lambda tx: trip.bills.delete(tx, trip.caller("ana"), "g", name))
    with pytest.raises(BillSettled):
        trip.respond("bo", name, 1, Rejected("on second thoughts"))
    assert trip.amend("ana", name, 1, replace(dinner(), title="Supper")).standing.state == "accepted"
    assert trip.debts(name) == settled
    assert trip.said("ana") == ["Cy owes you 10.00: Supper 10.00"]
    with trip.database.read() as tx:
        assert [one.debtor for one in clearable(tx, "g", EUR)] == ["cy"]


def test_a_reversal_undoes_a_settled_bill(trip: Trip) -> None:
    """The reversal has everybody's line negated and debts the other way round; there is one at a time."""
    name = trip.add("ana", dinner("10.00")).record.bill.id
    trip.respond("bo", name, 1, Accepted())
    trip.write(lambda tx: trip.bills.say_paid_elsewhere(tx, trip.caller("ana"), "g", name, 1, ["bo"]))
    undone = trip.write(lambda tx: trip.bills.reverse(tx, trip.caller("ana"), "g", name, "wrong trip"))
    record = undone.record
    assert (record.bill.reverses, record.terms.title, record.terms.note) == (name, "Reversal of Dinner", "wrong trip")
    assert sum(line.net.amount_minor for line in record.lines) == 0
    assert {(debtor, creditor) for debtor, creditor, _, _ in trip.debts(record.bill.id)} == {
        ("ana", "bo"),
        ("ana", "cy"),
    }
    was = {(debtor, amount) for debtor, _, amount, _ in trip.debts(name)}
    assert {(creditor, amount) for _, creditor, amount, _ in trip.debts(record.bill.id)} == was
    assert record.bill.state == "accepted", "its author alone is charged"
    with pytest.raises(AlreadyExists):
        trip.write(lambda tx: trip.bills.reverse(tx, trip.caller("ana"), "g", name))
    assert [one.id for one in trip.bills.show(trip.caller("bo"), "g", name).reversals] == [record.bill.id]


@on_both
def test_a_deleted_bill_counts_nowhere_until_it_is_restored(trip: Trip) -> None:
    """A tombstone takes a bill out of balances and the ledger, keeps all of it, and is taken away again."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    trip.respond("bo", name, 1, Accepted())
    for _ in range(2):
        bill = trip.write(lambda tx: trip.bills.delete(tx, trip.caller("ana"), "g", name))
        assert bill.standing.state == "deleted"
    assert trip.balances("bo") == ()
    with pytest.raises(TooLate):
        trip.respond("bo", name, 1, Rejected("no"))
    with pytest.raises(TooLate):
        trip.amend("ana", name, 1, dinner())
    for _ in range(2):
        bill = trip.write(lambda tx: trip.bills.restore(tx, trip.caller("ana"), "g", name))
        assert bill.standing.state == "accepted"
    assert trip.said("bo") == ["you owe Ana 15.00: Dinner 15.00"]
    assert trip.kinds()[-2:] == ["bill.deleted", "bill.restored"]


def test_a_bill_of_somebody_who_left_is_not_restored(trip: Trip) -> None:
    """A tombstone is not taken away where that would charge somebody who has left the group since."""
    name = trip.add("ana", dinner(people="ana bo")).record.bill.id
    trip.write(lambda tx: trip.bills.delete(tx, trip.caller("ana"), "g", name))
    with trip.database.transaction() as tx:
        members.change(tx, replace(members.with_ids(tx, ["bo"])["bo"], left_at_s=9))
    with pytest.raises(TooLate, match="Bo has left"):
        trip.write(lambda tx: trip.bills.restore(tx, trip.caller("ana"), "g", name))
    with pytest.raises(BadValue, match="people"):
        trip.add("ana", dinner())


def test_who_only_owes_proposes_and_does_not_amend(trip: Trip) -> None:
    """Author, creditors and owners change a bill; whom it charges answers, so that nobody's claim shrinks silently."""
    name = trip.add("bo", dinner(payer="bo", people="bo cy")).record.bill.id
    with pytest.raises(Forbidden):
        trip.amend("cy", name, 1, dinner("2.00", payer="bo", people="bo cy"))
    with pytest.raises(Forbidden):
        trip.write(lambda tx: trip.bills.delete(tx, trip.caller("cy"), "g", name))
    with pytest.raises(Forbidden):
        trip.write(lambda tx: trip.bills.reverse(tx, trip.caller("cy"), "g", name))
    assert trip.amend("ana", name, 1, dinner("40.00", payer="bo", people="bo cy")).record.bill.version == 2


def everything(bills: Bills, who: str, trip: Trip, name: str) -> list[Callable[[Transaction], object]]:
    """All that somebody may try with a bill."""
    caller = trip.caller(who)
    return [
        lambda tx: bills.add(tx, caller, "g", dinner()),
        lambda tx: bills.amend(tx, caller, "g", name, 1, dinner("1.00")),
        lambda tx: bills.adopt(tx, caller, "g", name, 1, "bo"),
        lambda tx: bills.delete(tx, caller, "g", name),
        lambda tx: bills.restore(tx, caller, "g", name),
        lambda tx: bills.reverse(tx, caller, "g", name),
        lambda tx: bills.respond(tx, caller, "g", name, 1, Accepted()),
        lambda tx: bills.accept_all(tx, caller, "g"),
        lambda tx: bills.say_paid_elsewhere(tx, caller, "g", name, 1, []),
    ]


@pytest.mark.parametrize(("who", "error"), [("dee", Forbidden), ("eve", NotFound)])
def test_viewers_only_see_and_strangers_find_nothing(trip: Trip, who: str, error: type[ChainwalletError]) -> None:
    """A viewer changes nothing; somebody outside with the right ids does not learn that there is a group."""
    name = trip.add("ana", dinner()).record.bill.id
    before = trip.debts(name)
    for work in everything(trip.bills, who, trip, name):
        with pytest.raises(error):
            trip.write(work)
    with pytest.raises(error):
        trip.bills.pay(trip.caller(who), "g", name, 1)
    assert trip.debts(name) == before
    assert trip.kinds() == ["bill.added"]
    if who == "dee":
        assert trip.bills.show(trip.caller(who), "g", name).seen.standing.asked == ("bo", "cy")
        return
    for read in (
        lambda: trip.bills.show(trip.caller(who), "g", name),
        lambda: trip.balances(who),
    ):
        with pytest.raises(NotFound):
            read()


def test_people_of_a_bill_are_members_of_its_group(trip: Trip) -> None:
    """A payer or participant from outside, or one who only views, is refused by name, and nothing is stored."""
    outside = [
        (dinner(people="ana eve"), "people", "eve"),
        (dinner(people="ana dee"), "people", "dee"),
        (dinner(payer="eve"), "payers.eve", "eve"),
    ]
    for of, where, value in outside:
        with pytest.raises(BadValue) as refused:
            trip.add("ana", of)
        assert (refused.value.field, refused.value.value) == (where, value)
    name = trip.add("ana", dinner()).record.bill.id
    with pytest.raises(BadValue, match="people"):
        trip.respond("bo", name, 1, Proposed(Equal(("bo", "eve")), "she was there"))
    assert trip.kinds() == ["bill.added"]


def test_a_guest_owes_and_is_not_in_the_ledger(trip: Trip) -> None:
    """A guest's debt keeps a bill open: nobody accepts for them, and they have no wallet."""
    bill = trip.add("ana", dinner(people="ana gus"))
    assert (bill.standing.state, bill.standing.asked) == ("open", ("gus",))
    assert [one.words for one in trip.balances("ana")[0].pending] == ["Gus owes you 15.00: Dinner 15.00"]
    guest = trip.add("ana", dinner(payer="gus", people="ana gus"))
    assert guest.standing.state == "accepted"
    with trip.database.read() as tx:
        assert clearable(tx, "g", EUR) == ()
    assert trip.balances("ana")[0].plan == ()


@on_both
def test_all_that_waits_is_accepted_at_once(trip: Trip) -> None:
    """Bills that somebody is asked about are accepted together, but for those that they dispute."""
    names = [trip.add("ana", dinner(title=f"Day {day}", people="ana bo")).record.bill.id for day in range(4)]
    trip.respond("bo", names[1], 1, Rejected("not mine"))
    trip.add("ana", dinner(people="ana cy"))
    done = trip.write(lambda tx: trip.bills.accept_all(tx, trip.caller("bo"), "g"))
    assert {one.record.bill.id: one.standing.state for one in done} == {
        name: "accepted" for name in names if name != names[1]
    }
    assert trip.events()[-1].words == "Bo accepted Day 0, Day 2, Day 3"
    assert trip.write(lambda tx: trip.bills.accept_all(tx, trip.caller("bo"), "g")) == ()


@on_both
def test_balances_name_the_bills_behind_them(trip: Trip) -> None:
    """What two people owe each other is one sum, with what each bill adds or takes away in words."""
    for who, of in [
        ("bo", dinner("40.00", "bo", "ana bo", "hotel")),
        ("ana", dinner("15.20", "ana", "ana bo", "taxi")),
    ]:
        name = trip.add(who, of).record.bill.id
        trip.respond("ana" if who == "bo" else "bo", name, 1, Accepted())
    assert trip.said("ana") == ["you owe Bo 12.40: hotel 20.00, minus your taxi 7.60"]
    assert trip.said("bo") == ["Ana owes you 12.40: hotel 20.00, minus Ana's taxi 7.60"]
    (all_of,) = trip.balances("cy")
    assert [(one.name, str(net)) for one, net in all_of.nets] == [("Ana", "-12.40 EUR"), ("Bo", "12.40 EUR")]
    assert [(one.debtor.name, one.creditor.name, str(one.amount)) for one in all_of.debts] == [
        ("Ana", "Bo", "20.00 EUR"),
        ("Bo", "Ana", "7.60 EUR"),
    ]
    assert [(one.debtor.name, str(one.amount)) for one in all_of.transfers] == [("Ana", "12.40 EUR")]
    assert all_of.plan == all_of.nets


def test_who_pays_elsewhere_is_said_by_who_was_paid(trip: Trip) -> None:
    """A creditor names those who paid; nobody else does, and not while the bill is disputed."""
    name = trip.add("ana", dinner()).record.bill.id

    def say(who: str, *debtors: str) -> object:
        return trip.write(lambda tx: trip.bills.say_paid_elsewhere(tx, trip.caller(who), "g", name, 1, debtors))

    with pytest.raises(BadValue, match="owed"):
        say("bo")
    with pytest.raises(BadValue, match="debtors"):
        say("ana", "gus")
    trip.respond("bo", name, 1, Rejected("no"))
    with pytest.raises(BillDisputed):
        say("ana", "cy")
    trip.respond("bo", name, 1, Withdrawn())
    say("ana")
    assert {state for *_, state in trip.debts(name)} == {"settled"}
    with pytest.raises(BillSettled):
        say("ana")
    assert trip.events()[-1].words == "Ana says that Bo (10.00 EUR), Cy (10.00 EUR) paid for Dinner elsewhere"


def test_texts_of_a_bill_are_kept_as_they_are(trip: Trip) -> None:
    """Markup, quotes and other scripts in a title are text like any other, in words and events too."""
    title = "<script>alert('x')</script>\"; DROP TABLE bills; --"
    name = trip.add("ana", dinner(people="ana bo", title=title)).record.bill.id
    trip.respond("bo", name, 1, Accepted())
    (said,) = trip.said("bo")
    assert said.startswith("you owe Ana 15.00: <script>alert")
    assert trip.bills.show(trip.caller("bo"), "g", name).seen.record.version.title == title
    with pytest.raises(BadValue, match="title"):
        dinner(title="pay\u202eana")


def test_adjustments_and_several_payers_are_exact(trip: Trip) -> None:
    """Several payers are each owed their part of every debtor's share, to the cent."""
    of = terms("100.00", Adjustments(("ana", "bo", "cy", "gus"), {"cy": eur("0.03")}), {"ana": "66.67", "bo": "33.33"})
    name = trip.add("ana", of).record.bill.id
    owed = trip.debts(name)
    record = trip.bills.show(trip.caller("ana"), "g", name).seen.record
    nets = {line.person: line.net.amount_minor for line in record.lines}
    assert sum(nets.values()) == 0
    for member, net in nets.items():
        is_owed = sum(amount for _, creditor, amount, _ in owed if creditor == member)
        owes = sum(amount for debtor, _, amount, _ in owed if debtor == member)
        assert is_owed - owes == net
