"""A lost or restored database is noticed at once, and nothing is signed until what it forgot can do no harm."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chainwallet import payments
from chainwallet.abi.calls import payment_ref
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import BadValue, Recovering
from chainwallet.payments import cancel_forgotten
from chainwallet.relayer.recovery import end
from chainwallet.rules.promise import Final
from chainwallet.store import recoveries
from chainwallet.store.database import Database
from tests.chain.bench import Bench, key_of
from tests.chain.signed_payments import paid_events, stored

ANA = key_of("ana")


def settle(bench: Bench, payment_id: str) -> None:
    bench.pay(bench.order("ana", "ben", "10", id=payment_id))


@pytest.fixture
def restored(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """The bench with a backup of its database from before the payment ``later`` was made."""
    settle(bench, "earlier")
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(bench.database.path)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    settle(bench, "later")
    shutil.copy(backup, tmp_path / "restored.db")
    with closing(Database(tmp_path / "restored.db")) as database:
        yield replace(bench, database=database, where=str(tmp_path / "restored.db"))


def times_paid(bench: Bench, payment_id: str) -> int:
    return len(paid_events(bench, payment_ref(ANA.address, bench.cash.address, payment_id)))


def test_a_restored_backup_is_recognised_and_signs_nothing(restored: Bench) -> None:
    """Rule 5: with an old backup restored it is seen that the chain knows more; nothing is accepted or signed."""
    count = restored.count()
    worker = restored.worker()
    worker.tick()
    worker.catch_up()
    with pytest.raises(Recovering) as refusal:
        restored.accept(restored.order("ana", "ben", "10", id="new"))
    assert "has sent 2 transactions, of which at most 1 are known here" in refusal.value.knows
    for _ in range(5):
        restored.worker().tick()
    assert restored.count() == count
    assert restored.promise("ana", "new") is None


def test_what_the_lost_database_paid_is_found_by_its_id(restored: Bench) -> None:
    """Rule 5: an id that was paid after the backup is found on the chain and adopted, never signed a second time."""
    count = restored.count()
    worker = restored.worker()
    worker.tick()
    found = restored.accept(restored.order("ana", "ben", "10", id="later"))
    assert found.adopted_at_s is not None
    worker.catch_up()
    assert isinstance(stored(restored, promise_id="later").stage, Final)
    assert (times_paid(restored, "later"), restored.count()) == (1, count)
    with pytest.raises(BadValue):
        restored.accept(restored.order("ana", "ben", "11", id="later"))


def test_a_recovery_is_waited_out_by_the_chains_own_clock(restored: Bench) -> None:
    """Rule 5: signing goes on when a final block is past the longest life of anything that may be under way."""
    worker = restored.worker()
    worker.tick()
    with restored.database.read() as tx:
        (open_one,) = recoveries.open_ones(tx, restored.chain.key)
    assert open_one.until_s - restored.now_s > LONGEST_LIFETIME_S - 600
    restored.node.set_time(open_one.until_s)
    restored.node.mine()
    worker.catch_up()
    for _ in range(3):
        worker.tick()
    with restored.database.read() as tx:
        assert recoveries.open_ones(tx, restored.chain.key) == ()
    restored.pay(restored.order("ana", "ben", "10", id="new"), worker=worker)
    assert restored.balance("ana", "ben") == ["70.00", "30.00"]


def test_a_recovery_can_be_ended_by_cancelling(restored: Bench) -> None:
    """Rule 5: where every nonce that may be under way is cancelled on the chain, signing goes on at once."""
    worker = restored.worker(managed=lambda: (ANA.address,))
    worker.tick()
    relayer = key_of("relayer").address
    cancelled = cancel_forgotten(worker.tools, worker.relayer.deliver, [restored.cash], relayer, restored.now_s)
    assert cancelled == 1
    with restored.database.read() as tx:
        found = recoveries.open_ones(tx, restored.chain.key)
    end(worker.tools, list(found), "cancelled", restored.node.block_number())
    receipt = restored.pay(restored.order("ana", "ben", "10", id="new"), worker=worker)
    assert receipt.block == restored.node.block_number()
    assert stored(restored, promise_id="new").nonce >= 1_088


def test_an_unknown_document_of_a_payer_stops_that_payer(bench: Bench, tmp_path: Path) -> None:
    """Rule 5: where the facts show a document of one payer that was not promised here, that payer alone must wait."""
    settle(bench, "elsewhere")
    with closing(Database(tmp_path / "another.db")) as database:
        other = replace(bench, database=database)
        worker = other.worker("issuer", managed=lambda: (ANA.address, key_of("gina").address), own=frozenset())
        worker.catch_up()
        worker.tick()
        with pytest.raises(Recovering) as refusal:
            payments.accept(other.desk(), other.order("ana", "ben", "1"), ANA, b"salt", other.now_s)
        assert "was not promised here" in refusal.value.knows
        other.accept(other.order("gina", "ben", "1"))
