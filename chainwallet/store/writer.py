"""The writer of an SQLite file: one thread that carries out what many threads ask for, in common transactions.

A transaction costs a sync of the disk however little it writes, and SQLite has one writer at a time. So requests that
wait at the same time share one: each in a savepoint of its own, all answered after the COMMIT.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from chainwallet.store.grouping import Bounds, Grouping, Outcome

GROUP_REQUESTS = 128  # at most in one transaction
GROUP_WAIT_S = 0.005  # at most, for more requests to join
WAITING_REQUESTS = 1_024  # at most, those in work included
WAITING_S = 30  # at most, for a place among them

T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Connection]]
Words = Callable[[], AbstractContextManager[None]]
Work = Callable[[Connection], Any]


class Writer:
    """Carries requests out in the transactions that ``begin`` gives; ``words`` translates what a request raises."""

    def __init__(self, name: str, begin: Begin, words: Words) -> None:
        self._begin = begin
        self._words = words
        bounds = Bounds(GROUP_REQUESTS, GROUP_WAIT_S, WAITING_REQUESTS, WAITING_S)
        self._group: Grouping[Work, Any] = Grouping(name, f"writer of {name}", bounds, self._carry_out)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, once its changes are committed.

        Where ``work`` raises, its changes are undone, others' are not, and what it raised is raised here. Where the
        transaction fails, all who share it are told. Raises ``DatabaseBusy`` where too many wait or the writer was
        closed. ``work`` runs in the writer's thread: it must not write in another way, or wait for anything.
        """
        return cast("T", self._group.ask(work))

    def close(self) -> None:
        """Carries out what waits, and ends the thread."""
        self._group.close()

    # ------------------------------------------------------------------------------------------------ its thread

    def _carry_out(self, group: Sequence[Work]) -> list[Outcome[Any]]:
        outcomes: list[Outcome[Any]] = []
        with self._begin() as tx:
            outcomes += [self._try(tx, work) for work in group]
        return outcomes  # after the COMMIT

    def _try(self, tx: Connection, work: Work) -> Outcome[Any]:
        """Carries out one request in a savepoint; raises only where the transaction is lost with it."""
        savepoint = tx.begin_nested()
        try:
            with self._words():
                result = work(tx)
                savepoint.commit()
        except BaseException as error:
            if not _is_open(tx):
                raise  # SQLite itself rolled everything back: no room, for example
            savepoint.rollback()
            return Outcome(error=error)
        return Outcome(result)


def _is_open(tx: Connection) -> bool:
    driver = tx.connection.driver_connection
    return driver is not None and bool(driver.in_transaction)
