"""Promises in the store: one for each id, one nonce for each, for life."""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import BadValue
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32
from chainwallet.rules.promise import (
    Canceled,
    Canceling,
    Carried,
    Executed,
    Execution,
    Expired,
    Final,
    Happening,
    Offered,
    Queued,
    Stage,
    WasCanceled,
    WasConfirmed,
    WasExecuted,
    WasRenewed,
    WasReturned,
    WasSigned,
    WasTakenUp,
    WasUndone,
    WasWithdrawn,
)
from chainwallet.store import happenings, payers, promises, submissions
from chainwallet.store.database import Database
from chainwallet.store.locks import lock_payer
from chainwallet.store.payers import Standing
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
        "payee": BEN,
        "value": 10,
        "ref": tx_of(7),
        "valid_before": 100,
        "made_at_block": BlockNumber(3),
        "created_at_s": 5,
    }
    return Promise(**{**fields, **changes})


def test_a_promise_reads_back(database: Database) -> None:
    """A promise reads back as it was stored, and so do its signature and its newer document."""
    made = promise(nonce=2**200 + 1, value=2**96 - 1)
    with database.transaction() as tx:
        added = promises.add(tx, made, b"salt")
        promises.set_document(tx, made, '{"new": 1}', 200, b"signature", tx_of(8))
    expected = replace(
        made, number=added.number, document='{"new": 1}', valid_before=200, signature=b"signature", ref=tx_of(8)
    )
    with database.read() as tx:
        assert promises.by_id(tx, CASH, ANA, "payment", "42") == expected
        assert promises.by_number(tx, added.number) == expected
        assert promises.by_id(tx, CASH, ANA, "payment", "4") is None


EXECUTION = Execution(tx_of(1), BlockNumber(9), tx_of(9))
LIFE: list[tuple[Happening, Stage]] = [
    (WasSigned(), Queued()),
    (WasReturned("paused"), Queued()),
    (WasTakenUp(1), Carried(1)),
    (WasExecuted(EXECUTION), Executed(EXECUTION)),
    (WasConfirmed(), Final(EXECUTION)),
    (WasUndone("reorg"), Queued()),
    (WasRenewed("expired"), Offered()),
    (WasWithdrawn(), Canceling()),
    (WasCanceled("cancelled"), Canceled()),
]


def test_every_stage_reads_back_and_is_told(database: Database) -> None:
    """A promise reads back in each stage of its life, and the journal tells how it came there."""
    with database.transaction() as tx:
        assert submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"", 5) == 1
        one = promises.add(tx, promise())
    for happening, stage in LIFE:
        with database.transaction() as tx:
            held = promises.hold(tx, one)
            assert held is not None
            moved = promises.move(tx, held, happening, 7, 9)
        with database.read() as tx:
            assert promises.by_number(tx, one.number) == moved
        assert moved.stage == stage
    assert (moved.submission_id, moved.setbacks, moved.due_at_s) == (1, 1, 9)
    with database.read() as tx:
        story = happenings.of_promise(tx, one.number)
        assert promises.ever_in_submission(tx, 1) == (moved,)
        assert promises.of_submission(tx, 1) == ()
    assert [line.name for line in story] == ["WasAccepted", *(type(happening).__name__ for happening, _ in LIFE)]


def test_what_cannot_happen_is_not_stored(database: Database) -> None:
    """A move that the table of stages refuses changes nothing, in the row or in the journal."""
    with database.transaction() as tx:
        one = promises.add(tx, promise())

    def confirm() -> None:
        with database.transaction() as tx:
            promises.move(tx, one, WasConfirmed(), 7)

    with pytest.raises(BadValue):
        confirm()
    with database.read() as tx:
        assert promises.by_number(tx, one.number) == one
        assert len(happenings.of_promise(tx, one.number)) == 1


