"""Readers: quick calls of many requests, carried out together by few threads."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import TypeVar

import pytest

from chainwallet.api.readers import READERS, SLOW_S, TOGETHER, Readers, outcomes_of
from chainwallet.errors import DatabaseBusy, NotFound

TIMEOUT_S = 20
T = TypeVar("T")


async def call(readers: Readers, work: Callable[[], T]) -> T:
    """What ``work`` returns or raises, beside what others ask for."""
    return await readers.together(_each, None, work)


def _each(_: None, works: Sequence[Callable[[], T]]) -> list[T | Exception]:
    return [_outcome_of(work) for work in works]


def _outcome_of(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except Exception as error:
        return error


def test_each_asker_gets_its_own_answer() -> None:
    """Many calls at once come back each with its own result or error, whoever was carried out beside it."""

    def work(number: int) -> int:
        if number % 10 == 3:
            raise NotFound("thing", str(number), "none")
        return number * number

    async def ask() -> list[int | BaseException]:
        with closing(Readers()) as readers:
            return await asyncio.gather(*(call(readers, partial(work, n)) for n in range(500)), return_exceptions=True)

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
            return set(await asyncio.gather(*(call(readers, threading.get_ident) for _ in range(10 * TOGETHER))))

    threads = asyncio.run(ask())
    assert 1 <= len(threads) <= READERS
    assert threading.get_ident() not in threads


def test_a_slow_call_does_not_hold_up_those_that_come_after_it() -> None:
    """While one reader is at work on something slow, who comes later is answered by another."""
    may_go_on = threading.Event()

    async def ask() -> None:
        with closing(Readers()) as readers:
            slow = asyncio.ensure_future(call(readers, partial(may_go_on.wait, TIMEOUT_S)))
            await asyncio.sleep(0)
            async with asyncio.timeout(TIMEOUT_S / 2):
                assert await asyncio.gather(*(call(readers, lambda: 5) for _ in range(100))) == [5] * 100
            assert not slow.done()
            may_go_on.set()
            assert await slow

    asyncio.run(ask())


def test_a_file_is_read_on_the_loop() -> None:
    """Where the database is a file, what came at the same time is carried out on the loop, in one go and in order."""
    groups: list[list[int]] = []

    def work(_: None, some: Sequence[int]) -> list[tuple[int, int]]:
        groups.append(list(some))
        return [(number, threading.get_ident()) for number in some]

    async def ask() -> list[tuple[int, int]]:
        with closing(Readers(on_loop=True)) as readers:
            return await asyncio.gather(*(readers.together(work, None, number) for number in range(2 * TOGETHER)))

    assert asyncio.run(ask()) == [(number, threading.get_ident()) for number in range(2 * TOGETHER)]
    assert groups == [list(range(TOGETHER)), list(range(TOGETHER, 2 * TOGETHER))]


def test_the_loop_is_not_held_up_again_by_what_is_slow() -> None:
    """After a reading that took long threads read, and the loop goes on meanwhile."""
    may_go_on = threading.Event()

    async def ask() -> None:
        with closing(Readers(on_loop=True)) as readers:
            await call(readers, partial(time.sleep, 2 * SLOW_S))
            slow = asyncio.ensure_future(call(readers, partial(may_go_on.wait, TIMEOUT_S)))
            await asyncio.sleep(0)
            assert await call(readers, threading.get_ident) != threading.get_ident()
            may_go_on.set()
            assert await slow

    asyncio.run(ask())


class Held:
    """Calls that hold every reader until ``may_go_on``."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self._arrived = threading.Barrier(READERS + 1)

    async def by_each_of(self, readers: Readers) -> "list[asyncio.Task[bool]]":
        """Comes back when each of ``readers`` is at work; one call at a time, so that each is handed out alone."""
        calls = [asyncio.create_task(call(readers, self._hold)) for _ in range(READERS)]
        await asyncio.to_thread(self._arrived.wait, TIMEOUT_S)
        return calls

    def _hold(self) -> bool:
        self._arrived.wait(TIMEOUT_S)
        return self.may_go_on.wait(TIMEOUT_S)


def test_what_waits_is_carried_out_together() -> None:
    """What came while all readers were at work is carried out by one of them, in one go and in its order."""
    order: list[int] = []

    def work(number: int) -> int:
        order.append(number)
        return threading.get_ident()

    async def ask() -> None:
        held = Held()
        with closing(Readers()) as readers:
            holding = await held.by_each_of(readers)
            waiting = [asyncio.ensure_future(call(readers, partial(work, number))) for number in range(TOGETHER)]
            await asyncio.sleep(0)
            held.may_go_on.set()
            async with asyncio.timeout(TIMEOUT_S):
                assert len(set(await asyncio.gather(*waiting))) == 1
                assert all(await asyncio.gather(*holding))

    asyncio.run(ask())
    assert order == list(range(TOGETHER))


def test_who_gives_up_harms_nobody() -> None:
    """A request that was given up takes no answer from those whose calls were carried out with its own."""

    async def ask() -> None:
        held = Held()
        with closing(Readers()) as readers:
            holding = await held.by_each_of(readers)
            given_up, other = (asyncio.ensure_future(call(readers, lambda: 5)) for _ in range(2))
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            held.may_go_on.set()
            async with asyncio.timeout(TIMEOUT_S):
                assert await other == 5
                assert all(await asyncio.gather(*holding))

    asyncio.run(ask())


def test_who_asks_the_same_is_answered_in_one_go() -> None:
    """What was asked alike while all readers were at work is one piece of work, each asker's answer its own."""
    groups: list[list[int]] = []

    def squares(of: str, some: Sequence[int]) -> list[int | Exception]:
        assert of == "numbers"
        groups.append(list(some))
        return [ValueError(one) if one == 7 else one * one for one in some]

    async def ask() -> list[int | BaseException]:
        held = Held()
        with closing(Readers()) as readers:
            holding = await held.by_each_of(readers)
            of = "numbers"
            asked = (readers.together(squares, of, number) for number in range(10))
            waiting = asyncio.gather(*asked, return_exceptions=True)
            await asyncio.sleep(0)
            held.may_go_on.set()
            async with asyncio.timeout(TIMEOUT_S):
                assert all(await asyncio.gather(*holding))
                return list(await waiting)

    answers = asyncio.run(ask())
    assert groups == [list(range(10))]
    assert isinstance(answers.pop(7), ValueError)
    assert answers == [number * number for number in range(10) if number != 7]


def test_what_nobody_foresaw_of_one_is_that_ones_alone() -> None:
    """Where the work for several breaks, each is tried alone; what concerns all of them is told to all, once."""
    tries: list[int] = []

    def brittle(_: None, some: Sequence[int]) -> list[int | Exception]:
        tries.append(len(some))
        return [10 // one for one in some]

    def busy(_: None, some: Sequence[int]) -> list[int | Exception]:
        tries.append(len(some))
        raise DatabaseBusy("database", "others write for too long")

    broken, *others = outcomes_of(brittle, None, [0, 1, 2])
    assert (type(broken), others, tries) == (ZeroDivisionError, [10, 5], [3, 1, 1, 1])
    tries.clear()
    assert [type(one) for one in outcomes_of(busy, None, [0, 1, 2])] == [DatabaseBusy] * 3
    assert tries == [3]
