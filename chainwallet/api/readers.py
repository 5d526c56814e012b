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
from chainwallet.errors import ChainwalletError

READERS = 2
TOGETHER = 32  # calls, at most: who comes with a slow one waits for it

T = TypeVar("T")
Asked = TypeVar("Asked")
Of = TypeVar("Of")

Work = Callable[[Of, Sequence[Asked]], Sequence[T | Exception]]
"""Carries out, on one thing, what several asked for: for each in their order its result, or the error that is its."""


@dataclass(frozen=True)
class _Call:
    work: Work[Any, Any, Any]
    of: Any
    asked: Any
    answer: "asyncio.Future[Any]"


class Readers:
    """Carries out what ends soon: reads, and no more. For one event loop, on which alone it is used."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, "reader")
        self._waiting: deque[_Call] = deque()
        self._free = READERS

    async def call(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, in another thread."""
        return await self.together(_each, None, work)

    async def together(self, work: "Work[Of, Asked, T]", of: Of, asked: Asked) -> T:
        """What ``work`` says of ``asked``, in another thread and in one go with those who ask ``of`` the same."""
        call = _Call(work, of, asked, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._hand_out()
        result: T = await call.answer
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

    def _carry_out(self, some: Sequence[_Call], loop: asyncio.AbstractEventLoop) -> None:
        """In a reader's thread."""
        alike: dict[tuple[object, int], list[_Call]] = {}
        for call in some:
            alike.setdefault((call.work, id(call.of)), []).append(call)
        for calls in alike.values():
            outcomes = outcomes_of(calls[0].work, calls[0].of, [call.asked for call in calls])
            loop.call_soon_threadsafe(_tell, calls, outcomes)
        loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        self._free += 1
        self._hand_out()


def _tell(calls: Sequence[_Call], outcomes: Sequence[object]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.answer.done():
            continue  # who asked has gone
        if isinstance(outcome, Exception):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)


def outcomes_of(work: "Work[Of, Asked, T]", of: Of, some: Sequence[Asked]) -> Sequence[T | Exception]:
    """What ``work`` says of each; what nobody foresaw of one of them is that one's alone."""
    try:
        return work(of, some)
    except ChainwalletError as error:  # it concerns all of them
        return [error] * len(some)
    except Exception as error:
        if len(some) == 1:
            return [error]
        return [outcome for one in some for outcome in outcomes_of(work, of, [one])]


def _each(_: None, works: Sequence[Callable[[], T]]) -> list[T | Exception]:
    return [_outcome_of(work) for work in works]


def _outcome_of(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except Exception as error:
        return error


class JsonText(Response):
    """The answer that is ``document``, written where this is made: in a reader's thread, and without a second check.

    Bytes are a document that is written already.
    """

    media_type = "application/json"

    def __init__(self, document: Document | bytes, status_code: int = HTTPStatus.OK) -> None:
        text = document if isinstance(document, bytes) else document.model_dump_json(by_alias=True)
        super().__init__(text, status_code)


async def _readers(request: Request) -> Readers:
    readers: Readers = request.app.state.readers
    return readers


GivenReaders = Annotated[Readers, Depends(_readers)]
"""The type of a hot route's parameter."""
