"""A signal that ends a command finds no transaction half begun and leaves none half ended."""

import signal
import sys
import time
from collections.abc import Iterator
from itertools import count
from types import FrameType

import pytest
from sqlalchemy import text

from chainwallet.cli import ending
from chainwallet.store.database import Database
from tests.postgres import on_both

EACH = 5  # of a transaction's calls and returns, at each so manieth
PATIENCE_S = 2.0


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ending.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def status_when_told(database: Database, at: int) -> object:
    """A transaction comes to its call or return number ``at``, and is told to end there; None where it has not so many.

    Then the exit status with which it ends, -1 where it does not.
    """
    steps = count()

    def strike(_frame: FrameType, _event: str, _argument: object) -> None:
        if next(steps) == at:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGTERM)

    for number in ending.SIGNALS:
        signal.signal(number, ending.end)
    try:
        sys.setprofile(strike)
        with database.transaction() as tx:
            tx.execute(text("SELECT 1"))
        sys.setprofile(None)
        if next(steps) <= at:
            return None
        time.sleep(PATIENCE_S)
    except SystemExit as ended:
        return ended.code
    return -1


@on_both
def test_a_signal_leaves_no_transaction_open(database: Database) -> None:
    """Wherever it comes in a transaction, the command ends, and what it does on its way out finds none open."""
    for at in count(0, EACH):
        status = status_when_told(database, at)
        began = time.monotonic()
        with database.transaction() as tx:
            assert tx.execute(text("SELECT 2")).scalar_one() == 2
        assert time.monotonic() - began < PATIENCE_S
        if status is None:
            break
        assert status == 128 + signal.SIGTERM
    assert at > 100