def test_open_promises_keep_their_amounts_back(database: Database) -> None:
    """What open promises of a payer may take is their sum; what is executed or over takes nothing more."""
    stages = [Offered(), Queued(), Canceling(), Executed(EXECUTION), Final(EXECUTION), Canceled(), Expired()]
    with database.transaction() as tx:
        for number, stage in enumerate(stages):
            promises.add(tx, promise(id=str(number), nonce=number, value=2**90 + number, stage=stage))
        promises.add(tx, promise(payer=BEN, value=7))
        assert payers.standing(tx, CASH, [ANA, BEN, ZERO_ADDRESS]) == {
            ANA: Standing(3 * 2**90 + 0 + 1 + 2, highest=6, lowest_live=0),
            BEN: Standing(7, highest=0, lowest_live=0),
            ZERO_ADDRESS: Standing(),
        }


def test_wide_nonces_are_apart_from_the_window(database: Database) -> None:
    """A wide nonce does not move the window's numbers on."""
    with database.transaction() as tx:
        promises.add(tx, promise(id="1", nonce=5))
        promises.add(tx, promise(id="2", nonce=2**56))
        one = payers.standing(tx, CASH, [ANA])[ANA]
        assert (one.highest, one.lowest_live) == (5, 5)


def test_due_payments_are_signed_and_oldest_first(database: Database) -> None:
    """What may be taken up now: queued, signed, due; the oldest first and no more than asked for."""
    with database.transaction() as tx:
        for number, (stage, due_at_s, signature) in enumerate(
            [
                (Queued(), 9, b"s"),
                (Queued(), 3, b"s"),
                (Queued(), 4, b"s"),
                (Queued(), 3, None),
                (Offered(), 0, None),
                (Canceling(), 0, b"s"),
            ]
        ):
            row = promise(id=str(number), nonce=number, stage=stage, due_at_s=due_at_s, signature=signature)
            promises.add(tx, row)
        promises.add(tx, promise(token="7-0a0b0c0e/0xCash", stage=Queued(), signature=b"s"))
    with database.transaction() as tx:
        assert [one.promise for one in promises.due(tx, CHAIN, 8, 9)] == [2, 3]
        assert [one.promise for one in promises.due(tx, CHAIN, 9, 1)] == [2]
        assert [one.promise for one in promises.due(tx, CHAIN, 9, 9)] == [2, 3, 1]


def test_an_adopted_promise_may_have_anybodys_nonce(database: Database) -> None:
    """What was found on the chain has the nonce that it has there, also where that was handed out here meanwhile."""
    with database.transaction() as tx:
        promises.add(tx, promise())
        promises.add(tx, promise(id="found", adopted_at_s=7))
        assert [one.nonce for one in promises.with_id(tx, CHAIN, "found")] == [0]


def test_rows_need_what_they_point_to(database: Database) -> None:
    """A promise cannot name a submission that is not there."""

    def point_nowhere() -> None:
        with database.transaction() as tx:
            promises.add(tx, promise(submission_id=99))

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
            promises.add(tx, promise(token=token, payer=payer, kind=kind, nonce=nonce))
    with database.transaction() as tx:
        stored = [promises.by_id(tx, token, payer, kind, "42") for token, payer, kind in kinds]
    assert [one.nonce for one in stored if one is not None] == [0, 1, 2, 3]


def refused(database: Database, *made: Promise) -> None:
    def add_all() -> None:
        with database.transaction() as tx:
            for one in made:
                promises.add(tx, one)

    with pytest.raises(IntegrityError):
        add_all()


def test_a_promise_is_stored_once_and_its_nonce_too(database: Database) -> None:
    """The store itself refuses a second promise with the same id, and a second one with the same nonce."""
    refused(database, promise(), promise(nonce=1))
    refused(database, promise(), promise(id="43"))
    refused(database, promise(), promise(kind="consent"))


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
                    lock_payer(tx, CASH, ANA)
                    highest = payers.standing(tx, CASH, [ANA])[ANA].highest
                    nonce = 5 if highest is None else highest + 1
                    promises.add(tx, promise(id=f"{worker} {number}", nonce=nonce))

    in_threads(make, 4)
    with closing(Database.open(where)) as database, database.transaction() as tx:
        nonces = [int(row.nonce, 16) for row in tx.execute(text("SELECT nonce FROM promises"))]
    assert sorted(nonces) == list(range(5, 45))
