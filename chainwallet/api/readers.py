"""Readers: what carries out quick calls, those that come at the same time together.

A thread for each small call costs more than the call: threads wait for one another. Where the database is a file, what
came at the same time is read on the event loop itself, between two of its turns. Where it is a server, few threads wait
for it: what comes while one is at work is handed to the next free one at once, and the loop hears of all their answers
at once. They also take over, for a while, where reading a file has taken long.
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
ALONE_S = 0.02  # so long one reader is at work before another one helps: many at once cost less than some twice
TOGETHER = 32  # calls, at most: who comes with a slow one waits for it

SLOW_S = 0.1  # so long the loop may have been held up by one reading
LEFT_S = 5.0  # and for so long after that it leaves all to the threads

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
    """Carries out what ends soon: reads, and no more. For one event loop, on which alone it is used.

    ``on_loop``: on the loop itself, as long as that is quick.
    """

    def __init__(self, *, on_loop: bool = False) -> None:
        self._on_loop = on_loop
        self._is_called = False
        self._left_until_s = 0.0
        self._threads = ThreadPoolExecutor(READERS, "reader")
        self._waiting: deque[_Call] = deque()
        self._free = READERS
        self._helps_at_s = 0.0
        self._help: asyncio.TimerHandle | None = None

    async def together(self, work: "Work[Of, Asked, T]", of: Of, asked: Asked) -> T:
        """What ``work`` says of ``asked``, in one go with those who ask ``of`` the same."""
        call = _Call(work, of, asked, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._hand_out()
        result: T = await call.answer
        return result

    def close(self) -> None:
        """Ends the threads when they have done what was asked for."""
        self._threads.shutdown()

    def _hand_out(self) -> None:
        loop = asyncio.get_running_loop()
        if self._on_loop and loop.time() >= self._left_until_s:
            if self._waiting and not self._is_called:
                self._is_called = True
                loop.call_soon(loop.call_soon, self._read_here, loop)  # after all that can be heard now
            return
        if not self._free or not self._waiting:
            return
        if self._free < READERS and loop.time() < self._helps_at_s:
            if self._help is None:
                self._help = loop.call_at(self._helps_at_s, self._hand_out_late)
            return
        self._free -= 1
        self._helps_at_s = loop.time() + ALONE_S
        self._threads.submit(self._read_there, self._next(), loop)

    def _hand_out_late(self) -> None:
        self._help = None
        self._hand_out()

    def _next(self) -> list[_Call]:
        return [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]

    def _read_here(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_called = False
        began_s = loop.time()
        for calls, theirs in _carried_out(self._next()):
            _tell(calls, theirs)
        if loop.time() - began_s > SLOW_S:
            self._left_until_s = loop.time() + LEFT_S
        self._hand_out()

    def _read_there(self, some: Sequence[_Call], loop: asyncio.AbstractEventLoop) -> None:
        """In a reader's thread."""
        loop.call_soon_threadsafe(self._tell, _carried_out(some))

    def _tell(self, outcomes: "_Outcomes") -> None:
        self._free += 1
        for calls, theirs in outcomes:
            _tell(calls, theirs)
        self._hand_out()


_Outcomes = Sequence[tuple[Sequence[_Call], Sequence[object]]]


def _carried_out(some: Sequence[_Call]) -> _Outcomes:
    alike: dict[tuple[object, int], list[_Call]] = {}
    for call in some:
        alike.setdefault((call.work, id(call.of)), []).append(call)
    return [
        (calls, outcomes_of(calls[0].work, calls[0].of, [call.asked for call in calls])) for calls in alike.values()
    ]


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


class JsonText(Response):
    """The answer that is ``document``, written where this is made: by a reader, and without a second check.

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
