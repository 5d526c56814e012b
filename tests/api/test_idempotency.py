"""``Idempotency-Key``: what is sent again is done once and answered alike."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

import pytest
from fastapi import Depends
from sqlalchemy import func, select
from starlette.responses import Response

from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.callers import signed_in
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.document import Document
from chainwallet.errors import BadValue
from chainwallet.evm import Address
from chainwallet.store import submissions
from chainwallet.store.database import Transaction
from chainwallet.store.idempotency import LIFETIME_S
from chainwallet.store.schema import idempotent_answers
from chainwallet.store.schema import submissions as table
from tests.api.service import Asking, bearer
from tests.postgres import on_both

pytestmark = on_both

router = Router(tags=["tests"])
GivenCaller = Annotated[Caller, Depends(signed_in("payments:write"))]
SECRET = "cwk_hunter2-hunter2"


class Wish(Document):
    word: str


class Granted(Document):
    number: int
    word: str


def work(tx: Transaction, wish: Wish) -> Granted:
    """Something that is stored, and numbered."""
    count = tx.execute(select(func.count()).select_from(table)).scalar_one()
    number = submissions.put(tx, "7-0a0b0c0d", f"{wish.word} {count}", Address(b"\x0a" * 20), None, b"", 5)
    if wish.word == "refused":
        raise BadValue("word", wish.word, "another word")
    return Granted(number=number, word=wish.word)


@router.post("/wishes", status_code=HTTPStatus.CREATED, response_model=Granted)
def wishes(wish: Wish, parts: GivenParts, caller: GivenCaller, once: GivenOnce) -> Response:
    return once.answer(parts, caller, lambda tx: work(tx, wish))


@router.post("/secrets", response_model=Granted)
def secrets(wish: Wish, parts: GivenParts, caller: GivenCaller, once: GivenOnce) -> Response:
    return once.secret().answer(parts, caller, lambda tx: work(tx, wish))


@router.post("/slow-wishes", response_model=Granted)
def slow_wishes(wish: Wish, parts: GivenParts, caller: GivenCaller, once: GivenOnce) -> Response:
    return once.answer(parts, caller, lambda tx: work(tx, wish))


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    with Asking(make_app(parts, routers=(router,))) as client:
        yield client


def headers(key: str | None, who: str = "ana") -> dict[str, str]:
    return bearer(who) | ({} if key is None else {"Idempotency-Key": key})


def count(parts: Parts) -> int:
    with parts.database.read() as tx:
        return tx.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.parametrize(("path", "status"), [("/wishes", 201), ("/slow-wishes", 200)])
def test_what_is_sent_again_is_done_once(asking: Asking, parts: Parts, path: str, status: int) -> None:
    """The same request under the same key is answered alike, however its JSON is written, and nothing is done again."""
    first = asking.post(path, json={"word": "peace"}, headers=headers("k1"))
    again = asking.post(
        path, content=b'{ "word" : "peace" }', headers=headers("k1") | {"Content-Type": "application/json"}
    )
    assert (first.status_code, again.status_code) == (status, status)
    assert first.content == again.content
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert count(parts) == 1


def test_without_a_key_each_request_is_its_own(asking: Asking, parts: Parts) -> None:
    """Requests without a key are done each time, and nothing is remembered of them."""
    numbers = {asking.post("/wishes", json={"word": "peace"}, headers=headers(None)).json()["number"] for _ in range(2)}
    assert len(numbers) == count(parts) == 2
    with parts.database.read() as tx:
        assert tx.execute(select(func.count()).select_from(idempotent_answers)).scalar_one() == 0


def test_a_key_of_another_request_is_refused(asking: Asking, parts: Parts) -> None:
    """A key that comes with another body, or for another path, is refused by name and nothing is done."""
    asking.post("/wishes", json={"word": "peace"}, headers=headers("k1"))
    for path, word in (("/wishes", "war"), ("/slow-wishes", "peace")):
        answer = asking.post(path, json={"word": word}, headers=headers("k1"))
        told = answer.json()
        assert (answer.status_code, told["type"]) == (422, "/problems/key-reused")
        assert (told["field"], told["value"]) == ("Idempotency-Key", "k1")
    assert count(parts) == 1


def test_a_key_is_its_accounts_own(asking: Asking, parts: Parts) -> None:
    """Two accounts that happen on one key do not learn of each other."""
    answers = [asking.post("/wishes", json={"word": who}, headers=headers("k1", who)) for who in ("ana", "ben")]
    assert [answer.json()["word"] for answer in answers] == ["ana", "ben"]
    assert count(parts) == 2


def test_a_refusal_is_not_remembered(asking: Asking, parts: Parts) -> None:
    """A refused request changes nothing, its key neither: corrected, it may come under the same key."""
    refused = asking.post("/wishes", json={"word": "refused"}, headers=headers("k1"))
    assert (refused.status_code, count(parts)) == (422, 0)
    assert asking.post("/wishes", json={"word": "peace"}, headers=headers("k1")).status_code == 201


def test_a_secret_is_told_once_and_not_stored(asking: Asking, parts: Parts) -> None:
    """An answer with a secret is not kept: asked for again, it is said to exist already, and nothing is done."""
    assert asking.post("/secrets", json={"word": SECRET}, headers=headers("k1")).json()["word"] == SECRET
    again = asking.post("/secrets", json={"word": SECRET}, headers=headers("k1"))
    assert (again.status_code, again.json()["type"], count(parts)) == (409, "/problems/already-exists", 1)
    with parts.database.read() as tx:
        assert SECRET not in str(tx.execute(select(idempotent_answers)).all())


def test_a_key_is_forgotten_after_a_day(parts: Parts) -> None:
    """A day later the same key is a new one."""
    now_s = parts.clock_s()
    later = replace(parts, clock_s=lambda: now_s + LIFETIME_S + 1)
    numbers = []
    for each in (parts, parts, later):
        with Asking(make_app(each, routers=(router,))) as asking:
            numbers.append(asking.post("/wishes", json={"word": "peace"}, headers=headers("k1")).json()["number"])
    assert numbers[0] == numbers[1] != numbers[2]


def test_of_many_at_once_one_is_done(parts: Parts) -> None:
    """Of many requests that come with one key at the same moment one is done, and all get its answer."""
    told: list[bytes] = []
    start, alone = threading.Barrier(6), threading.Lock()

    def ask() -> None:
        with Asking(make_app(parts, routers=(router,))) as asking:
            with alone:  # FastAPI makes its routes at the first request, and hushes warnings for all threads meanwhile
                asking.get("/wishes")
            start.wait(20)
            told.append(asking.post("/wishes", json={"word": "peace"}, headers=headers("k1")).content)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(told) == 6
    assert len(set(told)) == count(parts) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 65, "é", "\x00"])
def test_a_key_is_plain(asking: Asking, key: str) -> None:
    """A key of more than 64 characters, or of others than visible ASCII, is refused."""
    answer = asking.post("/wishes", json={"word": "a"}, headers=headers("k") | {"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
