"""What accounts are told: each thing once, in order, and nothing of what others do, whatever happens meanwhile."""

import random
import time
from typing import Any, get_args

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chainwallet.abi.calls import pay_data
from chainwallet.abi.typed_data import Payment
from chainwallet.evm import ZERO_HASH, Address, BlockNumber, Hash32
from chainwallet.rules.promise import (
    Execution,
    Happening,
    WasConfirmed,
    WasExecuted,
    WasReturned,
    WasSigned,
    WasTakenUp,
    WasUndone,
)
from chainwallet.store import account_events, happenings, news, promises, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.promises import Promise
from tests.indexing.test_fates import payment
from tests.indexing.town import PEOPLE, Town, until
from tests.notifying.listeners import ANAS, BENS, CLEOS, begin, events_of, notifier_for, told
from tests.postgres import on_both

ANA, BEN, CLEO, DAN = PEOPLE[:4]
MINTED = 1_000 * 10**6
IN, FINAL, UNDONE = "movement.incoming", "movement.final", "movement.undone"
CHAIN = "7-0a0b0c0d"


def promise_of(one: Payment, token: str, promise_id: str = "dinner") -> Promise:
    return Promise(
        token=token,
        payer=one.payer,
        kind="payment",
        id=promise_id,
        nonce=one.nonce,
        content_hash=ZERO_HASH,
        document="{}",
        signature=None,
        memo="nobody else's",
        payee=one.payee,
        value=one.value,
        ref=one.payment_ref,
        valid_before=one.valid_before,
        made_at_block=BlockNumber(0),
        created_at_s=5,
    )


def accepted(database: Database, number: int, payer: Address = ANA) -> Promise:
    """A payment of ``payer`` of ``number`` units."""
    one = promise_of(payment(number, ref=number, payer=payer, value=number), f"{CHAIN}/0xca", f"id {number}")
    with database.transaction() as tx:
        return promises.add(tx, one)


# ------------------------------------------------------------------------------------------------ payments


@on_both
def test_a_payers_account_is_told_every_step(database: Database) -> None:
    """Every step of a payment's life is told to its payer's account, in order, with its words, and to no other."""
    notifier = notifier_for(database, CHAIN)
    promise = accepted(database, 1)
    notifier.catch_up()
    with database.transaction() as tx:
        submission_id = submissions.put(tx, CHAIN, "key", CLEO, None, b"data", 5)
        where = Execution(Hash32(b"\x01" * 32), BlockNumber(7), Hash32(b"\x07" * 32))
        steps: list[Happening] = [WasSigned(), WasTakenUp(submission_id), WasReturned("it was skipped")]
        steps += [WasTakenUp(submission_id), WasExecuted(where), WasConfirmed(), WasUndone("a reorg")]
        for at_s, step in enumerate(steps, 10):
            promise = promises.move(tx, promise, step, at_s)
    notifier.catch_up()
    found = events_of(database, ANAS)
    names = ["accepted", "signed", "carried", "returned", "carried", "executed", "final", "undone"]
    assert [one.kind for one in found] == [f"payment.{name}" for name in names]
    assert [one.at_s for one in found] == [5, *range(10, 17)]
    assert found[3].promised is not None
    assert (found[3].promised.id, found[3].promised.payee, found[3].promised.value) == ("id 1", BEN, 1)
    assert "it was skipped" in found[3].promised.words
    assert events_of(database, BENS) == ()
    assert notifier.tick() == 0


@on_both
def test_what_happens_to_strangers_is_told_to_nobody(database: Database) -> None:
    """A payment of somebody without an account is seen to once and told to nobody."""
    accepted(database, 1, payer=DAN)
    notifier = notifier_for(database, CHAIN)
    assert notifier.tick() > 0
    assert notifier.tick() == 0
    with database.read() as tx:
        assert account_events.newest(tx) == 0


def test_every_happening_has_a_name() -> None:
    """Whatever can happen to a promise has a kind of event."""
    assert set(news.KINDS) == {each.__name__ for each in get_args(Happening)} | {"WasAccepted"}


@pytest.mark.parametrize("engine", ["postgres"])
def test_what_is_committed_late_is_told_all_the_same(database: Database) -> None:
    """A happening with a lower number that is committed after a higher one was told is told then, and each once."""
    notifier = notifier_for(database, CHAIN)
    early, late = accepted(database, 1), accepted(database, 2)
    notifier.catch_up()
    with database.transaction() as slow:
        promises.move(slow, early, WasSigned(), 10)
        with database.transaction() as fast:
            promises.move(fast, late, WasSigned(), 11)
        notifier.catch_up()
        assert [one.at_s for one in events_of(database, ANAS)] == [5, 5, 11]
    with database.read() as tx:
        numbers = [number for number, _ in happenings.latest(tx, CHAIN, 0, 100)]
        ats = [happened.at_s for _, happened in happenings.latest(tx, CHAIN, 0, 100)]
    assert (numbers, ats) == (sorted(numbers), [5, 5, 10, 11])
    notifier.catch_up()
    assert [one.at_s for one in events_of(database, ANAS)] == [5, 5, 11, 10]
    assert notifier.tick() == 0


