"""A group as a file: Iris paid 60.00 for Ana, Cleo and herself; they settle up, and all of it goes out with proofs."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from chainwallet.abi.typed_data import from_typed_data, signer_of, struct_hash
from chainwallet.api.parts import Parts
from chainwallet.evm import from_hex, keccak256, to_hex
from chainwallet.formats.group_document import read_group, typed_of, write_group
from chainwallet.keys.signer import verify_signature
from chainwallet.rules.canonical import canonical
from tests.api.service import Asking, bearer, open_accounts
from tests.chain.bench import Bench, key_of
from tests.chain.stories import tick_until_still


class Trip:
    """The group, as its people ask about it."""

    def __init__(self, client: Asking) -> None:
        self.client = client
        made = client.post("/v1/groups", json={"name": "Trip"}, headers=bearer("iris")).json()
        self.id: str = made["id"]
        self.ids = {"iris": made["me"]}
        for who in ("ana", "cleo"):
            invited = self.ask("iris", "POST", "/invitations", {"handle": who}).json()
            client.post(f"/v1/invitations/{invited['invitation']['id']}/accept", headers=bearer(who))
            (there,) = client.get("/v1/groups", headers=bearer(who)).json()["groups"]
            self.ids[who] = there["me"]

    def ask(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, f"/v1/groups/{self.id}{path}", json=body, headers=bearer(who))

    def order(self, title: str, total: str, payer: str, *people: str) -> dict[str, Any]:
        split = {"mode": "equal", "people": [self.ids[one] for one in people]}
        payers = [{"member": self.ids[payer], "amount": total}]
        return {"title": title, "currency": "EUR", "total": total, "split": split, "payers": payers}

    def add(self, payer: str, title: str, total: str, *people: str) -> dict[str, Any]:
        answer = self.ask(payer, "POST", "/bills", self.order(title, total, payer, *people))
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def do(self, who: str, bill: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
        answer = self.ask(who, "POST", f"/bills/{bill['id']}/{what}", {"version": bill["version"], **body})
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
def trip(client: Asking, bench: Bench, parts: Parts) -> Trip:
    """All that may become of bills: settled in a plan, paid alone, in cash; amended, disputed, deleted, reversed."""
    open_accounts(bench.database)
    bench.top_up("20.00", "cleo")
    bench.indexer().catch_up()
    trip = Trip(client)
    dinner = trip.add("iris", "Dinner", "60.00", "ana", "cleo", "iris")
    for who in ("ana", "cleo"):
        trip.do(who, dinner, "accept")
    plan = trip.ask("iris", "POST", "/plans", {"currency": "EUR"}).json()["id"]
    trip.ask("ana", "POST", f"/plans/{plan}/consent")
    document = trip.ask("cleo", "POST", f"/plans/{plan}/consent").json()["to_sign"]
    signature = to_hex(key_of("cleo").sign(*from_typed_data(document)))
    trip.ask("cleo", "POST", f"/plans/{plan}/consent", {"signature": signature})
    worker = replace(bench.worker(), chore=partial(parts.clearings.see_to, int(parts.clock_s())))
    tick_until_still(worker)
    trip.do("ana", trip.add("iris", "Taxi", "5.00", "ana"), "payments")
    tick_until_still(worker)
    museum = trip.add("iris", "Museum", "9.00", "ana", "cleo", "iris")
    trip.do("iris", museum, "paid-elsewhere", debtors=[trip.ids["cleo"]], note="cash")
    hotel = trip.add("ana", "Hotel", "90.01", "ana", "cleo", "iris")
    trip.do("cleo", hotel, "reject", reason="I left early")
    changed = trip.order("Hostel", "70.01", "ana", "ana", "cleo", "iris") | {"version": 1, "reason": "two nights"}
    amended = trip.ask("ana", "PUT", f"/bills/{hotel['id']}", changed).json()
    trip.do("cleo", amended, "propose", split={"mode": "equal", "people": [trip.ids["ana"]]}, reason="not mine")
    bus = trip.add("ana", "Bus", "3.00", "cleo")
    trip.ask("ana", "DELETE", f"/bills/{bus['id']}")
    gift = trip.add("ana", "Gift", "8.00", "cleo", "iris")
    trip.ask("ana", "POST", f"/bills/{gift['id']}/reversal", {"note": "given back"})
    return trip


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_the_file_has_all_and_its_proofs_hold(trip: Trip, bench: Bench) -> None:
    """Hashes are those of the terms, signatures those of the payers, and transactions are on the chain."""
    answer = trip.ask("cleo", "GET", "/export.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    group = read_group(answer.content)
    assert write_group(group) == answer.content
    titles = {bill.versions[-1].terms["title"]: bill for bill in group.bills}
    assert set(titles) == {"Dinner", "Taxi", "Museum", "Hostel", "Bus", "Gift", "Reversal of Gift"}
    for bill in group.bills:
        for version in bill.versions:
            assert to_hex(keccak256(canonical(version.terms))) == version.hash
    (plan,) = group.plans
    assert {debt.plan for debt in titles["Dinner"].debts} == {plan.id}
    assert {one.member for one in plan.consents} == {trip.ids["ana"], trip.ids["cleo"]}
    for consent in plan.consents:
        signed, domain = typed_of(consent.document, "document")
        assert to_hex(struct_hash(signed.settlement)) == plan.settlement_hash  # type: ignore[union-attr]
        assert consent.signature is not None
        signer = signer_of(signed)
        assert signer is not None
        verify_signature(signed, domain, from_hex(consent.signature), signer)
    (paid,) = titles["Taxi"].debts
    assert paid.payment is not None
    assert paid.payment.signature is not None
    signed, domain = typed_of(paid.payment.document, "document")
    verify_signature(signed, domain, from_hex(paid.payment.signature), key_of("ana").address)
    for where in (plan, paid.payment):
        receipt = bench.node.receipt(from_hex(where.tx))  # type: ignore[arg-type]
        assert receipt is not None
        assert receipt.block == where.block
    cash = next(debt for debt in titles["Museum"].debts if debt.debtor == trip.ids["cleo"])
    assert cash.elsewhere is not None
    assert (cash.elsewhere.said_by, cash.elsewhere.note) == (trip.ids["iris"], "cash")
    hostel = titles["Hostel"]
    assert [(one.answer, one.version, one.reason) for one in hostel.answers if one.member == trip.ids["cleo"]] == [
        ("rejected", 1, "I left early"),
        ("proposed", 2, "not mine"),
    ]
    assert (hostel.state, titles["Bus"].deleted_at_s is None) == ("disputed", False)
    assert titles["Reversal of Gift"].reverses == titles["Gift"].id
    assert b"account_id" not in answer.content


def test_what_is_under_way_is_not_told(trip: Trip) -> None:
    """Nobody gets a signature that the chain has not carried out; a debt that is being paid is open in the file."""
    share = trip.add("iris", "Boat", "4.00", "ana")
    trip.do("ana", share, "payments")
    group = read_group(trip.ask("iris", "GET", "/export.json").content)
    (debt,) = next(bill for bill in group.bills if bill.id == share["id"]).debts
    assert (debt.payment, debt.plan, debt.elsewhere) == (None, None, None)


def test_strangers_get_no_file(trip: Trip) -> None:
    """Who is not in the group is told that there is none."""
    answer = trip.ask("ben", "GET", "/export.json")
    assert told(answer) == (404, "not-found")
    assert json.loads(answer.content)["name"] == trip.id
