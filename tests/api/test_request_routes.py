"""Requests over HTTP: asked, paid once, declined, taken back, reminded of, by name and by link.

Ana has 100.00, Iris 50.00, Ben and Cleo nothing; Cleo signs elsewhere.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Document, Domain, from_typed_data
from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.errors import ChainwalletError, TooLate
from chainwallet.evm import checksum, to_hex
from chainwallet.notifier import Reminders
from chainwallet.payments import cancel, cancel_document
from chainwallet.requests import Each, Requests, Wanted, Wish
from chainwallet.rules.handle import Handle
from chainwallet.rules.money import Money
from chainwallet.rules.promise import Final
from chainwallet.rules.scope import SCOPES, parse_scopes
from chainwallet.store import members, promises
from chainwallet.store.database import Database
from chainwallet.store.group_schema import group_events
from chainwallet.store.members import Group, Member
from chainwallet.store.promises import Promise
from chainwallet.store.request_schema import request_payments
from tests.api.residents import notifier_of
from tests.api.service import PEOPLE, Asking, bearer, each_of, open_accounts
from tests.api.test_event_streams import hear, listening, serving
from tests.chain.bench import ETHER, EUR, Bench, key_of
from tests.chain.stories import tick_until_still
from tests.postgres import on_both

DAY_S = 86_400
Answer = httpx.Response


@pytest.fixture(autouse=True)
def people(bench: Bench) -> None:
    """People have accounts, and the ledger's history is followed, as the worker does."""
    open_accounts(bench.database)
    bench.indexer().catch_up()


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def told(answer: Answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def events(database: Database) -> list[tuple[str, str, str]]:
    """Who was told what: handle, kind and words, in their order."""
    names = {number: name for name, number in PEOPLE.items()}
    with database.read() as tx:
        rows = tx.execute(select(group_events).order_by(group_events.c.id)).all()
    return [(names[row.account_id], row.kind.removeprefix("request."), row.words) for row in rows]


def stored(database: Database, chain: str) -> list[Promise]:
    with database.read() as tx:
        return list(promises.listed(tx, chain, limit=1_000))


class Asks:
    """Ways to ask the service."""

    def __init__(self, client: Asking) -> None:
        self._client = client

    def post(self, who: str, path: str, body: Any = None, **headers: str) -> Answer:
        return self._client.post(path, json=body, headers={**bearer(who), **headers})

    def get(self, who: str, path: str) -> Answer:
        return self._client.get(path, headers=bearer(who))

    def ask(self, who: str, **body: Any) -> dict[str, Any]:
        """A new request with its link."""
        answer = self.post(who, "/v1/requests", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def pay(self, who: str, made: dict[str, Any], **body: Any) -> Answer:
        """Pays the part that asks ``who``, or the first."""
        parts = made["request"]["parts"]
        part = next((part for part in parts if part["of"] == f"@{who}"), parts[0])
        return self.post(who, f"/v1/requests/{made['request']['id']}/parts/{part['id']}/pay", body or None)

    def pay_link(self, who: str, made: dict[str, Any]) -> Answer:
        return self.post(who, f"/v1/request-links/{made['token']}/pay")

    def shown(self, who: str, made: dict[str, Any]) -> dict[str, Any]:
        answer = self.get(who, f"/v1/requests/{made['request']['id']}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def stages(self, who: str, made: dict[str, Any]) -> list[str]:
        return [part["stage"] for part in self.shown(who, made)["parts"]]

    def cancel(self, who: str, made: dict[str, Any]) -> Answer:
        return self.post(who, f"/v1/requests/{made['request']['id']}/cancel")

    def remind(self, who: str, made: dict[str, Any]) -> Answer:
        return self.post(who, f"/v1/requests/{made['request']['id']}/remind")

    def decline(self, who: str, made: dict[str, Any], reason: str = "I was not there") -> Answer:
        parts = made["request"]["parts"]
        part = next((part for part in parts if part["of"] == f"@{who}"), parts[0])
        path = f"/v1/requests/{made['request']['id']}/parts/{part['id']}/decline"
        return self.post(who, path, {"reason": reason})


@pytest.fixture
def asks(client: Asking) -> Asks:
    return Asks(client)


def later(parts: Parts, seconds: int) -> Parts:
    """The same service, in so many seconds."""
    moved = replace(parts.requests, now_s=lambda: int(time.time()) + seconds)
    return replace(parts, requests=moved)


# ------------------------------------------------------------------------------------------------ asked and paid


def test_one_asks_many_and_each_pays_a_share(asks: Asks, bench: Bench) -> None:
    """Shares sum to what is asked for to the last cent, are told to who is asked, and are paid when final."""
    made = asks.ask("ben", amount=euros("10.01"), of=["@ana", "IRIS"], note="pizza")
    parts = made["request"]["parts"]
    assert sorted(part["amount"]["amount"] for part in parts) == ["5.00", "5.01"]
    assert [(part["of"], part["stage"]) for part in parts] == [("@ana", "asked"), ("@iris", "asked")]
    share = {part["of"]: part["amount"]["amount"] for part in parts}
    assert events(bench.database) == [
        ("ana", "asked", f"@ben asks you for {share['@ana']} EUR: pizza"),
        ("iris", "asked", f"@ben asks you for {share['@iris']} EUR: pizza"),
    ]
    paid = asks.pay("ana", made)
    assert (paid.status_code, paid.headers["location"]) == (202, f"/v1/payments/request:{parts[0]['id']}")
    assert (paid.json()["memo"], paid.json()["payee"]["handle"]) == ("pizza", "@ben")
    assert asks.stages("ben", made) == ["paying", "asked"]
    assert asks.pay("iris", made).status_code == 202
    tick_until_still(bench.worker())
    shown = asks.shown("ben", made)
    assert ([part["stage"] for part in shown["parts"]], shown["paid"]) == (["paid", "paid"], euros("10.01"))
    assert bench.balance("ben") == ["10.01"]
    assert events(bench.database)[2] == ("ben", "paying", f"@ana pays {share['@ana']} EUR: pizza")


def test_who_asks_may_bear_a_share(asks: Asks) -> None:
    """With a share of one's own the others pay only theirs, and nobody can be asked for less than a cent."""
    made = asks.ask("ben", amount=euros("9.00"), of=["@ana", "@iris"], with_me=True)
    assert [part["amount"]["amount"] for part in made["request"]["parts"]] == ["3.00", "3.00"]
    assert made["request"]["total"] == euros("6.00")
    answer = asks.post("ben", "/v1/requests", {"amount": euros("0.01"), "of": ["@ana", "@iris"]})
    assert (*told(answer), answer.json()["limit"]) == (422, "invalid-value", "at least 0.01 EUR of each")


def test_a_part_is_paid_once(asks: Asks, bench: Bench) -> None:
    """Who pays a part again, while it is under way or when it is final, gets the same payment, which is paid once."""
    made = asks.ask("ben", parts=[{"of": "@ana", "amount": euros("5.00")}])
    first = asks.pay("ana", made).json()
    assert asks.pay("ana", made).json() == asks.pay_link("ana", made).json() == first
    tick_until_still(bench.worker())
    assert asks.pay("ana", made).json()["stage"] == "final"
    tick_until_still(bench.worker())
    assert (len(stored(bench.database, bench.chain.key)), bench.balance("ben")) == (1, ["5.00"])


def test_a_part_is_paid_from_one_wallet(asks: Asks) -> None:
    """A payer names one of their own wallets; once it pays the part no other does, and another's never."""
    made = asks.ask("ben", parts=[{"of": "@ana", "amount": euros("5.00")}])
    gina, ben = (checksum(key_of(name).address) for name in ("gina", "ben"))
    answer = asks.pay("ana", made, payer=ben)
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "payer")
    first = asks.pay("ana", made, payer=gina).json()
    assert first["payer"]["address"] == gina
    assert asks.pay("ana", made).json() == first
    answer = asks.pay("ana", made, payer=checksum(key_of("ana").address))
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "payer")


def test_who_signs_elsewhere_pays_by_signing(asks: Asks, bench: Bench) -> None:
    """A payer whose key is elsewhere gets the ordinary payment's document, signs it, and the part is paid."""
    bench.pay(bench.order("ana", "cleo", "10.00"))
    made = asks.ask("ben", amount=euros("4.00"), of=["@cleo"])
    offered = asks.pay("cleo", made).json()
    assert (offered["stage"], offered["to_sign"]["primaryType"]) == ("offered", "Payment")
    assert asks.pay("cleo", made).json() == offered
    signature = to_hex(key_of("cleo").sign(*from_typed_data(offered["to_sign"])))
    answer = asks.post("cleo", f"/v1/payments/{offered['id']}/signature", {"signature": signature})
    assert answer.json()["stage"] == "queued"
    tick_until_still(bench.worker())
    assert (asks.stages("ben", made), bench.balance("cleo", "ben")) == (["paid"], ["6.00", "4.00"])


def test_what_ended_unpaid_is_paid_by_another_attempt(asks: Asks, bench: Bench) -> None:
    """After the chain ended a part's payment unpaid the part is asked for again, and paid under another id, once."""
    made = asks.ask("ben", amount=euros("4.00"), of=["@ana"])
    first = asks.pay("ana", made).json()["id"]
    promise = bench.promise("ana", first)
    assert promise is not None
    signature = key_of("ana").sign(cancel_document(promise), domain_of(bench.cash))
    cancel(bench.desk(), promise, signature, key_of("relayer").address, bench.now_s)
    assert asks.pay("ana", made).json()["id"] == first  # it has not ended yet
    tick_until_still(bench.worker())
    assert asks.stages("ana", made) == ["asked"]
    second = asks.pay("ana", made).json()
    assert (second["id"], second["stage"]) == (f"{first}:2", "queued")
    tick_until_still(bench.worker())
    shown = asks.shown("ana", made)["parts"][0]
    assert (shown["stage"], [one["stage"] for one in shown["payments"]]) == ("paid", ["canceled", "final"])
    assert bench.balance("ben") == ["4.00"]


def test_who_cannot_pay_changes_nothing(asks: Asks, bench: Bench) -> None:
    """A part that its payer cannot cover stays asked for, and nothing is stored of the attempt."""
    made = asks.ask("ana", amount=euros("4.00"), of=["@ben"])
    before = events(bench.database)
    assert told(asks.pay("ben", made)) == (409, "insufficient-funds")
    assert (asks.stages("ana", made), events(bench.database)) == (["asked"], before)


class FarAway:
    """A key service's signer of ana's key."""

    is_here = False

    def __init__(self) -> None:
        self._key = key_of("ana")
        self.address = self._key.address
        self.signed = 0

    def sign(self, document: Document, domain: Domain) -> bytes:
        self.signed += 1
        return self._key.sign(document, domain)


def test_a_key_service_signs_when_the_part_is_taken(parts: Parts, bench: Bench) -> None:
    """Where the payer's key is in another place it signs once the payment is stored with its part, and once only."""
    far = FarAway()
    teller = replace(parts.teller, signer_of=lambda _: far)
    with Asking(make_app(replace(parts, requests=replace(parts.requests, teller=teller)))) as client:
        asks = Asks(client)
        made = asks.ask("ben", amount=euros("4.00"), of=["@ana"])
        paid = asks.pay("ana", made).json()
        assert (paid["stage"], far.signed) == ("queued", 1)
        assert (asks.pay("ana", made).json(), far.signed) == (paid, 1)
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["4.00"]


# ------------------------------------------------------------------------------------------------ links


def test_who_has_the_link_pays_the_open_part_once(asks: Asks, bench: Bench) -> None:
    """An open part is paid by the first who has the link; others are told that it is, and not by whom."""
    made = asks.ask("ben", parts=[{"amount": euros("4.00"), "name": "the ferry"}], note="ferry")
    assert made["link"] == f"http://service/v1/request-links/{made['token']}"
    seen = asks.get("ana", f"/v1/request-links/{made['token']}").json()
    assert (seen["asker"], seen["note"], seen["total"]) == ("@ben", "ferry", euros("4.00"))
    paid = asks.pay_link("ana", made)
    assert paid.status_code == 202
    assert told(asks.pay_link("iris", made)) == (409, "too-late")
    seen = asks.get("iris", f"/v1/request-links/{made['token']}").json()
    assert (seen["parts"][0]["stage"], seen["parts"][0]["payments"]) == ("paying", [])
    assert asks.pay_link("ana", made).json() == paid.json()
    assert asks.shown("ana", made)["parts"][0]["payments"][0]["payer"] == "@ana"
    assert [one["id"] for one in asks.get("ana", "/v1/requests?which=of_me").json()["requests"]] == [
        made["request"]["id"]
    ]
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["4.00"]


def test_an_open_part_may_be_for_everybody(asks: Asks, bench: Bench) -> None:
    """What each may pay is paid by each who has the link, once each, until it is taken back."""
    made = asks.ask("ben", parts=[{"amount": euros("4.00"), "once": False}])
    first, second = asks.pay_link("ana", made).json(), asks.pay_link("iris", made).json()
    assert asks.pay_link("ana", made).json() == first
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["8.00"]
    assert asks.stages("ana", made) == ["paid"]
    part = asks.shown("ben", made)["parts"][0]
    assert (part["stage"], [one["payer"] for one in part["payments"]]) == ("asked", ["@ana", "@iris"])
    assert first["id"] == second["id"] == f"request:{part['id']}"
    assert asks.cancel("ben", made).json()["parts"][0]["stage"] == "canceled"
    assert asks.pay_link("ana", made).json()["stage"] == "final"
    assert told(asks.pay_link("cleo", made)) == (409, "too-late")


def test_a_new_link_ends_the_one_before(asks: Asks, database: Database) -> None:
    """A link is stored as a hash alone; who asked gets a new one, and the one before leads nowhere."""
    made = asks.ask("ben", parts=[{"amount": euros("4.00")}])
    again = asks.post("ben", f"/v1/requests/{made['request']['id']}/link").json()
    assert again["token"] != made["token"]
    assert told(asks.get("ana", f"/v1/request-links/{made['token']}")) == (404, "not-found")
    assert told(asks.pay_link("ana", made)) == (404, "not-found")
    assert asks.get("ana", f"/v1/request-links/{again['token']}").status_code == 200
    for token in (made["token"], again["token"]):
        assert token.encode() not in database.path.read_bytes()
        assert token.encode() not in database.path.with_name(database.path.name + "-wal").read_bytes()


def test_the_link_of_a_request_for_others_shows_nothing(asks: Asks) -> None:
    """Who has the link of a request that names others, and no open part, sees and pays nothing of it."""
    made = asks.ask("ben", amount=euros("4.00"), of=["@iris"])
    for answer in (asks.get("ana", f"/v1/request-links/{made['token']}"), asks.pay_link("ana", made)):
        assert told(answer) == (404, "not-found")
        assert "ben" not in answer.text
        assert made["token"] not in answer.text
    assert asks.get("iris", f"/v1/request-links/{made['token']}").json()["parts"][0]["of"] == "@iris"


def test_a_qr_code_is_the_links(asks: Asks) -> None:
    """The image of the link comes as SVG and PNG, to who has the link's token, and for no other text."""
    made = asks.ask("ben", parts=[{"amount": euros("4.00")}])
    at = f"/v1/requests/{made['request']['id']}/qr"
    svg = asks.get("ben", f"{at}?token={made['token']}")
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert svg.text.startswith("<?xml")
    png = asks.get("ben", f"{at}?token={made['token']}&format=png")
    assert (png.headers["content-type"], png.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    for query in ("", "?token=cwr_" + "A" * 43):
        answer = asks.get("ben", at + query)
        assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "token")
        assert "cwr_AAA" not in answer.text


def test_other_wallets_are_asked_by_eip_681(asks: Asks, bench: Bench) -> None:
    """A part that is to be paid shows what asks any wallet for it; what is paid so is a movement, and it stays open."""
    made = asks.ask("ben", amount=euros("4.00"), of=["@ana"])
    text = made["request"]["parts"][0]["eip681"]
    token, ben = checksum(bench.cash.address), checksum(key_of("ben").address)
    assert text == f"ethereum:{token}@{bench.chain.chain_id}/transfer?address={ben}&uint256=4000000"
    bench.node.set_balance(key_of("ana").address, ETHER)
    bench.act("ana", "transfer(address,uint256)", key_of("ben").address, 4_000_000)
    tick_until_still(bench.worker())
    assert (bench.balance("ben"), asks.stages("ben", made)) == (["4.00"], ["asked"])
    asks.pay("ana", made)
    assert asks.shown("ben", made)["parts"][0]["eip681"] is None


# ------------------------------------------------------------------------------------------------ ended


def test_a_request_is_taken_back_but_for_what_is_under_way(asks: Asks, bench: Bench) -> None:
    """Who asked takes a request back: what is under way is paid, nobody begins any more, and who was asked is told."""
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"])
    paid = asks.pay("ana", made).json()
    canceled = asks.cancel("ben", made)
    assert [part["stage"] for part in canceled.json()["parts"]] == ["paying", "canceled"]
    assert asks.cancel("ben", made).json() == canceled.json()
    assert told(asks.pay("iris", made)) == (409, "too-late")
    assert asks.pay("ana", made).json() == paid
    tick_until_still(bench.worker())
    assert (asks.stages("ben", made), bench.balance("ben")) == (["paid", "canceled"], ["4.00"])
    assert events(bench.database)[-1] == ("iris", "canceled", "@ben no longer asks you for 4.00 EUR")
    done = asks.ask("ben", amount=euros("1.00"), of=["@ana"])
    asks.pay("ana", done)
    assert told(asks.cancel("ben", done)) == (409, "too-late")


def test_who_is_asked_may_decline(asks: Asks, bench: Bench) -> None:
    """Who is asked declines with a reason that who asked is told; what is paid or declined stays so."""
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"])
    declined = asks.decline("ana", made)
    assert (declined.status_code, declined.json()["parts"][0]["reason"]) == (200, "I was not there")
    assert asks.decline("ana", made, "again").json() == declined.json()
    assert told(asks.pay("ana", made)) == (409, "too-late")
    assert events(bench.database)[-1] == ("ben", "declined", "@ana declines to pay 4.00 EUR: I was not there")
    asks.pay("iris", made)
    assert told(asks.decline("iris", made)) == (409, "too-late")
    assert asks.stages("ben", made) == ["declined", "paying"]


def test_after_the_deadline_nothing_is_begun(asks: Asks, parts: Parts) -> None:
    """At its deadline a request is over for who has not begun to pay; what is under way is paid."""
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * DAY_S))
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"], deadline=deadline)
    assert made["request"]["deadline"] == deadline
    paid = asks.pay("ana", made).json()
    with Asking(make_app(later(parts, 3 * DAY_S + 1))) as client:
        then = Asks(client)
        assert then.stages("ben", made) == ["paying", "expired"]
        assert told(then.pay("iris", made)) == (409, "expired")
        assert told(then.decline("iris", made)) == (409, "expired")
        assert told(then.cancel("ben", made)) == (409, "too-late")
        assert then.pay("ana", made).json() == paid
    for wrong in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "2026-13-01T00:00:00Z"):
        answer = asks.post("ben", "/v1/requests", {"amount": euros("1.00"), "of": ["@ana"], "deadline": wrong})
        assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "deadline")


