"""Readers: few threads that carry out quick calls, those that come at the same time together.

A thread for each small call costs more than the call: threads wait for one another. Here what comes while a reader is
at work is handed to the next free one at once, and the loop hears of all their answers at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.responses import Response

from chainwallet.api.schemas.document import Document

READERS = 2
TOGETHER = 32  # calls, at most: who comes with a slow one waits for it

T = TypeVar("T")


@dataclass(frozen=True)
class _Asked:
    work: Callable[[], Any]
    answer: "asyncio.Future[Any]"


@dataclass(frozen=True)
class _Outcome:
    result: Any = None
    error: Exception | None = None


class Readers:
    """Carries out what ends soon: reads, and no more. For one event loop, on which alone it is used."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, "reader")
        self._waiting: deque[_Asked] = deque()
        self._free = READERS

    async def call(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, in another thread."""
        asked = _Asked(work, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._hand_out()
        result: T = await asked.answer
        return result

    def close(self) -> None:
        """Ends the threads when they have done what was asked for."""
        self._threads.shutdown()

    def _hand_out(self) -> None:
        if not self._free or not self._waiting:
            return
        some = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        self._free -= 1
        self._threads.submit(self._carry_out, some, asyncio.get_running_loop())

    def _carry_out(self, some: Sequence[_Asked], loop: asyncio.AbstractEventLoop) -> None:
        """In a reader's thread."""
        outcomes = [_outcome_of(asked.work) for asked in some]
        loop.call_soon_threadsafe(self._tell, some, outcomes)

    def _tell(self, some: Sequence[_Asked], outcomes: Sequence[_Outcome]) -> None:
        self._free += 1
        for asked, outcome in zip(some, outcomes, strict=True):
            if asked.answer.done():
                continue  # who asked has gone
            if outcome.error is None:
                asked.answer.set_result(outcome.result)
            else:
                asked.answer.set_exception(outcome.error)
        self._hand_out()


def _outcome_of(work: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(work())
    except Exception as error:
        return _Outcome(error=error)


class JsonText(Response):
    """The answer that is ``document``, written where this is made: in a reader's thread, and without a second check."""

    media_type = "application/json"

    def __init__(self, document: Document, status_code: int = HTTPStatus.OK) -> None:
        super().__init__(document.model_dump_json(by_alias=True), status_code)


async def _readers(request: Request) -> Readers:
    readers: Readers = request.app.state.readers
    return readers


GivenReaders = Annotated[Readers, Depends(_readers)]
"""The type of a hot route's parameter."""
