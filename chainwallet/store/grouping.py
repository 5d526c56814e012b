"""Grouping: what many threads ask for at the same time is carried out together, by one thread.

Some things cost the same however many there are of them: a transaction's sync of the disk, a look-up in an index.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from chainwallet.errors import DatabaseBusy

Asked = TypeVar("Asked")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Bounds:
    """How many are carried out together, and how many wait."""

    together: int
    company_s: float
    """At most, for more to join."""
    waiting: int
    """At most, those in work included."""
    place_s: float
    """At most, for a place among them."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What one of a group is answered: ``error`` is raised where there is one."""

    result: Result | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class _Request(Generic[Asked, Result]):
    asked: Asked
    answer: "Future[Result | None]" = field(default_factory=Future)


class Grouping(Generic[Asked, Result]):
    """Has ``carry_out`` give the outcomes of a group, in its order, in a thread that begins with the first request.

    ``name`` is what an error says is busy, ``thread`` what the thread is called.
    """

    def __init__(
        self,
        name: str,
        thread: str,
        bounds: Bounds,
        carry_out: Callable[[Sequence[Asked]], Sequence[Outcome[Result]]],
    ) -> None:
        self._name = name
        self._thread_name = thread
        self._bounds = bounds
        self._carry_out = carry_out
        self._waiting: queue.SimpleQueue[_Request[Asked, Result] | None] = queue.SimpleQueue()
        self._places = threading.BoundedSemaphore(bounds.waiting)
        self._state = threading.Lock()  # guards the two below
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._last_group = 1

    def ask(self, asked: Asked) -> Result | None:
        """The outcome of ``asked``; what ``carry_out`` raises all are told whom it was called for.

        Raises ``DatabaseBusy`` where too many wait or it was closed.
        """
        return self._placed(asked, self._bounds.place_s).result()

    def ask_soon(self, asked: Asked) -> "Future[Result | None]":
        """As ``ask``, for who must not wait here: what comes of it comes later, and a place must be free now."""
        return self._placed(asked, 0)

    def close(self) -> None:
        """Carries out what waits, and ends the thread."""
        with self._state:
            self._is_closed = True
            if self._thread is None:
                return
            self._waiting.put(None)
        self._thread.join()

    def _placed(self, asked: Asked, patience_s: float) -> "Future[Result | None]":
        if not self._places.acquire(timeout=patience_s):
            raise DatabaseBusy(self._name, f"{self._bounds.waiting} others waited for {patience_s:g} s")
        request: _Request[Asked, Result] = _Request(asked)
        request.answer.add_done_callback(lambda _: self._places.release())
        try:
            self._put(request)
        except BaseException:
            request.answer.cancel()
            raise
        return request.answer

    def _put(self, request: _Request[Asked, Result]) -> None:
        with self._state:
            if self._is_closed:
                raise DatabaseBusy(self._name, "it was closed here")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._thread_name, daemon=True)
                self._thread.start()
            self._waiting.put(request)

    # ------------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        is_last = False
        while not is_last:
            group, is_last = self._next_group()
            self._last_group = len(group)
            self._answer(group)

    def _next_group(self) -> tuple[list[_Request[Asked, Result]], bool]:
        """The next requests, and whether they are the last.

        Waits for as many as there were the last time: those who were answered then are likely to ask again at once.
        Who is alone never waits for company.
        """
        group: list[_Request[Asked, Result]] = []
        give_up_at = 0.0
        while len(group) < self._bounds.together:
            try:
                request = self._waiting.get(timeout=self._patience_s(len(group), give_up_at))
            except queue.Empty:
                break
            if request is None:
                return group, True
            give_up_at = give_up_at or time.monotonic() + self._bounds.company_s
            group.append(request)
        return group, False

    def _patience_s(self, have: int, give_up_at: float) -> float | None:
        if have == 0:
            return None
        return max(0.0, give_up_at - time.monotonic()) if have < self._last_group else 0.0

    def _answer(self, group: Sequence[_Request[Asked, Result]]) -> None:
        group = [request for request in group if request.answer.set_running_or_notify_cancel()]
        if not group:
            return
        outcomes: Sequence[Outcome[Result]]
        try:
            outcomes = self._carry_out([request.asked for request in group])
        except BaseException as error:  # whatever it is: somebody waits for an answer
            outcomes = [Outcome(error=error)] * len(group)
        for request, outcome in zip(group, outcomes, strict=True):
            if outcome.error is None:
                request.answer.set_result(outcome.result)
            else:
                request.answer.set_exception(outcome.error)
