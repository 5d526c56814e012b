"""Submissions in the store: one for each key, one nonce for each, moved by whoever is first."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber
from chainwallet.rules.submission import (
    Conflict,
    Failed,
    Final,
    Happening,
    Mined,
    Queued,
    Sent,
    Signed,
    Stage,
    Submission,
    WasConfirmed,
    WasOvertaken,
    WasRefused,
    WasReorged,
    WasSent,
)
from chainwallet.store import happenings, submissions
from chainwallet.store.database import Database
from tests.postgres import on_both
from tests.store.lives import attempt, tx_of, was_mined, was_signed

pytestmark = on_both
CHAIN, OTHER_CHAIN = "7-0a0b0c0d", "7-01020304"
ANA, BEN, TOKEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\xca" * 20)


def put(database: Database, key: str = "key", **changes: Any) -> int:
    content: dict[str, Any] = {"chain": CHAIN, "sender": ANA, "to": TOKEN, "data": b"data", "now_s": 5}
    with database.transaction() as tx:
        return submissions.put(tx, key=key, **{**content, **changes})


def found(database: Database, submission_id: int) -> Submission:
    with database.transaction() as tx:
        submission = submissions.by_id(tx, submission_id)
    assert submission is not None
    return submission


def move(database: Database, submission_id: int, *happenings: Happening) -> bool:
    moved = True
    for happening in happenings:
        submission = found(database, submission_id)
        with database.transaction() as tx:
            moved = submissions.move(tx, submission, happening, 6) and moved
    return moved


SENT = WasSent("taken")
REFUSED = WasRefused("paused")


def test_the_same_key_is_the_same_submission(database: Database) -> None:
    """The same key with the same content is one submission; on another chain it is another one."""
    first = put(database)
    assert put(database) == first
    assert put(database, to=None, key="creation") == put(database, to=None, key="creation") != first
    assert put(database, chain=OTHER_CHAIN) != first


@pytest.mark.parametrize("changes", [{"sender": BEN}, {"to": BEN}, {"to": None}, {"data": b"other"}])
def test_the_same_key_with_other_content_is_refused(database: Database, changes: dict[str, Any]) -> None:
    """A key that stands for a submission is refused for another sender, receiver or call data."""
    first = put(database)
    for happening in (None, was_signed(0), SENT, was_mined(0), WasConfirmed()):
        assert happening is None or move(database, first, happening)
        with pytest.raises(BadValue):
            put(database, **changes)
        assert found(database, first).data == b"data"


@pytest.mark.parametrize("data", [b"data", b"other"])
def test_what_ended_without_effect_gives_its_key_up(database: Database, data: bytes) -> None:
    """What failed or is in conflict can be asked for again as a new submission; the old one stays on record."""
    unsent, reverted = put(database), put(database, key="reverted")
    overtaken = put(database, key="overtaken")
    move(database, unsent, REFUSED)
    move(database, reverted, was_signed(0), SENT, was_mined(0, reason="paused"), WasConfirmed())
    move(database, overtaken, was_signed(1), SENT, WasOvertaken("somebody else"))
    for old, key in ((unsent, "key"), (reverted, "reverted"), (overtaken, "overtaken")):
        new = put(database, key=key, data=data)
        assert new == put(database, key=key, data=data) != old
        assert found(database, new).stage == Queued()
        assert isinstance(found(database, old).stage, Failed | Conflict)


def test_a_final_submission_is_repeated_only_where_its_effect_is_missing(database: Database) -> None:
    """A final submission keeps its key, unless the caller says that it did not have its effect."""
    first = put(database)
    assert put(database, again=True) == first
    move(database, first, was_signed(0), SENT, was_mined(0))
    assert put(database, again=True) == first
    move(database, first, WasConfirmed())
    assert put(database) == first
    second = put(database, again=True)
    assert second == put(database) == put(database, again=True) != first


PLACE = (tx_of(3), BlockNumber(8), tx_of(88), 21_000, TOKEN)
LIFE: list[tuple[Happening, Stage]] = [
    (was_signed(3), Signed()),
    (SENT, Sent()),
    (was_signed(3, 33, max_fee_per_gas_wei=90), Signed()),
    (SENT, Sent()),
    (was_mined(3, contract=TOKEN), Mined(*PLACE, "")),
    (WasReorged("gone"), Sent()),
    (was_mined(3, contract=TOKEN), Mined(*PLACE, "")),
    (WasConfirmed(), Final(*PLACE)),
]


def test_every_stage_reads_back(database: Database) -> None:
    """A submission reads back in each stage of its life as it was stored, its signed bytes included while it lives."""
    first, second, unsent = put(database), put(database, key="second"), put(database, key="unsent")
    for happening, stage in LIFE:
        assert move(database, first, happening)
        assert found(database, first).stage == stage
    assert found(database, first).nonce == 3
    with database.read() as tx:
        assert submissions.attempts_of(tx, first) == (attempt(3), attempt(3, 33, max_fee_per_gas_wei=90))
    assert move(database, second, was_signed(4), was_mined(4, reason="paused"), WasConfirmed())
    assert found(database, second).stage == Failed(tx_of(4), "paused")
    assert move(database, unsent, REFUSED)
    assert found(database, unsent).stage == Failed(None, "paused")


def test_everything_that_happens_is_noted(database: Database) -> None:
    """The journal has one line for each thing that happened, in order; the same bytes sent again are no news."""
    first = put(database)
    move(database, first, *(happening for happening, _ in LIFE[:4]), SENT, SENT)
    with database.read() as tx:
        story = happenings.of_submission(tx, first)
    assert [line.name for line in story] == ["WasSigned", "WasSent", "WasSigned", "WasSent"]
    assert "0.00000008 gwei" in story[0].words


def test_a_submission_keeps_its_nonce(database: Database) -> None:
    """Rule 1 of relayers: a further attempt has the submission's nonce, and no other one is stored for it."""
    first = put(database)
    move(database, first, was_signed(3), SENT)
    with pytest.raises(BadValue) as refusal:
        move(database, first, was_signed(4, max_fee_per_gas_wei=90))
    assert refusal.value.field == "nonce"
    with database.read() as tx:
        assert len(submissions.attempts_of(tx, first)) == 1


