"""Requests as they are stored: whole again, in the order of their lists, held by one at a time, due once."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from chainwallet.evm import Address, BlockNumber, Hash32
from chainwallet.notifier import Reminders
from chainwallet.rules.request import DAY_S
from chainwallet.store import promises, reminding, requests
from chainwallet.store.account_schema import accounts
from chainwallet.store.database import Database
from chainwallet.store.group_schema import group_events as event_rows
from chainwallet.store.promises import Promise
from chainwallet.store.request_schema import request_payments
from chainwallet.store.requests import Part, PartPayment, Request, Whole
from tests.postgres import on_both

pytestmark = on_both

ANA, BEN, CLEO = 1, 2, 3
REQUEST = Request("r1", ANA, "EUR", "Käse", "hash r1", None, 1_000)
MOST = 2**63 - 1


@pytest.fixture
def database(database: Database) -> Database:
    rows: list[dict[str, Any]] = [
        {"id": number, "handle": handle, "password_hash": "none", "created_at_s": 5}
        for number, handle in ((ANA, "ana"), (BEN, "ben"), (CLEO, "cleo"))
    ]
    with database.transaction() as tx:
        tx.execute(insert(accounts), rows)
    return database


def parts_of(request: Request, *asked: int | None, **changes: Any) -> tuple[Part, ...]:
    return tuple(
        replace(Part(f"{request.id}-{place}", request.id, place, one, None, 500 + place), **changes)
        for place, one in enumerate(asked)
    )


def add(database: Database, request: Request, *asked: int | None) -> Whole:
    parts = parts_of(request, *asked)
    with database.transaction() as tx:
        requests.add(tx, request, parts)
    return Whole(request, parts, ())


def pay(database: Database, part: Part, account_id: int, promise_id: str, attempt: int = 1) -> PartPayment:
    promise = Promise(
        token="7-0a0b0c0d/0xca",
        payer=Address(account_id.to_bytes(20, "big")),
        kind="payment",
        id=promise_id,
        nonce=len(promise_id),
        content_hash=Hash32(bytes(32)),
        document="{}",
        signature=None,
        memo=None,
        payee=Address(b"\x0b" * 20),
        value=5,
        ref=Hash32(bytes(32)),
        valid_before=2**33,
        made_at_block=BlockNumber(3),
        created_at_s=5,
    )
    with database.transaction() as tx:
        payment = PartPayment(part.id, account_id, attempt, promises.add(tx, promise), 6)
        requests.pay(tx, payment)
    return payment


def find(database: Database, request_id: str) -> Whole | None:
    with database.read() as tx:
        return requests.by_id(tx, request_id)


def events(database: Database) -> list[tuple[int, int | None, str]]:
    with database.read() as tx:
        rows = tx.execute(select(event_rows).order_by(event_rows.c.id)).all()
    return [(row.account_id, row.actor, row.kind) for row in rows]


def test_a_request_is_found_whole(database: Database) -> None:
    """A request comes back as it was stored, by its id and by its link, with its parts and their payments in order."""
    whole = add(database, replace(REQUEST, deadline_s=MOST, due_at_s=MOST), BEN, None)
    add(database, replace(REQUEST, id="r2", link_hash="hash r2"), BEN)
    assert find(database, "r1") == whole
    first = pay(database, whole.parts[1], CLEO, "request:r1-1")
    second = pay(database, whole.parts[0], BEN, "request:r1-0")
    with database.transaction() as tx:
        requests.decline(tx, "r1-0", "zu viel", 7)
        requests.remind(tx, ["r1-0", "r1-1"], 8)
        requests.change_link(tx, "r1", "another hash")
        requests.cancel(tx, "r1", 9)
    declined = replace(whole.parts[0], declined_at_s=7, reason="zu viel", reminded_at_s=8)
    now = Whole(
        replace(whole.request, link_hash="another hash", canceled_at_s=9, due_at_s=None),
        (declined, replace(whole.parts[1], reminded_at_s=8)),
        (first, second),
    )
    with database.read() as tx:
        assert requests.by_link(tx, "another hash") == requests.by_id(tx, "r1") == now
        assert requests.by_link(tx, "hash r1") is None
        assert requests.by_id(tx, "r3") is None


def test_lists_are_those_of_their_account(database: Database) -> None:
    """Who asks, who is asked and who pays an open part find a request in their lists, the newest first, by pages."""
    for number in range(4):
        request = replace(REQUEST, id=f"r{number}", link_hash=f"{number}", made_at_s=1_000 + number // 2)
        whole = add(database, request, BEN, None)
    pay(database, whole.parts[1], CLEO, "request:r3-1")
    with database.read() as tx:
        page = requests.asked_by(tx, ANA, None, 3)
        assert [one.request.id for one in page] == ["r3", "r2", "r1"]
        assert [one.request.id for one in requests.asked_by(tx, ANA, (1_000, "r1"), 3)] == ["r0"]
        assert [one.request.id for one in requests.asked_of(tx, BEN, (1_001, "r3"), 9)] == ["r2", "r1", "r0"]
        assert [one.request.id for one in requests.asked_of(tx, CLEO, None, 9)] == ["r3"]
        assert requests.asked_of(tx, ANA, None, 9) == requests.asked_by(tx, BEN, None, 9) == ()
        assert page[0].payments[0].account_id == CLEO


def test_what_paid_a_part_stays(database: Database) -> None:
    """Which payments pay a part is neither changed nor removed, and no payment pays two parts."""
    whole = add(database, REQUEST, BEN, None)
    payment = pay(database, whole.parts[0], BEN, "request:r1-0")
    for change in (update(request_payments).values(attempt=2), delete(request_payments)):
        with pytest.raises(IntegrityError), database.transaction() as tx:
            tx.execute(change)
    with pytest.raises(IntegrityError), database.transaction() as tx:
        requests.pay(tx, replace(payment, part_id="r1-1"))


def test_a_person_is_in_a_request_once(database: Database) -> None:
    """The database itself refuses to ask somebody twice in one request, or for nothing."""
    for parts in (parts_of(REQUEST, BEN, BEN), parts_of(REQUEST, BEN, amount_minor=0)):
        with pytest.raises(IntegrityError), database.transaction() as tx:
            requests.add(tx, REQUEST, parts)
    assert find(database, "r1") is None


def test_what_is_due_is_seen_to_once(database: Database) -> None:
    """However many look at the same moment and however often, who is asked is reminded once and who asked told once."""
    deadline_s = 1_000 + 4 * DAY_S
    for number in range(3):
        request = replace(REQUEST, id=f"r{number}", link_hash=f"{number}", deadline_s=deadline_s, due_at_s=2_000)
        add(database, replace(request, due_at_s=2_000 + number), BEN, None)
    now_s = 2_001
    looking = [Reminders(database, lambda: now_s, at_once=1) for _ in range(2)]
    assert [one.tick() for one in (*looking, *looking)] == [1, 1, 0, 0]
    assert events(database) == [(BEN, None, "request.reminded")] * 2
    with database.read() as tx:
        assert [requests.due(tx, at_s, 9) for at_s in (now_s, now_s + 1)] == [(), ("r2",)]
    now_s = deadline_s
    assert [one.tick() for one in (*looking, *looking, *looking)] == [1, 1, 1, 0, 0, 0]
    with database.transaction() as tx:
        reminding.look(tx, "r0", now_s)  # by who had read that it was due before the others saw to it
    assert sorted(events(database)[2:]) == sorted([(ANA, None, "request.expired")] * 3)


def test_what_was_taken_back_is_not_reminded_of(database: Database) -> None:
    """A request that was taken back, or whose parts are under way, is over without a word."""
    for number in range(2):
        request = replace(REQUEST, id=f"r{number}", link_hash=f"{number}", deadline_s=3_000, due_at_s=2_000)
        whole = add(database, request, BEN)
    pay(database, whole.parts[0], BEN, "request:r1-0")
    with database.transaction() as tx:
        requests.cancel(tx, "r0", 1_500)
    for now_s in (2_000, 3_000):
        reminders = Reminders(database, lambda: now_s)  # noqa: B023 - it is asked within the loop
        while reminders.tick():
            pass
    assert events(database) == []
    with database.read() as tx:
        assert requests.due(tx, MOST, 9) == ()