# ------------------------------------------------------------------------------------------------ reminders


def test_who_has_not_paid_is_reminded_once_a_day(asks: Asks, parts: Parts, bench: Bench) -> None:
    """Who asked reminds those who are still to pay, each at most once a day, and nobody else."""
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"], note="pizza")
    asks.pay("ana", made)
    reminded = asks.remind("ben", made).json()
    assert [part["reminded_at"] is None for part in reminded["parts"]] == [True, False]
    assert events(bench.database)[-1] == ("iris", "reminded", "@ben still waits for 4.00 EUR: pizza")
    answer = asks.remind("ben", made)
    assert told(answer) == (429, "too-many-requests")
    assert DAY_S - 60 < int(answer.headers["retry-after"]) <= DAY_S
    count = len(events(bench.database))
    with Asking(make_app(later(parts, DAY_S + 1))) as client:
        assert Asks(client).remind("ben", made).status_code == 200
    assert len(events(bench.database)) == count + 1
    answer = asks.remind("iris", made)
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "request")
    asks.pay("iris", made)
    assert told(asks.remind("ben", made)) == (409, "too-late")


def test_the_service_reminds_before_the_deadline_and_says_when_it_is_over(asks: Asks, bench: Bench) -> None:
    """A day before the deadline the service reminds by itself, and at it tells who asked what is unpaid, once each."""
    now_s = int(time.time())
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s + 3 * DAY_S))
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"], deadline=deadline, note="pizza")
    asks.pay("ana", made)
    before = len(events(bench.database))

    def told_at(in_s: int) -> list[tuple[str, str, str]]:
        reminders = Reminders(bench.database, lambda: now_s + in_s)
        while reminders.tick():
            pass
        return events(bench.database)[before:]

    assert told_at(2 * DAY_S - 1) == []
    reminded = ("iris", "reminded", "@ben still waits for 4.00 EUR: pizza")
    assert told_at(2 * DAY_S) == told_at(3 * DAY_S - 1) == [reminded]
    over = ("ben", "expired", "the time is over and 1 part is not paid: pizza")
    assert told_at(3 * DAY_S) == told_at(9 * DAY_S) == [reminded, over]