def test_signed_bytes_are_stored_with_the_move_to_was_signed(database: Database) -> None:
    """The bytes are in the store in the same transaction that says they were signed, under their nonce."""
    submission_id = put(database)
    with database.transaction() as tx:
        assert submissions.highest_nonce(tx, CHAIN, ANA) is None
    assert move(database, submission_id, was_signed(7))
    with database.transaction() as tx:
        raw = tx.execute(text("SELECT raw, nonce, submission_id FROM attempts")).one()
        assert tuple(raw) == (b"raw 7", 7, submission_id)
        assert submissions.highest_nonce(tx, CHAIN, ANA) == 7
        assert submissions.highest_nonce(tx, CHAIN, BEN) is None
        assert submissions.highest_nonce(tx, OTHER_CHAIN, ANA) is None


def test_only_the_first_of_two_movers_moves(database: Database) -> None:
    """Of two processes that saw the same stage only one moves it; the other's signed bytes are not even stored."""
    submission_id = put(database)
    seen = found(database, submission_id)
    with database.transaction() as tx:
        assert submissions.move(tx, seen, was_signed(0), 6)
    with database.transaction() as tx:
        assert not submissions.move(tx, seen, was_signed(1), 6)
        assert not submissions.move(tx, seen, REFUSED, 6)
    assert found(database, submission_id).attempts == (attempt(0),)
    with database.transaction() as tx:
        assert submissions.highest_nonce(tx, CHAIN, ANA) == 0


def test_a_nonce_belongs_to_one_submission(database: Database) -> None:
    """A nonce in stored bytes of a sender is not given to a second submission, whichever process chose it."""
    first, second = put(database), put(database, key="second")
    assert move(database, first, was_signed(5))
    assert not move(database, second, was_signed(5, number=55))
    assert found(database, second).stage == Queued()
    assert move(database, second, was_signed(6))
    third = put(database, key="third")
    assert move(database, third, was_signed(4, number=54))  # a gap below, of which no bytes are stored
    other_sender = put(database, key="other sender", sender=BEN)
    assert move(database, other_sender, was_signed(5, number=56))


def test_unfinished_is_bounded_oldest_first_and_of_the_senders_asked_for(database: Database) -> None:
    """The relayer sees the oldest open submissions of its own senders; others' cannot crowd them out."""
    theirs = [put(database, key=f"theirs {number}", sender=BEN) for number in range(5)]
    ours = [put(database, key=f"ours {number}") for number in range(4)]
    put(database, key="other chain", chain=OTHER_CHAIN)
    move(database, ours[0], REFUSED)
    move(database, ours[1], was_signed(0))
    with database.transaction() as tx:
        assert [s.id for s in submissions.unfinished(tx, CHAIN, [ANA], 2)] == ours[1:3]
        assert [s.id for s in submissions.unfinished(tx, CHAIN, [BEN, ANA], 50)] == theirs + ours[1:]
        assert submissions.unfinished(tx, CHAIN, [], 50) == ()


# ------------------------------------------------------------------------------------------------ at the same time


def at_once(where: str, work: Callable[[Database, int], object], count: int = 6) -> list[object]:
    """What each of several threads, with a database of its own, returns when all begin at the same moment."""
    start = threading.Barrier(count)

    def run(number: int) -> object:
        with closing(Database.open(where)) as mine:
            start.wait()
            return work(mine, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def put_at_once(database: Database, _: int, key: str) -> int:
    return put(database, key=key)


def test_the_same_key_at_once_is_one_submission(where: str) -> None:
    """Those who ask for the same at the same moment get the same submission."""
    for number in range(5):
        assert len(set(at_once(where, partial(put_at_once, key=f"key {number}")))) == 1


def test_only_one_of_many_movers_moves(database: Database, where: str) -> None:
    """Of those who saw the same stage and move it at the same moment one does; only its signed bytes are stored."""
    for round_number in range(5):
        seen = found(database, put(database, key=f"key {round_number}"))

        def sign(mine: Database, number: int, seen: Submission = seen, first: int = 100 * round_number) -> bool:
            with mine.transaction() as tx:
                return submissions.move(tx, seen, was_signed(first + number), 6)

        assert sorted(map(bool, at_once(where, sign))) == [False] * 5 + [True]
        with database.read() as tx:
            stored = tx.execute(text("SELECT nonce FROM attempts WHERE submission_id = :id"), {"id": seen.id})
            assert len(stored.all()) == 1


def test_a_nonce_is_given_once_at_the_same_time(database: Database, where: str) -> None:
    """Of those who choose the same nonce of one sender for different submissions at the same moment one gets it."""
    for nonce in range(5):
        made = [put(database, key=f"{nonce} {number}") for number in range(6)]

        def sign(mine: Database, number: int, made: list[int] = made, nonce: int = nonce) -> bool:
            return move(mine, made[number], was_signed(nonce, number=100 * nonce + number))

        assert sorted(map(bool, at_once(where, sign))) == [False] * 5 + [True]
