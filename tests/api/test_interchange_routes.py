"""Files over HTTP: Ana brings a trip that was kept in another app into a group with Ben, and takes it out again."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest

from chainwallet.api.parts import Parts
from chainwallet.formats.splitwise import read_splitwise
from chainwallet.rules.money import currency_of
from chainwallet.store import bills, imports, members
from tests.api.service import Asking, bearer, caller_of, open_accounts
from tests.chain.bench import Bench
from tests.chain.stories import tick_until_still
from tests.postgres import on_both

TRIP = """Date,Description,Category,Cost,Currency,Ana,Ben,Zoe

2026-05-01,Hotel,Lodging,90.00,EUR,60.00,-30.00,-30.00
2026-05-02,Taxi,Transport,14.50,EUR,-7.25,7.25,0.00
2026-05-03,Lunch,Food,30.00,CHF,20.00,0.00,-20.00

2026-05-04,Total balance, , ,EUR,52.75,-22.75,-30.00
2026-05-04,Total balance, , ,CHF,20.00,0.00,-20.00
"""
HEADER = "Date,Description,Category,Cost,Currency,Ana,Ben\n\n"
ROW = "2026-05-01,Dinner,Food,30.00,EUR,15.00,-15.00\n"


class Circle:
    """The group, as its people ask about it."""

    def __init__(self, client: Asking, *others: str) -> None:
        self.client = client
        made = client.post("/v1/groups", json={"name": "Porto"}, headers=bearer("ana")).json()
        self.id: str = made["id"]
        self.ids = {"ana": made["me"]}
        for who in others:
            invited = self.ask("ana", "POST", "/invitations", {"handle": who}).json()
            client.post(f"/v1/invitations/{invited['invitation']['id']}/accept", headers=bearer(who))
            (there,) = client.get("/v1/groups", headers=bearer(who)).json()["groups"]
            self.ids[who] = there["me"]

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        where = f"/v1/groups/{self.id}{path}"
        return self.client.request(method, where, json=body, headers={**bearer(who), **headers})

    def send(self, who: str = "ana", content: str = TRIP, **changes: Any) -> httpx.Response:
        return self.ask(who, "POST", "/imports", {"file_name": "trip.csv", "content": content, **changes})

    def brought(self) -> dict[str, Any]:
        """The trip after it was sent and committed."""
        told: dict[str, Any] = self.do("ana", "commit", self.send().json()["id"]).json()
        assert told["stage"] == "committed", told
        return told

    def do(self, who: str, what: str, import_id: str) -> httpx.Response:
        return self.ask(who, "POST", f"/imports/{import_id}/{what}")

    def bills(self) -> dict[str, dict[str, Any]]:
        """Those there are, by title."""
        return {one["title"]: one for one in self.ask("ana", "GET", "/bills").json()["bills"]}

    def names(self) -> set[str]:
        """Who is in the group."""
        told = self.client.get(f"/v1/groups/{self.id}", headers=bearer("ana")).json()
        return {one["name"] for one in told["members"] if one.get("left_at") is None}


@pytest.fixture
def circle(client: Asking, bench: Bench) -> Circle:
    open_accounts(bench.database)
    bench.indexer().catch_up()
    return Circle(client, "ben", "iris")


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def is_untouched(circle: Circle) -> bool:
    return circle.bills() == {} and circle.names() == {"@ana", "@ben", "@iris"}


# ------------------------------------------------------------------------------------------------ in and out again


def test_a_preview_says_all_and_changes_nothing(circle: Circle) -> None:
    """Who is whom, how many bills and both sides of every total are told; the group is as it was."""
    answer = circle.send()
    assert answer.status_code == 201, answer.text
    seen = answer.json()
    assert (seen["stage"], seen["bills"], seen["made_by"]) == ("previewed", 3, circle.ids["ana"])
    people = {one["name"]: one for one in seen["people"]}
    assert {name: one["is_new_guest"] for name, one in people.items()} == {"Ana": False, "Ben": False, "Zoe": True}
    assert (people["Ana"]["member"], people["Ben"]["member"]) == (circle.ids["ana"], circle.ids["ben"])
    totals = {one["currency"]: {each["member"]: each for each in one["people"]} for one in seen["totals"]}
    ana = totals["EUR"][circle.ids["ana"]]
    assert (ana["total"], ana["exact"], ana["net"]) == ("52.75", "52.75", "52.75")
    assert Decimal(ana["difference"]) == 0
    assert totals["CHF"][people["Zoe"]["member"]]["net"] == "-20.00"
    assert is_untouched(circle)
    (listed,) = circle.ask("ben", "GET", "/imports").json()["imports"]
    assert listed == {name: seen[name] for name in listed}
    assert circle.ask("iris", "GET", f"/imports/{seen['id']}").json() == seen


def test_people_are_mapped_by_hand(circle: Circle) -> None:
    """A person of the file is the member that the caller says, once, where the file has such a person."""
    people = {one["name"]: one for one in circle.send(people={"Zoe": circle.ids["iris"]}).json()["people"]}
    assert (people["Zoe"]["member"], people["Zoe"]["is_new_guest"]) == (circle.ids["iris"], False)
    for wrong in ({"Zed": circle.ids["iris"]}, {"Zoe": circle.ids["ben"]}, {"Zoe": "00000000000000aa"}):
        answer = circle.send(people=wrong)
        assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "people"), answer.text
    assert is_untouched(circle)


def test_a_commit_brings_in_all_at_once(circle: Circle) -> None:
    """The guest and the bills are there, whom they charge is asked, and asked for again it is the same."""
    made = circle.brought()
    assert circle.names() == {"@ana", "@ben", "@iris", "Zoe"}
    found = circle.bills()
    assert {title: (one["total"], one["state"]) for title, one in found.items()} == {
        "Hotel": ("90.00", "open"),
        "Taxi": ("14.50", "accepted"),
        "Lunch": ("30.00", "open"),
    }
    assert {one["name"] for one in found["Hotel"]["asked"]} == {"@ben", "Zoe"}
    assert found["Taxi"]["asked"] == [], "who brought it in has accepted what it charges them"
    again = circle.do("ana", "commit", made["id"])
    assert (again.status_code, again.json()) == (200, made)
    assert circle.bills() == found
    (latest, *_) = circle.ask("ben", "GET", "/activity").json()["activity"]
    assert (latest["kind"], latest["words"]) == ("import.committed", "@ana imported 3 bills from trip.csv")


def test_an_undo_takes_out_all_and_it_comes_back(circle: Circle) -> None:
    """Bills and guests are gone together, once; the file sent again brings both back, the guest under the same id."""
    made = circle.brought()
    zoe = next(one["member"] for one in made["people"] if one["name"] == "Zoe")
    undone = circle.do("ana", "undo", made["id"])
    assert (undone.status_code, undone.json()["stage"]) == (200, "undone")
    assert is_untouched(circle)
    assert circle.do("ana", "undo", made["id"]).json() == undone.json()
    assert told(circle.do("ana", "commit", made["id"])) == (409, "too-late")
    again = circle.brought()
    assert next(one["member"] for one in again["people"] if one["name"] == "Zoe") == zoe
    assert circle.names() == {"@ana", "@ben", "@iris", "Zoe"}
    assert len(circle.bills()) == 3


def test_a_guest_whom_another_bill_names_stays(circle: Circle) -> None:
    """An undo lets only those guests go who are in no other bill."""
    made = circle.brought()
    zoe = next(one["member"] for one in made["people"] if one["name"] == "Zoe")
    circle.ask(
        "ana",
        "POST",
        "/bills",
        {
            "title": "Bus",
            "currency": "EUR",
            "total": "2.00",
            "split": {"mode": "equal", "people": [zoe, circle.ids["ana"]]},
            "payers": [{"member": circle.ids["ana"], "amount": "2.00"}],
        },
    )
    assert circle.do("ana", "undo", made["id"]).status_code == 200
    assert circle.names() == {"@ana", "@ben", "@iris", "Zoe"}
    assert set(circle.bills()) == {"Bus"}


def test_an_undo_is_refused_once_more_became_of_a_bill(circle: Circle, bench: Bench) -> None:
    """After an amendment, and while or once a debt is paid, all of an import stays."""
    made = circle.brought()
    taxi = circle.bills()["Taxi"]
    paid = circle.ask("ana", "POST", f"/bills/{taxi['id']}/payments", {"version": 1})
    assert paid.status_code < 300, paid.text
    assert told(circle.do("ana", "undo", made["id"])) == (409, "bill-locked")
    tick_until_still(bench.worker())
    assert told(circle.do("ana", "undo", made["id"])) == (409, "bill-settled")
    assert len(circle.bills()) == 3
    second = circle.do("ana", "commit", circle.send(content=HEADER + ROW).json()["id"]).json()
    dinner = circle.bills()["Dinner"]
    order = {name: dinner[name] for name in ("currency", "total", "split", "date")}
    order |= {"title": "Supper", "version": 1, "payers": [{"member": circle.ids["ana"], "amount": "30.00"}]}
    amended = circle.ask("ana", "PUT", f"/bills/{dinner['id']}", order)
    assert amended.status_code == 200, amended.text
    refused = circle.do("ana", "undo", second["id"])
    assert told(refused) == (409, "too-late")
    assert "Supper was amended since" in refused.text
    assert told(circle.do("ana", "undo", circle.send().json()["id"])) == (409, "too-late")


# ------------------------------------------------------------------------------------------------ bad input


def test_a_broken_file_is_refused_with_its_row(circle: Circle) -> None:
    """What is wrong is named with its row or its field, and nothing of the file is brought in."""
    broken = [
        ROW.replace("2026-05-01", "01/05/2026"),
        ROW.replace("-15.00", "-15.x0"),
        ROW.replace("Dinner", "pay\u202eana"),
        ROW.replace("30.00", "30000000000000.00").replace("15.00", "15000000000000.00"),
        ROW.replace("EUR", "???"),
        ROW.replace("-15.00", "-12.00"),
    ]
    for row in broken:
        answer = circle.send(content=HEADER + ROW + row)
        assert (answer.status_code, answer.json()["row"]) == (422, 4), answer.text
        assert told(answer) == (422, "invalid-value")
    for name in ("", "trip\u202e.csv", "x" * 101, "a\nb"):
        answer = circle.send(file_name=name)
        assert answer.status_code == 422, name
    for hostile in ("@ben", "=cmd|' /C calc'!A0\u202e", "\u200b", "Z" * 65):
        answer = circle.send(content=TRIP.replace("Zoe", f'"{hostile}"'))
        assert answer.status_code in (409, 422), answer.text
    assert is_untouched(circle)
    assert circle.ask("ana", "GET", "/imports").json()["imports"] == []


def test_only_this_route_takes_files(circle: Circle) -> None:
    """A body of some hundred kilobytes is read here and nowhere else; one above four megabytes is not read at all."""
    long = HEADER + ROW * 2_000
    assert len(long) > 80_000
    answer = circle.send(content=long)
    assert (answer.status_code, answer.json()["bills"]) == (201, 2_000)
    assert told(circle.ask("ana", "POST", "/bills", {"note": long})) == (413, "body-too-large")
    assert told(circle.send(content="x" * 4_000_000)) == (413, "body-too-large")
    answer = circle.send(content="x" * 2_000_001)
    assert told(answer) == (422, "invalid-request")
    assert is_untouched(circle)


# ------------------------------------------------------------------------------------------------ attackers


def test_strangers_and_viewers_bring_nothing_in(circle: Circle) -> None:
    """A stranger finds no group and no import, a viewer looks only, and an import's id is good in its own group."""
    made = circle.send().json()["id"]
    tries = [("POST", "/imports"), ("POST", f"/imports/{made}/commit"), ("POST", f"/imports/{made}/undo")]
    looks = [("GET", "/imports"), ("GET", f"/imports/{made}"), ("GET", "/export.csv")]
    body = {"file_name": "trip.csv", "content": TRIP}
    for method, path in (*tries, *looks):
        answer = circle.ask("cleo", method, path, body if path == "/imports" and method == "POST" else None)
        assert told(answer) == (404, "not-found"), path
        assert "Hotel" not in answer.text
    circle.ask("ana", "PATCH", f"/members/{circle.ids['iris']}", {"role": "viewer"})
    for method, path in tries:
        assert told(circle.ask("iris", method, path, body if path == "/imports" else None)) == (403, "not-allowed")
    for method, path in looks:
        assert circle.ask("iris", method, path).status_code == 200
    other = Circle(circle.client)
    for method, path in (*tries[1:], looks[1]):
        assert told(other.ask("ana", method, path)) == (404, "not-found"), path
    assert other.names() == {"@ana"}
    assert is_untouched(circle)
    circle.do("ana", "commit", made)
    answer = circle.ask("ben", "POST", f"/imports/{made}/undo")
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "import")
    assert len(circle.bills()) == 3


