"""Promises in the store: one for each id, one nonce for each, for life."""

import threading
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chainwallet.evm import Address, BlockNumber, Hash32
from chainwallet.store import promises, submissions
from chainwallet.store.database import Database
from chainwallet.store.promises import Kind, Promise
from tests.postgres import on_both

pytestmark = on_both
CHAIN = "7-0a0b0c0d"
ANA, BEN, TOKEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\xca" * 20)
CASH = f"{CHAIN}/0xCash"


def tx_of(number: int) -> Hash32:
    return Hash32(number.to_bytes(32, "big"))


def promise(**changes: Any) -> Promise:
    fields: dict[str, Any] = {
        "token": CASH,
        "payer": ANA,
        "kind": "payment",
        "id": "42",
        "nonce": 0,
        "content_hash": tx_of(1),
        "document": "{}",
        "signature": None,
        "memo": "dinner",
        "submission_id": None,
        "made_at_block": BlockNumber(3),
    }
    return Promise(**{**fields, **changes})


def test_a_promise_reads_back(database: Database) -> None:
    """A promise reads back as it was stored, and so do its signature, its newer document and its submission."""
    with database.transaction() as tx:
        carrier = submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"", 5)
    made = promise(nonce=2**200 + 1)
    with database.transaction() as tx:
        promises.add(tx, made, b"salt", 5)
        promises.set_document(tx, made, '{"new": 1}', b"signature")
        promises.set_submission(tx, made, carrier)
    expected = promise(nonce=2**200 + 1, document='{"new": 1}', signature=b"signature", submission_id=carrier)
    with database.transaction() as tx:
        assert promises.by_id(tx, CASH, ANA, "payment", "42") == expected
        assert promises.by_id(tx, CASH, ANA, "payment", "4") is None


def test_rows_need_what_they_point_to(database: Database) -> None:
    """A promise cannot name a submission that is not there."""

    def point_nowhere() -> None:
        with database.transaction() as tx:
            promises.add(tx, promise(submission_id=99), None, 5)

    with pytest.raises(IntegrityError):
        point_nowhere()


def test_the_same_id_is_free_for_others(database: Database) -> None:
    """An id is the payer's own on one token and for one kind of promise: nobody can take it from somebody else."""
    kinds: list[tuple[str, Address, Kind]] = [
        (CASH, ANA, "payment"),
        (CASH, ANA, "consent"),
        (CASH, BEN, "payment"),
        ("other", ANA, "payment"),
    ]
    for nonce, (token, payer, kind) in enumerate(kinds):
        with database.transaction() as tx:
            promises.add(tx, promise(token=token, payer=payer, kind=kind, nonce=nonce), None, 5)
    with database.transaction() as tx:
        stored = [promises.by_id(tx, token, payer, kind, "42") for token, payer, kind in kinds]
    assert [one.nonce for one in stored if one is not None] == [0, 1, 2, 3]


def refused(database: Database, *made: Promise) -> None:
    def add_all() -> None:
        with database.transaction() as tx:
            for one in made:
                promises.add(tx, one, None, 5)

    with pytest.raises(IntegrityError):
        add_all()


def test_a_promise_is_stored_once_and_its_nonce_too(database: Database) -> None:
    """The store itself refuses a second promise with the same id, and a second one with the same nonce."""
    refused(database, promise(), promise(nonce=1))
    refused(database, promise(), promise(id="43"))
    refused(database, promise(), promise(kind="consent"))


EXAMPLES = count()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([ANA, BEN]), st.sampled_from(["eur", "usd"]), st.integers(0, 400))))
def test_nonces_only_grow(database: Database, drawn: list[tuple[Address, str, int]]) -> None:
    """A payer's next nonce on a token is above all of theirs there and not below what the chain has seen."""
    example = next(EXAMPLES)  # each has tokens of its own in the one database
    highest: dict[tuple[Address, str], int] = {}
    for number, (payer, currency, first_unused) in enumerate(drawn):
        token = f"{example} {currency}"
        with database.transaction() as tx:
            nonce = promises.next_nonce(tx, token, payer, first_unused)
            promises.add(tx, promise(token=token, payer=payer, id=str(number), nonce=nonce), None, 5)
        assert nonce == max(first_unused, highest.get((payer, token), -1) + 1)
        highest[payer, token] = nonce


def in_threads(work: Callable[[int], None], count: int) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_never_share_a_nonce(where: str) -> None:
    """Promises made at the same time, also over several connections, get one nonce each, without a gap."""
    Database.open(where).close()

    def make(worker: int) -> None:
        with closing(Database.open(where)) as database:
            for number in range(10):
                with database.transaction() as tx:
                    nonce = promises.next_nonce(tx, CASH, ANA, 5)
                    promises.add(tx, promise(id=f"{worker} {number}", nonce=nonce), None, 5)

    in_threads(make, 4)
    with closing(Database.open(where)) as database, database.transaction() as tx:
        nonces = [int(row.nonce, 16) for row in tx.execute(text("SELECT nonce FROM promises"))]
    assert sorted(nonces) == list(range(5, 45))
