"""Which promises are judged again: those that a fact, a final block or an ended carrier concerns, and no others."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from sqlalchemy import insert, update

from chainwallet.evm import BlockNumber, Hash32
from chainwallet.rules.promise import Canceled, Carried, Executed, Expired, Final, Queued
from chainwallet.rules.window import NONCE_END
from chainwallet.store import concerned, promises, submissions
from chainwallet.store.concerned import Seen
from chainwallet.store.database import Database, Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.schema import facts
from chainwallet.store.schema import promises as promise_rows
from chainwallet.store.schema import submissions as submission_rows
from tests.postgres import on_both
from tests.store.rows import AT, BEN, CASH, CHAIN, SENDER, executed, fact, hash_of, promise

pytestmark = on_both
BEFORE = Seen(Horizon(BlockNumber(19), Hash32(bytes(32)), 990, BlockNumber(15), 890), 0)


def test_what_is_deep_enough_is_ripe(database: Database) -> None:
    """An execution that has become final, and a document whose time is over by a final block, and no sooner."""
    with database.transaction() as tx:
        deep = promise(tx, 0, Executed(executed(16)))
        promise(tx, 1, Executed(executed(17)))
        promise(tx, 2, Final(executed(12)))
        over = promise(tx, 3, Queued(), valid_before=900)
        promise(tx, 4, Queued(), valid_before=901)
        promise(tx, 5, Expired(), valid_before=800)
        assert concerned.ripe(tx, CASH, AT) == {deep, over}


def test_what_its_carrier_left_behind_is_ripe(database: Database) -> None:
    """Carried by a transaction that failed, is in conflict, or went through in a block that the facts have reached."""
    with database.transaction() as tx:
        left: dict[str, int] = {}
        for stage, block in (("failed", None), ("conflict", None), ("final", 20), ("final", 21), ("sent", None)):
            key = f"{stage} {block}"
            carrier = submissions.put(tx, CHAIN, key, SENDER, SENDER, b"", 5, kind="payments")
            left[key] = promise(tx, len(left), Queued())
            promises.take_up(tx, promises.every(tx, [left[key]]), carrier, 5)
            values = {"stage": stage, "block": block, "tx": "0x01", "block_hash": "0x02", "gas_used": 1, "reason": "r"}
            tx.execute(update(submission_rows).where(submission_rows.c.id == carrier).values(**values))
        ripe = concerned.ripe(tx, CASH, AT)
        assert ripe == {left["failed None"], left["conflict None"], left["final 20"]}
        assert all(isinstance(one.stage, Carried) for one in promises.every(tx, ripe))


def test_a_new_fact_with_its_nonce_concerns_a_promise(database: Database) -> None:
    """A payment that has just come, at any depth; not one that was looked at before, or that a reorg took away."""
    with database.transaction() as tx:
        looked_at = fact(tx, "Paid", 18, 0)
        promise(tx, 0, Queued())
        fresh = promise(tx, 1, Queued())
        fact(tx, "Paid", 20, 1)
        ended = promise(tx, 2, Canceled())
        fact(tx, "Consented", 20, 2)
        promise(tx, 3, Queued())
        fact(tx, "Paid", 20, 3, orphaned_at_s=7)
        promise(tx, 4, Queued(), payer=BEN)
        assert concerned.by_new_facts(tx, CASH, Seen(BEFORE.horizon, looked_at), AT) == {fresh, ended}


def steps_of(tx: Transaction, question: Callable[[], set[int]], answer: set[int]) -> int:
    """How many steps the question, which has this ``answer``, takes SQLite."""
    steps, driver = [0], cast("sqlite3.Connection", tx.connection.driver_connection)

    def count() -> int:
        steps[0] += 1
        return 0

    driver.set_progress_handler(count, 1)
    assert question() == answer
    driver.set_progress_handler(None, 1)
    return steps[0]


def test_what_new_facts_concern_is_found_however_long_the_history_is(database: Database) -> None:
    """A question about the newest facts takes SQLite as many steps after a long history as after a short one."""
    with database.transaction() as tx:
        if tx.dialect.name == "postgresql":
            return  # it does not count its steps
        steps = []
        for length in (40, 400):
            for nonce in range(2 * length, 3 * length):
                promise(tx, nonce, Final(executed(16)))
                before = fact(tx, "Paid", nonce, nonce)
            fresh = promise(tx, 3 * length, Canceled())
            fact(tx, "Paid", 3 * length, 3 * length)
            block = BlockNumber(3 * length)
            at = Horizon(block, hash_of(block), 1_000, block, 900)
            seen = Seen(replace(at, number=BlockNumber(block - 1), final_block=BlockNumber(block - 1)), before)
            steps.append(steps_of(tx, partial(concerned.by_new_facts, tx, CASH, seen, at), {fresh}))
        assert steps[1] < steps[0] + 50


def test_what_a_reorg_concerns_is_found_however_much_its_payers_have_paid(database: Database) -> None:
    """A question about ten lost facts takes SQLite as many steps where their payer has paid ten times as often."""
    with database.transaction() as tx:
        if tx.dialect.name == "postgresql":
            return  # it does not count its steps
        lost = {promise(tx, nonce, Final(executed(12))) for nonce in range(10)}
        for nonce in range(10):
            fact(tx, "Paid", 12, nonce, orphaned_at_s=50)
        steps = []
        for nonces in (range(10, 50), range(50, 450)):
            for nonce in nonces:
                promise(tx, nonce, Final(executed(16)))
            steps.append(steps_of(tx, partial(concerned.by_orphans, tx, CASH, 50), lost))
        assert steps[1] < steps[0] + 50


def test_nonces_that_are_finally_gone_concern_open_promises(database: Database) -> None:
    """A final fact that used the nonce or came past it: when its block has become final, or when it is new below."""
    with database.transaction() as tx:
        below, same, above = (promise(tx, nonce, Queued()) for nonce in (4, 5, 6))
        wide = promise(tx, NONCE_END + 5, Queued())
        promise(tx, 3, Executed(executed(17)))
        fact(tx, "AuthorizationUsed", 16, 5)
        fact(tx, "AuthorizationCanceled", 16, NONCE_END + 5)
        fact(tx, "NoncesCanceled", 17, 6)  # not final yet
        old = fact(tx, "Approval", 16, 99)
        became_final = Seen(BEFORE.horizon, old)
        assert concerned.by_new_facts(tx, CASH, became_final, AT) == {below, same, wide}
        was_final = Seen(AT, 0)
        assert concerned.by_new_facts(tx, CASH, was_final, AT) == {below, same, wide}
        assert concerned.by_new_facts(tx, CASH, Seen(AT, old), AT) == set()
        later = Horizon(BlockNumber(21), hash_of(21), 1_010, BlockNumber(17), 910)
        assert concerned.by_new_facts(tx, CASH, Seen(AT, old), later) == {below, same, above}


def test_what_a_reorg_took_away_concerns_what_it_had_ended(database: Database) -> None:
    """Executed in an orphaned block, or cancelled by a payer's fact that is gone; not executed in another block."""
    with database.transaction() as tx:
        final = promise(tx, 0, Final(executed(12)))
        moved = promise(tx, 1, Executed(executed(18)))
        gone = promise(tx, 2, Canceled())
        for nonce, block in ((0, 12), (1, 17), (2, 17)):
            fact(tx, "Paid", block, nonce, orphaned_at_s=50)
        promise(tx, 7, Canceled(), payer=BEN)
        assert concerned.by_orphans(tx, CASH, 50) == {final, gone}
        assert concerned.by_orphans(tx, CASH, 51) == set()
        assert moved not in concerned.by_orphans(tx, CASH, 0)