def test_a_commit_is_refused_once_the_people_changed(circle: Circle) -> None:
    """Where a member has left, or the name of a guest is taken since the preview, nothing is brought in."""
    first = circle.send().json()["id"]
    assert circle.ask("ana", "POST", "/members", {"name": "zoe"}).status_code == 201
    assert told(circle.do("ana", "commit", first)) == (409, "already-exists")
    third = circle.send(content=HEADER + ROW).json()["id"]
    assert circle.ask("ana", "DELETE", f"/members/{circle.ids['ben']}").status_code == 204
    answer = circle.do("ana", "commit", third)
    assert (*told(answer), answer.json()["field"]) == (422, "invalid-value", "people"), answer.text
    assert circle.bills() == {}


@on_both
def test_two_commits_at_once_make_the_bills_once(circle: Circle, parts: Parts) -> None:
    """However many commit an import at the same time, its bills and its guest are there once."""
    made = circle.send().json()["id"]
    ana, commit = caller_of("ana"), parts.interchange.commit

    def once(_: int) -> int:
        return len(parts.database.write(lambda tx: commit(tx, ana, circle.id, made)).read.bills)

    with ThreadPoolExecutor(4) as several:
        assert list(several.map(once, range(4))) == [3] * 4
    with parts.database.read() as tx:
        assert bills.count(tx, circle.id) == 3
        assert [one.name for one in members.of_group(tx, circle.id) if one.account_id is None] == ["Zoe"]


