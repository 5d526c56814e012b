"""Settling up over HTTP: Iris paid 60.00 for three. Ana has 100.00; Cleo has 20.00, and signs elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from chainwallet.abi.typed_data import from_typed_data
from chainwallet.api.parts import Parts
from chainwallet.evm import to_hex
from tests.api.service import Asking, bearer, open_accounts
from tests.chain.bench import Bench, key_of
from tests.chain.stories import tick_until_still


class Trip:
    """The group, as its people ask about it."""

    def __init__(self, client: Asking) -> None:
        self._client = client
        self.id = self.ask("iris", "POST", "/v1/groups", {"name": "Trip"}).json()["id"]
        self.path = f"/v1/groups/{self.id}"
        for name in ("ana", "cleo"):
            made = self.ask("iris", "POST", f"{self.path}/invitations", {"handle": name}).json()
            self.ask(name, "POST", f"/v1/invitations/{made['invitation']['id']}/accept")
        people = self.ask("iris", "GET", self.path).json()["members"]
        self.members: Mapping[str, str] = {one["handle"][1:]: one["id"] for one in people}
        self.spend("60.00", *self.members)

    def ask(self, who: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self._client.request(method, path, json=body, headers={**bearer(who), **headers})

    def spend(self, amount: str, *names: str) -> None:
        """Iris pays a bill for some, in equal parts, and all accept it."""
        order = {
            "title": "Dinner",
            "currency": "EUR",
            "total": amount,
            "split": {"mode": "equal", "people": [self.members[name] for name in names]},
            "payers": [{"member": self.members["iris"], "amount": amount}],
        }
        bill = self.ask("iris", "POST", f"{self.path}/bills", order)
        assert bill.status_code == 201, bill.text
        for name in names:
            if name != "iris":
                self.ask(name, "POST", f"{self.path}/bills/{bill.json()['id']}/accept", {"version": 1})

    def make(self, who: str = "iris", key: str | None = None, **wishes: object) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.ask(who, "POST", f"{self.path}/plans", {"currency": "EUR", **wishes}, **headers)

    def consent(self, who: str, plan: str, body: object = None) -> httpx.Response:
        return self.ask(who, "POST", f"{self.path}/plans/{plan}/consent", body)

    def show(self, plan: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("iris", "GET", f"{self.path}/plans/{plan}").json()
        return told


@pytest.fixture
def trip(client: Asking, bench: Bench) -> Trip:
    open_accounts(bench.database)
    bench.top_up("20.00", "cleo")
    bench.indexer().catch_up()
    return Trip(client)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def sign(name: str, document: Mapping[str, Any]) -> dict[str, str]:
    """What somebody whose key is elsewhere brings."""
    return {"signature": to_hex(key_of(name).sign(*from_typed_data(document)))}


def worker_of(bench: Bench, parts: Parts) -> Any:
    see_to = partial(parts.clearings.see_to, int(parts.clock_s()))
    return replace(bench.worker(), chore=see_to)


def test_friends_settle_up(trip: Trip, bench: Bench, parts: Parts) -> None:
    """Planned, signed by one call and by typed data, carried by the worker, and settled: all are even."""
    preview = trip.ask("cleo", "GET", f"{trip.path}/plan-preview").json()
    assert (preview["total"]["amount"], preview["debts"], preview["under_way"]) == ("40.00", 2, None)
    made = trip.make("ana")
    assert made.status_code == 201, made.text
    plan = made.json()
    assert {leg["name"]: (leg["net"]["amount"], leg["has_signed"]) for leg in plan["legs"]} == {
        "@ana": ("-20.00", False),
        "@cleo": ("-20.00", False),
        "@iris": ("40.00", None),
    }
    assert plan["ledger_root"] == preview["ledger_root"]
    assert {debt["state"] for debt in plan["debts"]} == {"locked"}
    assert trip.consent("ana", plan["id"]).json()["waits"].startswith("signatures of @cleo, until ")
    document = trip.consent("cleo", plan["id"]).json()["to_sign"]
    signed = trip.consent("cleo", plan["id"], sign("cleo", document)).json()
    assert (signed["stage"], signed["execution"], signed["to_sign"]) == ("ready", None, None)
    tick_until_still(worker_of(bench, parts))
    settled = trip.show(plan["id"])
    assert (settled["stage"], settled["is_final"], settled["waits"]) == ("settled", True, "")
    assert settled["execution"]["block"] <= bench.node.block_number()
    assert {debt["state"] for debt in settled["debts"]} == {"settled"}
    assert bench.balance("ana", "cleo", "iris") == ["80.00", "0.00", "90.00"]
    (listed,) = trip.ask("ana", "GET", f"{trip.path}/plans").json()["plans"]
    assert (listed["id"], listed["stage"], "debts" in listed) == (plan["id"], "settled", False)
    kinds = [one["kind"] for one in trip.ask("ana", "GET", f"{trip.path}/activity").json()["activity"]]
    assert kinds[:4] == ["plan.settled", "plan.signed", "plan.signed", "plan.made"]


def test_who_sees_that_a_plan_is_final_makes_the_next_one(trip: Trip, bench: Bench, parts: Parts) -> None:
    """From the moment at which a plan is told to be final it is in nobody's way; that it is settled is told once."""
    first = trip.make().json()["id"]
    trip.consent("ana", first)
    trip.consent("cleo", first, sign("cleo", trip.consent("cleo", first).json()["to_sign"]))
    tick_until_still(bench.worker())  # one that has not come to the groups yet
    assert trip.show(first)["is_final"]
    trip.spend("2.00", "iris", "ana")
    assert trip.ask("ana", "GET", f"{trip.path}/plan-preview").json()["under_way"] is None
    assert trip.make().status_code == 201
    tick_until_still(worker_of(bench, parts))
    kinds = [one["kind"] for one in trip.ask("ana", "GET", f"{trip.path}/activity").json()["activity"]]
    assert (kinds[:2], kinds.count("plan.settled")) == (["plan.made", "plan.settled"], 1)


