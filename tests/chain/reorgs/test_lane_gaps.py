"""A nonce of a relayer that somebody else used, and that a reorg gave back, holds nothing up for good."""

from dataclasses import replace

import pytest

from chainwallet.errors import NotYetPaid
from chainwallet.evm import Transaction
from chainwallet.rules.promise import Final
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker
from tests.chain.bench import LIMITS, Bench, Clock, key_of, wait_for
from tests.chain.stories import now, story, tick_until, times_paid
from tests.postgres import on_both

pytestmark = on_both


def rival(bench: Bench) -> None:
    """Somebody who has the relayer's key uses its next nonce."""
    count = bench.count()
    transaction = Transaction(bench.chain.chain_id, count, key_of("ben").address, b"", 21_000, *bench.node.fees(), 1)
    bench.node.send_raw(key_of("relayer").sign_transaction(transaction))
    wait_for(lambda: bench.count() == count + 1)


def is_final(bench: Bench, promise: Promise) -> bool:
    return isinstance(now(bench, promise).stage, Final)


def undo(bench: Bench, worker: Worker, promise: Promise) -> None:
    """Both the rival's block and ours are taken back, and neither comes again by itself."""
    bench.ask("anvil_reorg", 2, [])
    assert bench.count() == 0
    tick_until(worker, lambda: "WasUndone" in story(bench, promise))


def test_bytes_of_a_conflict_go_out_again(bench: Bench) -> None:
    """A conflict's own bytes close the gap that a reorg left in its place, and the payment is paid once."""
    order, clock = bench.order("ana", "ben", "10"), Clock()
    promise = bench.accept(order)
    worker = bench.worker(**clock.seams, limits=replace(LIMITS, resend_after_s=1))
    worker.relayer.tick()
    rival(bench)
    with pytest.raises(NotYetPaid):
        worker.settle(promise.number)
    clock.sleep(10)
    worker.settle(promise.number)
    undo(bench, worker, promise)
    tick_until(worker, lambda: is_final(bench, promise), 1.0)
    assert times_paid(bench, order) == 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]


def test_a_nonce_that_we_never_signed_is_filled(bench: Bench) -> None:
    """A nonce of which we have no bytes gets a transaction that does nothing, so that those above it go on."""
    order, clock = bench.order("ana", "ben", "10"), Clock()
    promise = bench.accept(order)
    rival(bench)
    worker = bench.worker(**clock.seams, limits=replace(LIMITS, resend_after_s=1), own=frozenset())
    worker.settle(promise.number)
    undo(bench, worker, promise)
    tick_until(worker, lambda: is_final(bench, promise), 1.0)
    assert times_paid(bench, order) == 1
    assert bench.balance("ana", "ben") == ["90.00", "10.00"]