@on_both
def test_an_import_is_found_as_it_was_stored(circle: Circle, parts: Parts) -> None:
    """A file comes back byte for byte with its people and what became of it, in its own group only, newest first."""
    kept = imports.Import(
        id="i1",
        group_id=circle.id,
        file_name="käse.csv",
        content=b"\x00\xff" + TRIP.encode(),
        people={"Zoë": imports.Chosen("m1", is_new=True), "Ana": imports.Chosen(circle.ids["ana"], is_new=False)},
        made_by=circle.ids["ana"],
        made_at_s=5,
    )
    with parts.database.transaction() as tx:
        imports.add(tx, kept)
        imports.add(tx, imports.Import("i2", circle.id, "b.csv", b"", {}, circle.ids["ana"], 6))
        assert imports.by_id(tx, circle.id, "i1") == kept
        assert imports.by_id(tx, "another", "i1") is None
        imports.set_committed(tx, "i1", 7)
        imports.set_undone(tx, "i1", 8)
        found = imports.of_group(tx, circle.id, 9)
        assert [one.id for one in found] == ["i2", "i1"]
        assert [(one.committed_at_s, one.undone_at_s) for one in found] == [(None, None), (7, 8)]
        assert [one.id for one in imports.of_group(tx, circle.id, 1)] == ["i2"]


# ------------------------------------------------------------------------------------------------ out


def test_the_csv_reads_back_as_the_balances(circle: Circle) -> None:
    """What goes out as a spreadsheet has everybody's nets, to the last unit, and nothing of deleted bills."""
    circle.brought()
    circle.ask("ana", "DELETE", f"/bills/{circle.bills()['Taxi']['id']}")
    answer = circle.ask("ben", "GET", "/export.csv")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    history = read_splitwise(answer.content, "group.csv")
    euros = history.exact_nets(currency_of("EUR"))
    assert _plain(euros) == {"ana": 6_000, "ben": -3_000, "Zoe": -3_000}
    francs = history.exact_nets(currency_of("CHF"))
    assert _plain(francs) == {"ana": 2_000, "Zoe": -2_000}


def _plain(nets: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Without the apostrophes that keep spreadsheets from reading a handle as a formula."""
    return {name.removeprefix("'").removeprefix("@"): net for name, net in nets.items() if net}
