"""The writer of an SQLite file: one thread that carries out what many threads ask for, in common transactions.

A transaction costs a sync of the disk however little it writes, and SQLite has one writer at a time. So requests that
wait at the same time share one: each in a savepoint of its own, all answered after the COMMIT.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection

from chainwallet.errors import DatabaseBusy

GROUP_REQUESTS = 128  # at most in one transaction
GROUP_WAIT_S = 0.005  # at most, for more requests to join
WAITING_REQUESTS = 1_024  # at most, those in work included
WAITING_S = 30  # at most, for a place among them

T = TypeVar("T")
Begin = Callable[[], AbstractContextManager[Connection]]
Words = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class _Request:
    work: Callable[[Connection], Any]
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass(frozen=True)
class _Outcome:
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Carries requests out in the transactions that ``begin`` gives; ``words`` translates what a request raises."""

    def __init__(self, name: str, begin: Begin, words: Words) -> None:
        self._name = name
        self._begin = begin
        self._words = words
        self._waiting: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._places = threading.BoundedSemaphore(WAITING_REQUESTS)
        self._state = threading.Lock()  # guards the two below
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._last_group = 1

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, once its changes are committed.

        Where ``work`` raises, its changes are undone, others' are not, and what it raised is raised here. Where the
        transaction fails, all who share it are told. Raises ``DatabaseBusy`` where too many wait or the writer was
        closed. ``work`` runs in the writer's thread: it must not write in another way, or wait for anything.
        """
        if not self._places.acquire(timeout=WAITING_S):
            raise DatabaseBusy(self._name, f"{WAITING_REQUESTS} others waited for {WAITING_S} s")
        try:
            request = _Request(work)
            self._put(request)
            result: T = request.answer.result()
            return result
        finally:
            self._places.release()

    def close(self) -> None:
        """Carries out what waits, and ends the thread."""
        with self._state:
            self._is_closed = True
            if self._thread is None:
                return
            self._waiting.put(None)
        self._thread.join()

    def _put(self, request: _Request) -> None:
        with self._state:
            if self._is_closed:
                raise DatabaseBusy(self._name, "it was closed here")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"writer of {self._name}", daemon=True)
                self._thread.start()
            self._waiting.put(request)

    # ------------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            self._last_group = len(group)
            self._carry_out(group)

    def _next_group(self) -> tuple[list[_Request], bool]:
        """The next requests, and whether they are the last.

        Waits for as many as there were the last time: those who were answered then are likely to ask again at once.
        Who is alone never waits for company.
        """
        group: list[_Request] = []
        give_up_at = 0.0
        while len(group) < GROUP_REQUESTS:
            try:
                request = self._waiting.get(timeout=self._patience_s(len(group), give_up_at))
            except queue.Empty:
                break
            if request is None:
                return group, True
            give_up_at = give_up_at or time.monotonic() + GROUP_WAIT_S
            group.append(request)
        return group, False

    def _patience_s(self, have: int, give_up_at: float) -> float | None:
        if have == 0:
            return None
        return max(0.0, give_up_at - time.monotonic()) if have < self._last_group else 0.0

    def _carry_out(self, group: Sequence[_Request]) -> None:
        if not group:
            return
        try:
            with self._begin() as tx:
                outcomes = [self._try(tx, request) for request in group]
        except BaseException as error:  # whatever it is: somebody waits for an answer
            outcomes = [_Outcome(error=error)] * len(group)
        for request, outcome in zip(group, outcomes, strict=True):
            if outcome.error is None:
                request.answer.set_result(outcome.result)
            else:
                request.answer.set_exception(outcome.error)

    def _try(self, tx: Connection, request: _Request) -> _Outcome:
        """Carries out one request in a savepoint; raises only where the transaction is lost with it."""
        savepoint = tx.begin_nested()
        try:
            with self._words():
                result = request.work(tx)
                savepoint.commit()
        except BaseException as error:
            if not _is_open(tx):
                raise  # SQLite itself rolled everything back: no room, for example
            savepoint.rollback()
            return _Outcome(error=error)
        return _Outcome(result)


def _is_open(tx: Connection) -> bool:
    driver = tx.connection.driver_connection
    return driver is not None and bool(driver.in_transaction)