@on_both
def test_events_are_never_changed_or_removed(database: Database) -> None:
    """The database itself refuses to change an event, to tell something twice, or to take back that it was told."""
    accepted(database, 1)
    notifier_for(database, CHAIN).catch_up()
    for statement in (
        "UPDATE account_events SET account = 101",
        "DELETE FROM account_events",
        "UPDATE happenings SET told_at_s = NULL",
        "UPDATE happenings SET told_at_s = 99",
        "UPDATE happenings SET words = ''",
        "DELETE FROM happenings",
        "INSERT INTO account_events (account, kind, at_s, owner, happening) "  # noqa: ISC004 - one statement
        "SELECT account, kind, 9, owner, happening FROM account_events",
    ):
        with pytest.raises(IntegrityError), database.transaction() as tx:
            tx.execute(text(statement))
    assert len(events_of(database, ANAS)) == 1


# ------------------------------------------------------------------------------------------------ movements


@on_both
def test_a_payees_account_is_told_what_comes_in_and_when_it_is_final(town: Town) -> None:
    """Whoever sent it and however: the payee is told once that it came in, and once that it is final."""
    notifier = notifier_for(town.database, town.chain, confirmations=2)
    town.pay(0, 1, 10)
    town.pay(3, 1, 7)
    town.indexer().catch_up()
    notifier.catch_up()
    assert told(town, BENS) == [(IN, MINTED), (IN, 10), (IN, 7), (FINAL, MINTED), (FINAL, 10)]
    town.node.mine()
    town.indexer().catch_up()
    notifier.catch_up()
    assert told(town, BENS)[5:] == [(FINAL, 7)]
    assert told(town, ANAS) == told(town, CLEOS) == [(IN, MINTED), (FINAL, MINTED)]
    (first, *_) = events_of(town.database, BENS)
    assert first.movement is not None
    assert (first.owner, first.movement[0], first.movement[1].cause) == (BEN, town.token, "mint")
    assert notifier.tick() == 0


@on_both
def test_a_payees_account_is_not_told_the_memo(town: Town) -> None:
    """A payment between two accounts: its payer is told its steps, its payee the movement and nothing of the memo."""
    one = payment(3, ref=1)
    with town.database.transaction() as tx:
        promises.add(tx, promise_of(one, town.token))
    town.send(pay_data([town.item(one)]))
    town.indexer().catch_up()
    notifier_for(town.database, town.chain).catch_up()
    assert told(town, ANAS) == [("payment.accepted", 5), (IN, MINTED), (FINAL, MINTED)]
    assert [kind for kind, units in told(town, BENS) if units == 5] == [IN, FINAL]
    assert "nobody else's" not in repr(events_of(town.database, BENS))


@on_both
@pytest.mark.parametrize("ticks_between", [True, False])
def test_a_reorg_undoes_what_was_told_and_tells_what_is_new(town: Town, ticks_between: bool) -> None:
    """What a reorg removed is told to be undone, also where it was final; what took its place comes in anew."""
    notifier = notifier_for(town.database, town.chain)
    town.live(blocks=2)
    for units in (5, 6, 7):
        town.pay(3, 1, units)
    town.indexer().catch_up()
    notifier.catch_up()
    before = told(town, BENS)
    assert before[-3:] == [(FINAL, 5), (FINAL, 6), (FINAL, 7)]
    town.now_s += 10
    town.reorg(2, [(0, 1, 60)])
    indexer = town.indexer()
    if ticks_between:
        indexer.tick()
        notifier.catch_up()
    indexer.catch_up()
    notifier.catch_up()
    assert told(town, BENS)[len(before) :] == [(UNDONE, 6), (UNDONE, 7), (IN, 60), (FINAL, 60)]
    assert notifier.tick() == 0


@on_both
def test_a_movement_that_never_was_seen_is_not_told(town: Town) -> None:
    """A movement that came and went between two ticks is told neither as incoming nor as undone."""
    notifier = notifier_for(town.database, town.chain)
    town.indexer().catch_up()
    notifier.catch_up()
    before = told(town, BENS)
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    town.reorg(1)
    town.indexer().catch_up()
    notifier.catch_up()
    assert told(town, BENS) == before


@on_both
def test_a_reorg_below_the_final_block_between_two_ticks_loses_nothing(town: Town) -> None:
    """Movements in blocks that were final and empty before a reorg are told to come in and to be final."""
    notifier = notifier_for(town.database, town.chain)
    town.node.mine(4)
    town.indexer().catch_up()
    notifier.catch_up()
    before = told(town, BENS)
    town.reorg(3, [(0, 1, 60)])
    town.node.mine(2)
    town.indexer().catch_up()
    notifier.catch_up()
    assert told(town, BENS)[len(before) :] == [(IN, 60), (FINAL, 60)]


