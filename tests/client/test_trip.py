"""A whole trip of five people in two currencies, at a real service, until nobody owes anybody anything."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from chainwallet.client import Client
from chainwallet.client.bills import Bill
from chainwallet.client.plans import Plan
from tests.cli.command import Command, wait_until
from tests.client.conftest import PASSWORD
from tests.serve.service import serving

FRIENDS = ("@ana", "@ben", "@cleo", "@dee")
BROUGHT = {"EUR": Decimal("200.00"), "JPY": Decimal(20_000)}


@dataclass(frozen=True)
class Trip:
    """Who travels, each with a client, and the ids of group and members. Iris is the issuer and stays at home."""

    at: Mapping[str, Client]
    group: str
    ids: Mapping[str, str]

    def equal(self, *who: str) -> dict[str, object]:
        """The split in which all of them owe the same."""
        return {"mode": "equal", "people": [self.ids[name] for name in who]}

    def accept(self, bill: Bill, *who: str) -> Bill:
        """The bill that these have accepted."""
        for name in who:
            bill = self.at[name].accept_bill(self.group, bill.id, bill.version)
        return bill

    def sign(self, plan: Plan, *, but: str = "") -> None:
        """Everybody who pays signs, but one."""
        for leg in plan.legs:
            if leg.has_signed is not None and leg.name != but:
                self.at[leg.name].consent(self.group, plan.id)

    def settled(self, plan: Plan) -> Plan:
        """The plan when the chain has carried it out for good."""
        wait_until(lambda: self.at["@ana"].plan(self.group, plan.id).is_final, "a clearing")
        return self.at["@ana"].plan(self.group, plan.id)


@pytest.fixture
def enter(tmp_path: Path) -> Iterator[Callable[[str], Client]]:
    """Signs somebody up at a service with two currencies, and in; @iris may issue."""
    command = Command(tmp_path / "home").with_settings(
        CHAINWALLET_SIGN_UP_PER_MINUTE="1000", CHAINWALLET_SIGN_IN_PER_MINUTE="1000"
    )
    with serving(command, "--port", "0", "--currency", "EUR", "--currency", "JPY") as service, ExitStack() as stack:
        url = str(service.wait_for("ready")["url"])

        def enter(handle: str) -> Client:
            client = stack.enter_context(Client(url))
            client.sign_up(handle, PASSWORD)
            if handle == "@iris":
                command.said("account", "role", "@iris", "issuer", "--grant")
            client.sign_in(handle, PASSWORD)
            return client

        yield enter


def with_money(issuer: Client, *handles: str) -> None:
    """Gives each of them what is brought, final."""
    orders = [
        (f"{handle[1:]}-{code}", handle, code, f"{each} {code}") for handle in handles for code, each in BROUGHT.items()
    ]
    for reference, handle, _, amount in orders:
        issuer.top_up(reference, handle, amount)
    wait_until(
        lambda: all(issuer.topup(reference, code).stage == "final" for reference, _, code, _ in orders), "the money"
    )


def gathered(at: Mapping[str, Client]) -> Trip:
    """The group of Ana, those with accounts, and Eli as a guest."""
    ana = at["@ana"]
    group = ana.make_group("Porto and Kyoto").id
    for handle in FRIENDS[1:]:
        at[handle].accept_invitation(ana.invite(group, handle).invitation.id)
    ana.add_guest(group, "Eli")
    return Trip(at, group, {one.name: one.id for one in ana.group(group).members})


def dinner(trip: Trip) -> Bill:
    """Everybody had something, Eli too, who has no account yet; Ana and Ben paid."""
    had: dict[str, tuple[str, int, tuple[str, ...]]] = {
        "Bacalhau": ("18.50", 2, ("@ana", "@ben")),
        "Francesinha": ("12.10", 2, ("@cleo", "@dee")),
        "Caldo verde": ("7.00", 1, ("Eli",)),
        "Vinho": ("9.90", 2, FRIENDS),
    }
    items = [
        {"label": label, "price": price, "quantity": quantity, "people": [{"member": trip.ids[name]} for name in who]}
        for label, (price, quantity, who) in had.items()
    ]
    split = {"mode": "itemised", "items": items, "tip": {"percent": "10"}}
    paid = {trip.ids["@ana"]: "60.00", trip.ids["@ben"]: "36.80"}
    bill = trip.at["@ana"].add_bill(trip.group, "Dinner", "EUR", split, paid)
    return trip.accept(bill, "@cleo", "@dee")


def taxi(trip: Trip) -> Bill:
    """Dee walked, and says so; Ben divides it anew, which asks those again who owe more now."""
    paid = {trip.ids["@ben"]: "45.00"}
    bill = trip.at["@ben"].add_bill(trip.group, "Taxi", "EUR", trip.equal(*FRIENDS), paid, total="45.00")
    trip.accept(bill, "@ana", "@cleo")
    disputed = trip.at["@dee"].reject_bill(trip.group, bill.id, bill.version, "I walked")
    assert disputed.state == "disputed"
    assert not trip.at["@ana"].preview_plan(trip.group, "EUR").debts
    amended = trip.at["@ben"].amend_bill(
        trip.group, bill.id, bill.version, "Taxi", "EUR", trip.equal("@ana", "@ben", "@cleo"), paid, total="45.00",
        reason="Dee walked",
    )  # fmt: skip
    assert ({one.name for one in amended.asked}, amended.state) == ({"@ana", "@cleo"}, "open")
    return trip.accept(amended, "@ana", "@cleo")


def test_a_trip_ends_with_everybody_even(enter: Callable[[str], Client]) -> None:
    """Dinner, ramen, a disputed taxi, a refund, a guest who comes later and one who does not sign: all are even after
    two clearings and one in yen, each wallet has exactly what its bills say, and no money was lost or made."""
    iris = enter("@iris")
    at = {handle: enter(handle) for handle in FRIENDS}
    with_money(iris, *FRIENDS)
    trip = gathered(at)
    bills = [dinner(trip), taxi(trip)]
    assert [bill.state for bill in bills] == ["open", "accepted"]
    ramen = at["@cleo"].add_bill(
        trip.group, "Ramen", "JPY", trip.equal(*FRIENDS), {trip.ids["@cleo"]: "9001"}, total="9001"
    )
    bills.append(trip.accept(ramen, "@ana", "@ben", "@dee"))
    back = at["@ana"].add_bill(
        trip.group, "Deposit back", "EUR", trip.equal("@ana", "@ben", "@cleo"), {trip.ids["@ana"]: "-30.00"},
        total="-30.00",
    )  # fmt: skip
    bills.append(back)
    assert back.state == "accepted"  # it charges Ana alone, who has the money

    eli = at["Eli"] = enter("@eli")
    with_money(iris, "@eli")
    eli.join(str(at["@ana"].claim_link(trip.group, trip.ids["Eli"]).token))
    assert {one.id: one.handle for one in eli.group(trip.group).members}[trip.ids["Eli"]] == "@eli"
    (asked,) = eli.bills(trip.group, asks=trip.ids["Eli"])
    assert [one.title for one in eli.accept_bills(trip.group)] == [asked.title] == ["Dinner"]

    first = at["@ben"].make_plan(trip.group, "EUR")
    trip.sign(first, but="@dee")
    second = at["@ana"].drop_from_plan(trip.group, first.id, trip.ids["@dee"])
    assert "@dee" not in {leg.name for leg in second.legs}
    trip.sign(second)
    assert trip.settled(second).stage == "settled"
    assert {one.member.name for one in at["@dee"].group_balances(trip.group)[0].owed} == {"@ana", "@ben"}

    for currency in ("EUR", "JPY"):
        last = at["@dee"].make_plan(trip.group, currency)
        trip.sign(last)
        assert trip.settled(last).is_final
    assert_even(trip, iris)


def assert_even(trip: Trip, iris: Client) -> None:
    """Nobody owes anything; wallets by facts and by the node's state are what was brought and the bills say."""
    owed: Counter[tuple[str, str]] = Counter()
    for bill in trip.at["@ana"].bills(trip.group):
        assert {debt.state for debt in bill.debts} == {"settled"}
        for line in bill.lines:
            owed[line.member.name, bill.currency] += line.net  # type: ignore[assignment]  # a counter of decimals
    for name, client in trip.at.items():
        for one in client.group_balances(trip.group):
            assert (one.owed, one.pending, one.disputed, one.debts, one.plan) == ((), (), (), (), ())
            assert not any(net.amount for net in one.nets)
        (wallet,) = client.wallets()
        held = {one.amount.currency: one for one in iris.balance_of(wallet.address, compare=True).balances}
        for code, brought in BROUGHT.items():
            assert held[code].amount.amount == brought + owed[name, code]
            state = held[code].state
            assert state is not None
            assert state.agrees
    for supply in iris.supply().supplies:
        assert supply.conserved
        assert supply.held.amount == 5 * BROUGHT[supply.issued.currency]