def test_who_is_asked_hears_of_it(asks: Asks, parts: Parts, bench: Bench) -> None:
    """What somebody is asked for comes in their stream of events, to tokens that may read payments and no others."""
    notifier_of(bench).catch_up()

    def of_the_app(token: str) -> Caller:
        return replace(
            caller("ana"), scopes=parse_scopes(["history:read", *(["payments:read"] if token == "app" else [])])
        )

    with (
        serving(replace(parts, callers_of=each_of(of_the_app))) as url,
        listening(url, "app") as app,
        listening(url, "deaf") as deaf,
    ):
        made = asks.ask("ben", amount=euros("4.00"), of=["@ana"], note="pizza")
        notifier_of(bench).catch_up()
        (event,) = (json.loads(one.data) for one in hear(app, 1))
        parts.streams.close()
        assert list(deaf) == []
    assert event["kind"] == "request.asked"
    assert event["group"] == {
        "id": None,
        "subject": made["request"]["id"],
        "words": "@ben asks you for 4.00 EUR: pizza",
        "actor": "@ben",
    }


# ------------------------------------------------------------------------------------------------ who sees what


def test_who_is_asked_sees_their_own_part_alone(asks: Asks) -> None:
    """Who asked sees all parts, who is asked their own, and in lists the same; a stranger sees nothing."""
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"], note="pizza")
    assert [part["of"] for part in asks.shown("ben", made)["parts"]] == ["@ana", "@iris"]
    seen = asks.shown("iris", made)
    assert ([part["of"] for part in seen["parts"]], seen["total"]) == (["@iris"], euros("4.00"))
    assert "@ana" not in str(seen)
    assert told(asks.get("cleo", f"/v1/requests/{made['request']['id']}")) == (404, "not-found")
    by_me, of_me = "/v1/requests", "/v1/requests?which=of_me"
    assert asks.get("ben", by_me).json()["requests"] == [asks.shown("ben", made)]
    assert asks.get("iris", of_me).json()["requests"] == [seen]
    for who, path in (("ben", of_me), ("iris", by_me), ("cleo", by_me), ("cleo", of_me)):
        assert asks.get(who, path).json() == {"requests": [], "next_cursor": None}