def test_what_was_set_aside_or_expired_too_early_is_looked_at_again(database: Database) -> None:
    """A queued promise that a transaction left out, and one that ended by a block which is gone."""
    with database.transaction() as tx:
        promise(tx, 0, Queued())
        aside = promise(tx, 1, Queued())
        tx.execute(update(promise_rows).where(promise_rows.c.number == aside).values(setbacks=1))
        assert concerned.set_aside(tx, CASH) == {aside}
        early = promise(tx, 2, Expired(), valid_before=901)
        promise(tx, 3, Expired(), valid_before=900)
        assert concerned.expired_too_early(tx, CASH, AT) == {early}


def test_what_was_seen_is_the_tokens_own(database: Database) -> None:
    """The last fact of a token is its own, also one that a reorg took away."""
    with database.transaction() as tx:
        assert concerned.seen_now(tx, CASH, AT) == Seen(AT, 0)
        last = fact(tx, "Paid", 12, 0, orphaned_at_s=9)
        tx.execute(
            insert(facts).values(
                {
                    "token": "other",
                    "block": 1,
                    "block_hash": "0x01",
                    "tx": "0x01",
                    "log_index": 0,
                    "part": 0,
                    "kind": "Paid",
                    "happened_at_s": 1,
                    "learned_at_s": 1,
                }
            )
        )
        assert concerned.seen_now(tx, CASH, AT) == Seen(AT, last)