def test_a_plan_is_made_once_for_a_key(trip: Trip) -> None:
    """The same request again under its key is the same plan; without it, one plan is under way and no other."""
    first, again = trip.make(key="settle-1"), trip.make(key="settle-1")
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert told(trip.make()) == (409, "already-exists")


def test_a_plan_that_changed_takes_no_old_signature(trip: Trip) -> None:
    """A signature of the plan that was replaced counts neither there nor for the new one, which has the same nonce."""
    old = trip.make().json()["id"]
    document = trip.consent("cleo", old).json()["to_sign"]
    trip.spend("2.00", "iris", "ana")
    new = trip.make(replaces=old).json()
    assert (new["replaces"], trip.show(old)["replaced_by"]) == (old, new["id"])
    late = trip.consent("cleo", old, sign("cleo", document))
    assert told(late) == (409, "too-late")
    assert new["id"] in late.json()["detail"]
    assert told(trip.consent("cleo", new["id"], sign("cleo", document))) == (422, "bad-signature")
    fresh = trip.consent("cleo", new["id"]).json()["to_sign"]
    assert fresh["message"]["nonce"] == document["message"]["nonce"]
    assert trip.consent("cleo", new["id"], sign("cleo", fresh)).status_code == 200


def test_what_cannot_be_is_refused(trip: Trip, bench: Bench) -> None:
    """Who has no say, owes nothing or has too little is told so by a problem of its own kind; nothing is changed."""
    plan = trip.make().json()["id"]
    at = f"{trip.path}/plans/{plan}"
    assert told(trip.ask("ana", "DELETE", at)) == (403, "not-allowed")
    assert told(trip.ask("ana", "POST", f"{at}/drop", {"member": trip.members["cleo"]})) == (403, "not-allowed")
    assert told(trip.ask("ben", "GET", at)) == (404, "not-found")
    assert told(trip.ask("iris", "GET", f"{trip.path}/plans/{'0' * 16}")) == (404, "not-found")
    assert told(trip.consent("iris", plan)) == (422, "invalid-value")
    assert told(trip.consent("cleo", plan, {"signature": "0x" + "1b" * 65})) == (422, "bad-signature")
    assert told(trip.ask("ana", "GET", f"{trip.path}/plan-preview?currency=JPY")) == (422, "invalid-value")
    assert told(trip.make(sign_within_s=59)) == (422, "invalid-request")
    assert told(trip.ask("iris", "POST", f"{at}/drop", {"member": "0" * 16})) == (422, "invalid-value")
    bench.accept(bench.order("ana", "ben", "80.01"))
    short = trip.consent("ana", plan)
    assert told(short) == (409, "insufficient-funds")
    assert (short.json()["available"], short.json()["required"]) == ("19.99 EUR", "20.00 EUR")
    assert [leg["has_signed"] for leg in trip.show(plan)["legs"]].count(False) == 2


def test_somebody_is_left_out_and_a_plan_is_withdrawn(trip: Trip) -> None:
    """Dropping gives the plan for the others; withdrawing opens its debts again, and is done once."""
    plan = trip.make().json()["id"]
    dropped = trip.ask("iris", "POST", f"{trip.path}/plans/{plan}/drop", {"member": trip.members["ana"]})
    assert dropped.status_code == 200
    assert [leg["name"] for leg in dropped.json()["legs"]] == ["@cleo", "@iris"]
    assert trip.show(plan)["reason"] == "@iris took @ana out of a plan"
    at = f"{trip.path}/plans/{dropped.json()['id']}"
    assert trip.ask("iris", "DELETE", at).json()["stage"] == "withdrawn"
    assert trip.ask("iris", "DELETE", at).json()["stage"] == "withdrawn"
    assert told(trip.ask("iris", "DELETE", f"{trip.path}/plans/{plan}")) == (409, "too-late")
    assert trip.ask("ana", "GET", f"{trip.path}/plan-preview").json()["total"]["amount"] == "40.00"