@on_both
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_batches_of_any_length_tell_the_same(town: Town, batch: int) -> None:
    """However little one tick takes, in the end everything is told once: incoming, final, and undone by a reorg."""
    town.live(blocks=4, payments=8)
    town.indexer().catch_up()
    notifier = notifier_for(town.database, town.chain, batch=batch)
    notifier.catch_up()
    town.reorg(2, [(0, 1, 60)])
    town.indexer().catch_up()
    notifier.catch_up()
    for account, person in ((ANAS, ANA), (BENS, BEN), (CLEOS, CLEO)):
        found = told(town, account)
        held = sum(units * {IN: 1, UNDONE: -1}.get(kind, 0) for kind, units in found)
        with town.database.read() as tx:
            paid = sum(
                int(str(row[8]), 16)
                for row in _canonical(tx, town)
                if row[5] == "Transfer" and row[6] == "0x" + person.hex()
            )
        assert held - paid == town.held(person)
        assert [kind for kind, _ in found].count(FINAL) == [kind for kind, _ in found].count(IN)


def _canonical(tx: Transaction, town: Town) -> list[tuple[object, ...]]:
    rows = tx.execute(
        text(
            "SELECT token, block, block_hash, tx, log_index, kind, payer, payee, value FROM facts "
            "WHERE orphaned_at_s IS NULL AND token = :token"
        ),
        {"token": town.token},
    )
    return [tuple(row) for row in rows]


# ------------------------------------------------------------------------------------------------ kill -9


@on_both
def test_a_notifier_killed_at_any_time_tells_everything_once(town: Town, where: str) -> None:
    """Killed again and again while people pay and reorgs happen, it loses nothing, doubles nothing, keeps the order."""
    dice = random.Random(11)  # noqa: S311 - the same in every run
    number = 0
    for round_ in range(6):
        process = begin(where, town.chain)
        for _ in range(4):
            number += 1
            with town.database.transaction() as tx:
                one = payment(number, ref=number, value=number)
                promises.add(tx, promise_of(one, town.token, f"id {number}"))
            town.pay(3, 1, 10_000 + number)
            town.indexer().catch_up()
        if round_ % 2:
            town.now_s += 10
            town.reorg(2)
            town.indexer().catch_up()
        time.sleep(dice.random() / 50)  # it is killed at no particular moment
        process.kill()
        process.join()
    notifier_for(town.database, town.chain).catch_up()
    anas = events_of(town.database, ANAS)
    assert [one.promised.id for one in anas if one.promised] == [f"id {each}" for each in range(1, number + 1)]
    bens = events_of(town.database, BENS)
    seen = [(one.kind, one.movement[1].place.block_hash) for one in bens if one.movement]
    assert len(seen) == len(set(seen))
    held = sum(units * {IN: 1, UNDONE: -1}.get(kind, 0) for kind, units in told(town, BENS))
    assert held == town.held(BEN)
    assert [one.id for one in bens] == sorted({one.id for one in bens})


@on_both
def test_two_notifiers_tell_everything_once(town: Town, where: str) -> None:
    """Two notifiers of one database do each other no harm: each event is there once, whoever wrote it."""
    processes = [begin(where, town.chain) for _ in range(2)]
    try:
        for number in range(1, 9):
            with town.database.transaction() as tx:
                one = payment(number, ref=number, value=number)
                promises.add(tx, promise_of(one, town.token, f"id {number}"))
            town.pay(3, 1, number)
            town.indexer().catch_up()
        until(lambda: len(events_of(town.database, ANAS)) == 10)
        until(lambda: len(events_of(town.database, BENS)) == 18)
        assert all(process.is_alive() for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.join()
    assert notifier_for(town.database, town.chain).tick() == 0


# ------------------------------------------------------------------------------------------------ how it asks


def test_questions_go_by_an_index(town: Town) -> None:
    """No question of the notifier, or of a stream, reads through all facts, happenings or events."""
    town.live(blocks=2)
    town.indexer().catch_up()
    notifier_for(town.database, town.chain).catch_up()
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    town.pay(0, 1, 5)
    town.indexer().catch_up()
    with town.database.read() as tx:
        sql_event.listen(tx.engine, "before_cursor_execute", note)
        news.gather(tx, town.chain, 1, lambda *_: {BEN: BENS}, 9, 100)
        account_events.after(tx, BENS, 0, 10)
        account_events.numbers_after(tx, 0, 10)
        account_events.numbered(tx, [1, 2])
        account_events.newest(tx)
        account_events.newest_of(tx, BENS)
        sql_event.remove(tx.engine, "before_cursor_execute", note)
        for statement, parameters in asked:
            plan = [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            scans = [step for step in plan if step.startswith("SCAN") and "cursors" not in step]
            assert not [step for step in scans if "ix_group_events_untold" not in step], (plan, statement)
            assert not [step for step in plan if "token=?)" in step and "cursors" not in step], (plan, statement)
            if "happenings JOIN promises" in statement:
                assert "ix_happenings_news" in str(plan)
    assert len(asked) >= 12
