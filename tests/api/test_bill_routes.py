"""Bills over HTTP: a group of Ana, Ben, Cleo (who signs elsewhere) and Iris writes, disputes and pays them."""

import json
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from chainwallet.abi.typed_data import Document, Domain, from_typed_data
from chainwallet.api.parts import Parts
from chainwallet.errors import KeyServiceUnreachable
from chainwallet.evm import keccak256, to_hex
from chainwallet.keys.signer import LocalSigner
from chainwallet.rules.promise import stage_name
from chainwallet.store import bills, promises
from tests.api.service import Asking, bearer, caller_of, open_accounts
from tests.chain.bench import Bench, key_of
from tests.chain.stories import tick_until_still

EXAMPLES = {"ana": "3f1c0d5e9a7b2468", "ben": "a01b2c3d4e5f6071", "cleo": "77c0ffee12345678"}
"""The ids of members in the document's examples."""
PEOPLE = ("ana", "ben", "cleo", "iris")


@dataclass
class Group:
    """The group, its members' ids, and short words for what they ask."""

    client: Asking
    id: str
    ids: dict[str, str]

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        where = f"/v1/groups/{self.id}{path}"
        return self.client.request(method, where, json=body, headers={**bearer(who), **headers})

    def order(self, total: str, payer: str, *people: str, **changes: Any) -> dict[str, Any]:
        split = {"mode": "equal", "people": [self.ids[one] for one in people]}
        payers = [{"member": self.ids[payer], "amount": total}]
        return {"title": "Dinner", "currency": "EUR", "total": total, "split": split, "payers": payers} | changes

    def add(self, who: str, order: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask(who, "POST", "/bills", order)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def do(self, who: str, bill: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
        """What ``who`` does with the version of a bill that they were shown; all is well."""
        answer = self.ask(who, "POST", f"/bills/{bill['id']}/{what}", {"version": bill["version"], **body})
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def show(self, who: str, bill: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = self.ask(who, "GET", f"/bills/{bill['id']}").json()
        return told

    def debts(self, bill: dict[str, Any]) -> dict[str, str]:
        """The state of everybody's debt."""
        names = {member: name for name, member in self.ids.items()}
        return {names[one["debtor"]["id"]]: one["state"] for one in self.show("ana", bill)["debts"]}


@pytest.fixture
def group(client: Asking, bench: Bench) -> Group:
    """A group of all people, whose history is followed."""
    open_accounts(bench.database)
    bench.indexer().catch_up()
    made = client.post("/v1/groups", json={"name": "Porto"}, headers=bearer("ana")).json()
    ids = {"ana": made["me"]}
    for who in PEOPLE[1:]:
        client.post(f"/v1/groups/{made['id']}/invitations", json={"handle": f"@{who}"}, headers=bearer("ana"))
        (mine,) = client.get("/v1/invitations", headers=bearer(who)).json()["invitations"]
        client.post(f"/v1/invitations/{mine['id']}/accept", headers=bearer(who))
        (there,) = client.get("/v1/groups", headers=bearer(who)).json()["groups"]
        ids[who] = there["me"]
    return Group(client, made["id"], ids)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def stored(bench: Bench, group: Group) -> tuple[int, int]:
    with bench.database.read() as tx:
        return bills.count(tx, group.id), len(promises.listed(tx, bench.chain.key, limit=1_000))


# ------------------------------------------------------------------------------------------------ a bill's life


def test_an_itemised_dinner_is_disputed_amended_and_agreed_to(group: Group) -> None:
    """Items, tip and discount are divided to the cent; a proposal is adopted; all who owe accept; it counts."""
    ids = group.ids
    items = [
        {"label": " Bacalhau ", "price": "18.50", "people": [{"member": ids["ana"]}, {"member": ids["ben"]}]},
        {"label": "Vinho", "price": "9.90", "quantity": 2, "people": [{"member": ids["cleo"], "weight": "1/2"}]},
    ]
    split = {"mode": "itemised", "items": items, "tip": {"percent": "10"}, "discount": {"amount": "3.00"}}
    order = {
        "title": "Jantar",
        "currency": "EUR",
        "split": split,
        "payers": [{"member": ids["ana"], "amount": "39.13"}],
    }
    bill = group.add("ana", order)
    assert (bill["total"], bill["state"], {one["name"] for one in bill["asked"]}) == (
        "39.13",
        "open",
        {"@ben", "@cleo"},
    )
    assert sum(round(float(line["share"]) * 100) for line in bill["lines"]) == 3913
    again = group.ask("ana", "PUT", f"/bills/{bill['id']}", {**order, "split": bill["split"], "version": 1})
    assert bill["split"]["items"][0]["label"] == "Bacalhau"
    assert again.json() == bill, "what is shown is what can be sent"

    assert group.do("ben", bill, "accept")["asked"] == [{"id": ids["cleo"], "name": "@cleo"}]
    other = {"mode": "equal", "people": [ids["ana"], ids["ben"], ids["cleo"]]}
    bill = group.do("cleo", bill, "propose", split=other, reason="I had one glass")
    assert (bill["state"], bill["lines"][1]["answer"] or bill["lines"][2]["answer"]) != ("open", None)
    line = next(one for one in bill["lines"] if one["member"]["id"] == ids["cleo"])
    assert (line["answer"], line["reason"], line["proposal"]["mode"]) == ("proposed", "I had one glass", "equal")
    bill = group.do("ana", bill, "adopt", member=ids["cleo"])
    assert bill["state"] == "open"
    assert group.do("ben", bill, "accept")["state"] == "accepted"
    story = group.show("iris", bill)
    assert [one["version"] for one in story["versions"]] == list(range(1, bill["version"] + 1))
    document = story["versions"][-1]["document"]
    assert to_hex(keccak256(document.encode())) == bill["hash"]
    assert [one["kind"] for one in story["activity"]][-3:] == ["bill.proposed", "bill.amended", "bill.accepted"]
    (euros,) = group.ask("ben", "GET", "/balances").json()["balances"]
    (owed,) = euros["owed"]
    assert (owed["member"]["name"], owed["amount"][0]) == ("@ana", "-")
    assert owed["words"].startswith("you owe @ana 13.0")
    assert len(euros["debts"]) == len(euros["transfers"]) == 2
    assert sum(round(float(one["amount"]) * 100) for one in euros["plan"]) == 0


def test_the_examples_of_the_document_are_good(group: Group) -> None:
    """Every example of a bill is one, in all ways to split, once it names members of the group."""
    document = group.client.get("/openapi.json").json()
    examples = document["components"]["schemas"]["BillOrder"]["examples"]
    assert {one["split"]["mode"] for one in examples} == {
        "equal", "exact", "percent", "shares", "adjustments", "itemised",
    }  # fmt: skip
    for example in examples:
        text = json.dumps(example)
        for name, known in EXAMPLES.items():
            text = text.replace(known, group.ids[name])
        bill = group.add("ana", json.loads(text))
        assert bill["split"]["mode"] == example["split"]["mode"]


def test_an_answer_to_what_was_amended_is_stale(group: Group) -> None:
    """Who accepts, rejects or pays an old version is told the current one, and nothing is changed."""
    bill = group.add("ana", group.order("20.00", "ana", "ana", "ben"))
    order = {**group.order("30.00", "ana", "ana", "ben"), "version": 1}
    assert group.ask("ana", "PUT", f"/bills/{bill['id']}", order).status_code == 200
    for what, more in (("accept", {}), ("reject", {"reason": "no"}), ("payments", {})):
        answer = group.ask("ben", "POST", f"/bills/{bill['id']}/{what}", {"version": 1, **more})
        assert told(answer) == (409, "stale-version")
        assert (answer.json()["given"], answer.json()["current"]) == (1, 2)
    order = {**order, "title": "Supper"}
    assert told(group.ask("ana", "PUT", f"/bills/{bill['id']}", order)) == (409, "stale-version")
    assert group.show("ben", bill)["answers"] == []


def test_a_bill_is_added_once_for_its_key(group: Group, bench: Bench) -> None:
    """A bill that is sent again under its Idempotency-Key is one bill."""
    order, key = group.order("20.00", "ana", "ana", "ben"), {"Idempotency-Key": "dinner-1"}
    first, second = (group.ask("ana", "POST", "/bills", order, **key) for _ in range(2))
    assert (second.json(), second.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert stored(bench, group) == (1, 0)


def test_bills_are_listed_as_wanted(group: Group) -> None:
    """Pages have each bill once; what is asked of somebody is a list of its own, and is accepted at once."""
    made = [group.add("ana", group.order("20.00", "ana", "ana", "ben", title=f"Day {day}"))["id"] for day in range(3)]
    page = group.ask("ben", "GET", "/bills?limit=2").json()
    rest = group.ask("ben", "GET", f"/bills?limit=2&cursor={page['next_cursor']}").json()
    assert {one["id"] for one in page["bills"] + rest["bills"]} == set(made)
    assert rest["next_cursor"] is None
    asks = f"/bills?asks={group.ids['ben']}"
    assert len(group.ask("ben", "GET", asks).json()["bills"]) == 3
    assert group.ask("ben", "GET", f"/bills?asks={group.ids['iris']}").json()["bills"] == []
    accepted = group.ask("ben", "POST", "/accept-bills").json()["bills"]
    assert {one["id"]: one["state"] for one in accepted} == dict.fromkeys(made, "accepted")
    assert group.ask("ben", "GET", asks).json()["bills"] == []
    assert group.ask("ana", "DELETE", f"/bills/{made[0]}").json()["state"] == "deleted"
    assert len(group.ask("ben", "GET", "/bills").json()["bills"]) == 2
    assert [one["id"] for one in group.ask("ben", "GET", "/bills?state=deleted").json()["bills"]] == made[:1]
    assert group.ask("ana", "POST", f"/bills/{made[0]}/restore").json()["state"] == "accepted"


# ------------------------------------------------------------------------------------------------ attackers


def test_bad_bills_are_refused_and_say_what_is_wrong(group: Group, bench: Bench) -> None:
    """Each names the field, the limit and the value, with the difference where sums differ; nothing is stored."""
    ana, ben = group.ids["ana"], group.ids["ben"]
    stranger = "00000000000000aa"
    good = group.order("10.00", "ana", "ana", "ben")

    def split(mode: str, **fields: Any) -> dict[str, Any]:
        return {**good, "split": {"mode": mode, **fields}}

    item = {"label": "Wine", "price": "10.00", "people": [{"member": ana}]}
    thirds = [{"member": ana, "percent": "49.99"}, {"member": ben, "percent": "50"}]
    bad = [
        (
            split("exact", amounts=[{"member": ana, "amount": "4.00"}, {"member": ben, "amount": "5.90"}]),
            "exact",
            "0.10",
        ),
        (split("percent", percentages=thirds), "percent", "0.01"),
        (split("equal", people=[ana, ben, ana]), "people", "once"),
        (split("shares", weights=[{"member": ana}, {"member": ana}]), f"shares.{ana}", "once"),
        (split("shares", weights=[{"member": ana, "weight": "-1"}]), f"shares.{ana}", "at least 0"),
        (split("equal", people=[ana, stranger]), "people", "member of the group"),
        (
            split("adjustments", people=[ana, ben], amounts=[{"member": ben, "amount": "-40"}]),
            f"adjustments.{ben}",
            "at",
        ),
        (split("itemised", items=[item], tip={"amount": "-1.00"}), "tip", "at least 0"),
        (split("itemised", items=[item], tip={"percent": "-5"}), "tip", "at least 0"),
        (split("itemised", items=[item], tip={"amount": "1.00", "percent": "5"}), "tip", "either"),
        (split("itemised", items=[]), "people", "at least one"),
        ({**good, "payers": [{"member": stranger, "amount": "10.00"}]}, f"payers.{stranger}", "member of the group"),
        ({**good, "payers": [{"member": ana, "amount": "9.00"}]}, "payers", "1.00"),
        ({**good, "payers": [{"member": ana, "amount": "5"}] * 2}, f"payers.{ana}", "once"),
        ({**good, "total": None}, "total", "a total"),
        ({**good, "date": "2026-02-30"}, "date", "a day"),
        ({**good, "title": "pay\u202eana"}, "title", "control"),
        ({**good, "title": "\u200b"}, "title", ""),
        ({**good, "title": "x" * 121}, "title", "120"),
    ]
    for order, field, limit in bad:
        answer = group.ask("ana", "POST", "/bills", order)
        assert told(answer) == (422, "invalid-value"), answer.text
        assert answer.json()["field"] == field, answer.text
        assert limit in answer.json()["limit"], answer.text
    other = [
        ({**good, "currency": "QQQ"}, "unknown-currency"),
        ({**good, "total": "10.001"}, "too-precise"),
        ({**good, "total": "1e3"}, "invalid-request"),
        ({**good, "tip": "1.00"}, "invalid-request"),
        (split("lottery", people=[ana]), "invalid-request"),
    ]
    for order, kind in other:
        assert told(group.ask("ana", "POST", "/bills", order)) == (422, kind)
    assert stored(bench, group) == (0, 0)


def test_viewers_strangers_and_debtors_change_nothing(group: Group, bench: Bench) -> None:
    """A viewer only sees; a stranger with all ids finds nothing; whom a bill charges does not amend it."""
    bill = group.add("ana", group.order("20.00", "ana", "ana", "ben", "cleo"))
    group.ask("ana", "PATCH", f"/members/{group.ids['iris']}", {"role": "viewer"})
    assert group.show("iris", bill)["state"] == "open"
    tries: list[tuple[str, str, Any]] = [
        ("POST", "/bills", group.order("1.00", "ana", "ben")),
        ("PUT", f"/bills/{bill['id']}", {**group.order("1.00", "ana", "ben"), "version": 1}),
        ("DELETE", f"/bills/{bill['id']}", None),
        ("POST", f"/bills/{bill['id']}/restore", None),
        ("POST", f"/bills/{bill['id']}/reversal", {}),
        *(
            ("POST", f"/bills/{bill['id']}/{what}", {"version": 1})
            for what in ("accept", "withdraw", "payments", "paid-elsewhere")
        ),
    ]
    for method, path, body in tries:
        assert told(group.ask("iris", method, path, body)) == (403, "not-allowed"), path
    assert told(group.ask("ben", *tries[1])) == (403, "not-allowed")
    assert group.client.delete(
        f"/v1/groups/{group.id}/members/{group.ids['iris']}", headers=bearer("ana")
    ).status_code == 204  # fmt: skip
    for method, path, body in [*tries, ("GET", f"/bills/{bill['id']}", None), ("GET", "/balances", None)]:
        answer = group.ask("iris", method, path, body)
        assert told(answer) == (404, "not-found"), path
        assert "Dinner" not in answer.text
    assert stored(bench, group) == (1, 0)
    assert [one["kind"] for one in group.show("ana", bill)["activity"]] == ["bill.added"]


# ------------------------------------------------------------------------------------------------ paying


def test_a_share_is_paid_by_an_ordinary_payment_once(group: Group, bench: Bench) -> None:
    """Paying accepts; asked for again it is the same payment; what the chain carried out is settled for good."""
    bill = group.add("ben", group.order("30.00", "ben", "ana", "ben", "iris"))
    first, second = (group.do("ana", bill, "payments")["payments"] for _ in range(2))
    (payment,) = first
    assert second == first
    assert payment["id"] == f"bill:{bill['id']}:{group.ids['ben']}"
    assert (payment["amount"]["amount"], payment["memo"], payment["stage"]) == ("10.00", "Dinner", "queued")
    assert group.debts(bill) == {"ana": "paying", "iris": "open"}
    order = {**group.order("60.00", "ben", "ana", "ben", "iris"), "version": 1}
    assert told(group.ask("ben", "PUT", f"/bills/{bill['id']}", order)) == (409, "bill-locked")
    assert told(group.ask("ana", "POST", f"/bills/{bill['id']}/reject", {"version": 1, "reason": "no"})) == (
        409,
        "bill-locked",
    )
    tick_until_still(bench.worker())
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
    assert group.debts(bill) == {"ana": "settled", "iris": "open"}
    shown = group.client.get(f"/v1/payments/{payment['id']}", headers=bearer("ana")).json()
    assert shown["stage"] == "final"
    assert told(group.ask("ana", "POST", f"/bills/{bill['id']}/payments", {"version": 1})) == (409, "bill-settled")
    assert told(group.ask("ben", "PUT", f"/bills/{bill['id']}", order)) == (409, "bill-settled")
    assert told(group.ask("ben", "DELETE", f"/bills/{bill['id']}")) == (409, "bill-settled")
    assert stored(bench, group) == (1, 1)
    reversal = group.ask("ben", "POST", f"/bills/{bill['id']}/reversal", {"note": "it was a gift"}).json()
    assert (reversal["reverses"], reversal["total"]) == (bill["id"], "-30.00")
    assert {one["debtor"]["id"] for one in reversal["debts"]} == {group.ids["ben"]}


class FarKey(LocalSigner):
    """A key in a service that is asked outside of transactions, and that may not answer."""

    is_here = False
    answers = True

    def sign(self, document: Document, domain: Domain) -> bytes:
        if not self.answers:
            raise KeyServiceUnreachable("ana's", "no answer")
        return super().sign(document, domain)


def test_a_share_whose_key_does_not_answer_is_the_same_payment_later(group: Group, bench: Bench, parts: Parts) -> None:
    """The payment is stored with what it pays before it is signed; asked for again, it is signed and paid once."""
    bill = group.add("ben", group.order("10.00", "ben", "ana"))
    key = FarKey(keccak256(b"chainwallet tests: ana"))
    bills = replace(parts.bills, teller=replace(parts.teller, signer_of=lambda _: key))
    key.answers = False
    with pytest.raises(KeyServiceUnreachable):
        bills.pay(caller_of("ana"), group.id, bill["id"], 1)
    assert group.debts(bill) == {"ana": "paying"}
    key.answers = True
    (promise,) = bills.pay(caller_of("ana"), group.id, bill["id"], 1)
    assert (stage_name(type(promise.stage)), stored(bench, group)) == ("queued", (1, 1))
    tick_until_still(bench.worker())
    assert group.debts(bill) == {"ana": "settled"}


def test_who_signs_elsewhere_gets_what_to_sign(group: Group, bench: Bench) -> None:
    """An external payer signs the typed data through the payments' own routes, and the share is settled."""
    group.do("ana", group.add("cleo", group.order("20.00", "cleo", "ana")), "payments")
    tick_until_still(bench.worker())
    bill = group.add("ben", group.order("10.00", "ben", "cleo"))
    (payment,) = group.do("cleo", bill, "payments")["payments"]
    assert (payment["stage"], group.debts(bill)) == ("offered", {"cleo": "paying"})
    document, domain = from_typed_data(payment["to_sign"])
    signature = {"signature": to_hex(key_of("cleo").sign(document, domain))}
    answer = group.client.post(f"/v1/payments/{payment['id']}/signature", json=signature, headers=bearer("cleo"))
    assert answer.json()["stage"] == "queued"
    tick_until_still(bench.worker())
    assert group.debts(bill) == {"cleo": "settled"}
    assert bench.balance("cleo", "ben") == ["10.00", "10.00"]


def test_a_cancelled_share_is_paid_anew_under_the_next_id(group: Group, bench: Bench) -> None:
    """A payment that ended unpaid leaves its debt open; the next has a number behind its id."""
    bill = group.add("ben", group.order("10.00", "ben", "ana"))
    (payment,) = group.do("ana", bill, "payments")["payments"]
    assert group.client.post(f"/v1/payments/{payment['id']}/cancel", headers=bearer("ana")).status_code == 202
    assert group.debts(bill) == {"ana": "paying"}
    tick_until_still(bench.worker())
    assert group.debts(bill) == {"ana": "open"}
    (second,) = group.do("ana", bill, "payments")["payments"]
    assert second["id"] == f"{payment['id']}:2"
    tick_until_still(bench.worker())
    assert group.debts(bill) == {"ana": "settled"}
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
    assert group.show("ana", bill)["debts"][0]["payments"] == [payment["id"], second["id"]]


def test_who_cannot_pay_has_not_accepted(group: Group, bench: Bench) -> None:
    """A share above what the payer has available stores nothing: no payment, no acceptance."""
    bill = group.add("ana", group.order("10.00", "ana", "ben"))
    answer = group.ask("ben", "POST", f"/bills/{bill['id']}/payments", {"version": 1})
    assert told(answer) == (409, "insufficient-funds")
    assert group.debts(bill) == {"ben": "open"}
    assert group.show("ben", bill)["answers"] == []
    assert stored(bench, group) == (1, 0)
    assert told(group.ask("iris", "POST", f"/bills/{bill['id']}/payments", {"version": 1})) == (422, "invalid-value")
    guest = group.ask("ana", "POST", "/members", {"name": "Gus"}).json()["id"]
    order = {**group.order("10.00", "ana", "ana"), "payers": [{"member": guest, "amount": "10.00"}]}
    answer = group.ask("ana", "POST", f"/bills/{group.add('ana', order)['id']}/payments", {"version": 1})
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "creditor")
    francs = group.add("ana", group.order("10.00", "ben", "ana", currency="CHF"))
    answer = group.ask("ana", "POST", f"/bills/{francs['id']}/payments", {"version": 1})
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "currency")
    assert group.do("ben", francs, "paid-elsewhere", note="cash")["debts"][0]["state"] == "settled"


def test_paying_needs_both_scopes(group: Group) -> None:
    """A key that may only write groups moves no money, and one that may only pay does not reach bills."""
    bill = group.add("ben", group.order("10.00", "ben", "ana"))
    path = f"/v1/groups/{group.id}/bills/{bill['id']}/payments"
    for scope in ("groups:write", "payments:write"):
        answer = group.client.post(path, json={"version": 1}, headers=bearer(f"ana:{scope}"))
        assert told(answer) == (403, "not-allowed")
