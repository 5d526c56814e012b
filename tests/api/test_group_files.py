"""A group as a file: Iris paid 60.00 for Ana, Cleo and herself; they settle up, and all of it goes out with proofs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from chainwallet.abi.typed_data import from_typed_data, signer_of, struct_hash
from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.errors import BadValue
from chainwallet.evm import from_hex, keccak256, to_hex
from chainwallet.formats.group_document import KeptDebt, KeptElsewhere, KeptGroup, read_group, typed_of, write_group
from chainwallet.interchange.checking import checked
from chainwallet.keys.signer import verify_signature
from chainwallet.rpc import Node
from chainwallet.rules.canonical import canonical
from chainwallet.store.database import Database
from tests.api.service import Asking, bearer, open_accounts, parts_for
from tests.chain.bench import Bench, Deployed, key_of
from tests.chain.stories import tick_until_still
from tests.postgres import PostgresProcess, on_both


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


def test_an_auditor_checks_it_with_plain_tools(trip: Trip, tmp_path: Path) -> None:
    """The program in the documentation, which needs nothing of this package, finds a file good, a changed one not."""
    text = Path("docs/groups.md").read_text("utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```python\n")]
    (program,) = (block for block in blocks if block.startswith("# check_group.py"))
    content, file = trip.ask("iris", "GET", "/export.json").content, tmp_path / "group.json"

    def run(changed: bytes) -> subprocess.CompletedProcess[str]:
        file.write_bytes(changed)
        return subprocess.run([sys.executable, "-I", "-c", program, file], check=False, capture_output=True, text=True)

    good = run(content)
    assert good.returncode == 0, good.stderr
    assert len(good.stdout.splitlines()) == 2
    assert all(plan.tx in good.stdout for plan in read_group(content).plans)
    assert "AssertionError" in run(content.replace(b"Dinner", b"Dinmer", 1)).stderr


def test_what_is_under_way_is_not_told(trip: Trip) -> None:
    """Nobody gets a signature that the chain has not carried out; a debt that is being paid is open in the file."""
    share = trip.add("iris", "Boat", "4.00", "ana")
    trip.do("ana", share, "payments")
    group = read_group(trip.ask("iris", "GET", "/export.json").content)
    (debt,) = next(bill for bill in group.bills if bill.id == share["id"]).debts
    assert (debt.payment, debt.plan, debt.elsewhere) == (None, None, None)


@pytest.fixture
def elsewhere(
    deployed: Deployed, chain: Node, engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Asking]:
    """Another service with a database of its own, whose people have accounts there too."""
    with ExitStack() as stack:
        place = str(tmp_path / "elsewhere.db")
        if engine != "sqlite":
            server: PostgresProcess = request.getfixturevalue("postgres")
            place = stack.enter_context(server.migrated())
        other = stack.enter_context(closing(Database.open(place)))
        open_accounts(other)
        yield stack.enter_context(Asking(make_app(parts_for(deployed, chain, other))))


def bring_in(asking: Asking, who: str, content: bytes, me: str) -> httpx.Response:
    body = {"content": content.decode(), "me": me}
    return asking.post("/v1/group-imports", json=body, headers=bearer(who))


def as_brought_in(group: KeptGroup, me: str) -> KeptGroup:
    """``group`` as it is elsewhere: its people are guests, and what the chain settled is said in words."""
    plans = {plan.id: plan for plan in group.plans}

    def said(debt: KeptDebt) -> KeptDebt:
        carried = debt.payment or (plans[debt.plan] if debt.plan else None)
        if carried is None:
            return debt
        note = f"settled in transaction {carried.tx} on chain {carried.chain}, as the imported file says"
        told = KeptElsewhere(debt.creditor, carried.made_at_s, note)
        return replace(debt, elsewhere=told, payment=None, plan=None)

    bills = tuple(replace(bill, debts=tuple(map(said, bill.debts))) for bill in group.bills)
    people = tuple(
        replace(one, name="@ben", role="owner")
        if one.id == me
        else replace(one, name=one.name.lstrip("@"), role="member")
        for one in group.members
    )
    return replace(group, members=people, bills=bills, plans=(), hash="")


@on_both
def test_a_group_comes_in_as_it_was(trip: Trip, elsewhere: Asking) -> None:
    """Ids, hashes, answers, debts and balances are the same; its people are guests but who says that they are one."""
    content = trip.ask("iris", "GET", "/export.json").content
    me = trip.ids["cleo"]
    assert told(bring_in(elsewhere, "ben", content, "00000000000000aa")) == (422, "invalid-value")
    made = bring_in(elsewhere, "ben", content, me)
    assert made.status_code == 201, made.text
    assert (made.json()["id"], made.json()["me"], made.json()["name"]) == (trip.id, me, "Trip")
    there = elsewhere.get(f"/v1/groups/{trip.id}/export.json", headers=bearer("ben"))
    group = read_group(content)
    assert replace(read_group(there.content), hash="") == as_brought_in(group, me)
    assert told(bring_in(elsewhere, "ben", content, me)) == (409, "already-exists")
    assert told(bring_in(trip.client, "ben", content, me)) == (409, "already-exists")
    balances = [
        [(owed["member"]["id"], owed["amount"]) for owed in one["owed"]]
        for asking, who in ((trip.client, "cleo"), (elsewhere, "ben"))
        for one in asking.get(f"/v1/groups/{trip.id}/balances", headers=bearer(who)).json()["balances"]
    ]
    assert balances[: len(balances) // 2] == balances[len(balances) // 2 :]
    assert elsewhere.get("/v1/groups", headers=bearer("ana")).json()["groups"] == []
    assert told(bring_in(elsewhere, "ana:groups:read", content, me)) == (403, "not-allowed")
    assert told(bring_in(elsewhere, "ana", b"x" * 100_000, me)) == (422, "invalid-value")
    assert told(bring_in(elsewhere, "ana", b"x" * 4_000_000, me)) == (413, "body-too-large")


def test_what_was_changed_in_a_file_is_refused(trip: Trip, elsewhere: Asking) -> None:
    """Each kind of value, changed alone, is named with its path; what nothing follows from is kept by the hash."""
    content = trip.ask("iris", "GET", "/export.json").content
    unknowable = set()
    for path in leaves(json.loads(content)):
        document = json.loads(content)
        change(document, path)
        field = refused(canonical(document))
        assert field is not None, path
        shape = ".".join(part for part in path if isinstance(part, str))
        if field == "hash" != shape and shape not in unknowable:
            assert refused(write_group(read_group(canonical(document)))) is None
            unknowable.add(shape)
    assert unknowable == UNKNOWABLE
    changed = content.replace(b'"title":"Dinner"', b'"title":"Dinners"', 1)
    answer = bring_in(elsewhere, "ben", changed, trip.ids["cleo"])
    assert told(answer) == (422, "invalid-value")
    titles = [bill.versions[0].terms["title"] for bill in read_group(content).bills]
    assert answer.json()["field"] == f"bills[{titles.index('Dinner')}].versions[0].hash"
    assert elsewhere.get("/v1/groups", headers=bearer("ben")).json()["groups"] == []


UNKNOWABLE = {
    "bills.answers.at_s",
    "bills.answers.is_carried_over",
    "bills.answers.reason",
    "bills.answers.version",
    "bills.debts.elsewhere.at_s",
    "bills.debts.elsewhere.note",
    "bills.debts.payment.block",
    "bills.debts.payment.block_hash",
    "bills.debts.payment.chain",
    "bills.debts.payment.made_at_s",
    "bills.debts.payment.tx",
    "bills.deleted_at_s",
    "bills.id",
    "bills.lineage",
    "bills.versions.made_at_s",
    "bills.versions.reason",
    "created_at_s",
    "members.joined_at_s",
    "members.name",
    "name",
    "plans.block",
    "plans.block_hash",
    "plans.chain",
    "plans.made_at_s",
    "plans.tx",
}
"""What follows from nothing else in the file: names, times, reasons, and where a chain carried something out."""


def refused(content: bytes) -> str | None:
    """The field that a file is refused for; None where it is good."""
    try:
        checked(read_group(content))
    except BadValue as bad:
        return bad.field
    return None


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of each value that is no object or list."""
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, (*path, name))
    else:
        yield path


def change(document: Any, path: tuple[str | int, ...]) -> None:
    """Changes the value at ``path`` by as little as may be."""
    *way, last = path
    for part in way:
        document = document[part]
    value = document[last]
    if isinstance(value, bool):
        document[last] = not value
    elif isinstance(value, int):
        document[last] = value + 1
    else:
        document[last] = value[:-1] + ("1" if value[-1:] != "1" else "2")


def test_strangers_get_no_file(trip: Trip) -> None:
    """Who is not in the group is told that there is none."""
    answer = trip.ask("ben", "GET", "/export.json")
    assert told(answer) == (404, "not-found")
    assert json.loads(answer.content)["name"] == trip.id