def test_a_request_in_a_group_asks_its_people_alone(asks: Asks, database: Database) -> None:
    """In a group only those who are in it now are asked, by somebody who may change things there."""
    group = Group("g1", "Málaga", "group", 5)
    with database.transaction() as tx:
        members.add_group(tx, group)
        for name, role, left_at_s in (("ben", "owner", None), ("ana", "viewer", None), ("iris", "member", 6)):
            member = Member(f"m-{name}", "g1", PEOPLE[name], name, role, 5, left_at_s)  # type: ignore[arg-type]
            members.add(tx, member)
    made = asks.ask("ben", amount=euros("4.00"), of=["@ana"], group="g1")
    assert asks.shown("ana", made)["group"] == "g1"
    with database.read() as tx:
        assert [row.group_id for row in tx.execute(select(group_events))] == ["g1"]
    for of in ("@iris", "@cleo"):
        answer = asks.post("ben", "/v1/requests", {"amount": euros("4.00"), "of": [of], "group": "g1"})
        assert told(answer) == (404, "not-found")
    for who, expected in (("ana", (403, "not-allowed")), ("iris", (404, "not-found")), ("cleo", (404, "not-found"))):
        answer = asks.post(who, "/v1/requests", {"amount": euros("4.00"), "of": ["@ben"], "group": "g1"})
        assert told(answer) == expected
    assert len(events(database)) == 1


