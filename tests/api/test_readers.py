"""Readers: quick calls of many requests, carried out together by few threads."""

import asyncio
import threading
from contextlib import closing
from functools import partial

import pytest

from chainwallet.api.readers import READERS, TOGETHER, Readers
from chainwallet.errors import NotFound

TIMEOUT_S = 20


def test_each_asker_gets_its_own_answer() -> None:
    """Many calls at once come back each with its own result or error, whoever was carried out beside it."""

    def work(number: int) -> int:
        if number % 10 == 3:
            raise NotFound("thing", str(number), "none")
        return number * number

    async def ask() -> list[int | BaseException]:
        with closing(Readers()) as readers:
            return await asyncio.gather(*(readers.call(partial(work, n)) for n in range(500)), return_exceptions=True)

    answers = asyncio.run(ask())
    for number, answer in enumerate(answers):
        if number % 10 == 3:
            assert isinstance(answer, NotFound)
            assert answer.name == str(number)
        else:
            assert answer == number * number


def test_few_threads_do_it_all() -> None:
    """However many ask at once, no more threads than the readers are at work, none of them the event loop's."""

    async def ask() -> set[int]:
        with closing(Readers()) as readers:
            return set(await asyncio.gather(*(readers.call(threading.get_ident) for _ in range(10 * TOGETHER))))

    threads = asyncio.run(ask())
    assert 1 <= len(threads) <= READERS
    assert threading.get_ident() not in threads


def test_a_slow_call_does_not_hold_up_those_that_come_after_it() -> None:
    """While one reader is at work on something slow, who comes later is answered by another."""
    may_go_on = threading.Event()

    async def ask() -> None:
        with closing(Readers()) as readers:
            slow = asyncio.ensure_future(readers.call(partial(may_go_on.wait, TIMEOUT_S)))
            await asyncio.sleep(0)
            async with asyncio.timeout(TIMEOUT_S / 2):
                assert await asyncio.gather(*(readers.call(lambda: 5) for _ in range(100))) == [5] * 100
            assert not slow.done()
            may_go_on.set()
            assert await slow

    asyncio.run(ask())


def test_who_gives_up_harms_nobody() -> None:
    """A request that was given up while its call was under way takes no answer from the others."""
    arrived, may_go_on = threading.Event(), threading.Event()

    def slow() -> None:
        arrived.set()
        assert may_go_on.wait(TIMEOUT_S)

    async def ask() -> None:
        with closing(Readers()) as readers:
            given_up = asyncio.ensure_future(readers.call(slow))
            await asyncio.to_thread(arrived.wait, TIMEOUT_S)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            may_go_on.set()
            assert await asyncio.gather(*(readers.call(lambda: 5) for _ in range(100))) == [5] * 100

    asyncio.run(ask())