def test_nobody_pays_or_ends_what_is_anothers(asks: Asks, bench: Bench) -> None:
    """Another's part is neither paid nor declined, and a request is taken back by who asked alone."""
    made = asks.ask("ben", amount=euros("8.00"), of=["@ana", "@iris"])
    at = f"/v1/requests/{made['request']['id']}"
    irises = f"{at}/parts/{made['request']['parts'][1]['id']}"
    for who in ("ana", "cleo"):
        assert told(asks.post(who, f"{irises}/pay")) == (404, "not-found")
        assert told(asks.post(who, f"{irises}/decline", {"reason": "no"})) == (404, "not-found")
    for verb in ("cancel", "remind", "link"):
        assert told(asks.post("ana", f"{at}/{verb}")) == (422, "invalid-value")
        assert told(asks.post("cleo", f"{at}/{verb}")) == (404, "not-found")
    for answer in (asks.post("ben", f"{irises}/pay"), asks.pay_link("ben", made)):
        assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "request")
    assert told(asks.post("ben", f"{irises}/decline", {"reason": "no"})) == (422, "invalid-value")
    assert asks.stages("ben", made) == ["asked", "asked"]
    assert stored(bench.database, bench.chain.key) == []


def test_lists_go_page_by_page(asks: Asks) -> None:
    """Pages have each request once, the newest first; a cursor that none of the list gave is refused."""
    ids = [asks.ask("ben", amount=euros("1.00"), of=["@ana"])["request"]["id"] for _ in range(5)]
    found, cursor = [], ""
    while True:
        page = asks.get("ben", f"/v1/requests?limit=2{cursor}").json()
        assert len(page["requests"]) <= 2
        found += [(one["made_at"], one["id"]) for one in page["requests"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(one for _, one in found) == sorted(ids)
    assert found == sorted(found, reverse=True)
    assert told(asks.get("ben", "/v1/requests?cursor=AAAA"))[0] == 422


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "invalid-value", "parts")),
        ({"amount": euros("1.00")}, (422, "invalid-value", "parts")),
        ({"amount": euros("1.00"), "of": ["@ana"], "parts": []}, (422, "invalid-request", "parts")),
        ({"parts": [{"amount": euros("1.00")}], "with_me": True}, (422, "invalid-value", "parts")),
        ({"amount": euros("1.00"), "of": []}, (422, "invalid-request", "of")),
        ({"amount": euros("1.00"), "of": ["@ana"] * 101}, (422, "invalid-request", "of")),
        ({"amount": euros("1.00"), "of": ["@ana", "ANA"]}, (422, "invalid-value", "people")),
        ({"amount": euros("1.00"), "of": ["@ben"]}, (422, "invalid-value", "of")),
        ({"amount": euros("1.00"), "of": ["@nobody"]}, (404, "not-found", None)),
        ({"amount": euros("1.00"), "of": ["@issuer"]}, (404, "not-found", None)),
        ({"amount": euros("0.001"), "of": ["@ana"]}, (422, "too-precise", "amount")),
        ({"amount": euros("9" * 30), "of": ["@ana"]}, (422, "invalid-value", "amount")),
        ({"amount": euros("10000000000000.01"), "of": ["@ana"]}, (422, "invalid-value", "amount")),
        ({"amount": {"amount": "1.00", "currency": "USD"}, "of": ["@ana"]}, (422, "invalid-value", "currency")),
        ({"amount": {"amount": "1.00", "currency": "QQQ"}, "of": ["@ana"]}, (422, "unknown-currency", None)),
        ({"amount": euros("1.00"), "of": ["@ana"], "note": "x" * 281}, (422, "invalid-request", "note")),
        ({"amount": euros("1.00"), "of": ["@ana"], "note": "a\0b"}, (422, "invalid-request", "note")),
        ({"amount": euros("1.00"), "of": ["@ana"], "group": "none"}, (404, "not-found", None)),
        ({"parts": [{"amount": euros("1.00")}, {"amount": euros("2.00")}]}, (422, "invalid-value", "parts")),
        ({"parts": [{"of": "@ana", "amount": euros("1.00"), "once": False}]}, (422, "invalid-value", "once")),
        ({"parts": [{"of": "@ana", "amount": euros("1.00"), "name": "x"}]}, (422, "invalid-value", "name")),
        ({"parts": [{"of": "@ana", "amount": euros("10000000000000.00")}, {"amount": euros("0.01")}]},
         (422, "invalid-value", "amount")),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for_is_refused(
    asks: Asks, database: Database, body: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    """What no request can be is refused by field and limit, and nothing is stored."""
    answer = asks.post("ben", "/v1/requests", body)
    assert (*told(answer), answer.json().get("field")) == expected, answer.text
    assert asks.get("ben", "/v1/requests").json()["requests"] == []
    assert events(database) == []


@pytest.mark.parametrize("note", ["'); DROP TABLE requests; --", "<script>", "a\r\nSet-Cookie: x=1", "\u202e00", "{0}"])
def test_a_note_is_only_text(asks: Asks, database: Database, note: str) -> None:
    """A hostile note is told back letter by letter, in the request, its event and its payment, and is never more."""
    made = asks.ask("ben", amount=euros("1.00"), of=["@ana"], note=note)
    assert asks.shown("ana", made)["note"] == note
    assert events(database) == [("ana", "asked", f"@ben asks you for 1.00 EUR: {note}")]
    paid = asks.pay("ana", made)
    assert (paid.json()["memo"], "set-cookie" in paid.headers) == (note, False)


def test_what_is_asked_again_is_done_once(asks: Asks, database: Database) -> None:
    """Under the same Idempotency-Key nothing is made twice, and the secret link is not told again."""
    key = {"Idempotency-Key": "once"}
    body = {"amount": euros("1.00"), "of": ["@ana"]}
    made = asks.post("ben", "/v1/requests", body, **key).json()
    assert told(asks.post("ben", "/v1/requests", body, **key)) == (409, "already-exists")
    assert len(asks.get("ben", "/v1/requests").json()["requests"]) == 1
    at = f"/v1/requests/{made['request']['id']}/remind"
    first = asks.post("ben", at, None, **{"Idempotency-Key": "again"})
    assert asks.post("ben", at, None, **{"Idempotency-Key": "again"}).json() == first.json()
    assert len(events(database)) == 2


# ------------------------------------------------------------------------------------------------ at the same time


def caller(name: str) -> Caller:
    return Caller(PEOPLE[name], Handle(name), frozenset({"person"}), frozenset(SCOPES), "session", None)


def outcome(work: Callable[[], Promise]) -> Promise | ChainwalletError:
    try:
        return work()
    except ChainwalletError as refused:
        return refused


@on_both
def test_of_many_who_pay_one_link_at_once_one_does(parts: Parts, bench: Bench) -> None:
    """Of many who pay an open part in the same moment one does, by one payment; the others are told, unharmed."""
    requests: Requests = parts.requests
    wish = Wish(Each((Wanted(None, Money(400, EUR)),)))
    made = bench.database.write(requests.ask(caller("ben"), wish))
    who = ["ana", "iris"] * 4
    with ThreadPoolExecutor(len(who)) as pool:
        outcomes = list(pool.map(lambda name: outcome(lambda: requests.pay_link(caller(name), made.token, None)), who))
    paid = {one.number for one in outcomes if isinstance(one, Promise)}
    refused = [one for one in outcomes if not isinstance(one, Promise)]
    assert (len(paid), len(refused)) == (1, 4)
    assert all(isinstance(one, TooLate) for one in refused)
    with bench.database.read() as tx:
        assert len(tx.execute(select(request_payments)).all()) == 1
    assert len(stored(bench.database, bench.chain.key)) == 1
    tick_until_still(bench.worker())
    assert bench.balance("ben") == ["4.00"]
    (promise,) = stored(bench.database, bench.chain.key)
    assert isinstance(promise.stage, Final)
