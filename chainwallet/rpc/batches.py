"""Many questions to one node, in as few requests as the node takes.

Nodes differ: some take no batches, some take ten calls, some refuse by a single error for the whole, some answer what
fits and refuse the rest. Whatever they do, each question gets an answer of its own.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from chainwallet.rpc.answers import ANSWER_TOO_LARGE, BATCH_REFUSED, BUSY, matches
from chainwallet.rpc.wire import Answer, Call, Failure, Garbled, NoAnswer, Result, Wire

BATCH_CALLS = 100  # hosted nodes take 100 to 1,000 in a request
BATCH_BYTES = 2 * 1024 * 1024  # geth reads at most 5 MiB of a request (rpc defaultBodyLimit)
SMALL_BATCH_CALLS = 10  # what a node is offered that refused more
REMEMBERED_S = 600.0
"""How long a node that refused a batch is offered smaller ones."""


class Batches:
    """Batches to the node at ``wire``'s other end."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._most_calls = BATCH_CALLS
        self._refused_at_s = float("-inf")

    def ask(self, calls: Sequence[Call], timeout_s: float | None = None) -> list[Answer]:
        """The answers in the order of ``calls``; ``timeout_s`` is for each request. No question is asked again that
        the node may have taken up, unless the node refused its whole batch.
        """
        answers: list[Answer] = [NoAnswer("not asked", never_sent=True)] * len(calls)
        if time.monotonic() - self._refused_at_s > REMEMBERED_S:
            self._most_calls = BATCH_CALLS
        waiting = deque(_chunks(calls, range(len(calls)), self._most_calls))
        while waiting:
            chunk = waiting.popleft()
            asked = [calls[at] for at in chunk]
            if len(chunk) == 1:
                answers[chunk[0]] = self._wire.exchange(*asked[0], timeout_s)
                continue
            answered = self._wire.exchange_batch(asked, timeout_s)
            if _stands_for_each(answered):
                answered = (answered,) * len(chunk)
            left, most_calls = self._left(chunk, answered)
            if isinstance(answered, tuple):
                for at, one in zip(chunk, answered, strict=True):
                    answers[at] = one
            waiting.extendleft(reversed(list(_chunks(calls, left, most_calls))))
        return answers

    def _left(self, chunk: Sequence[int], answered: tuple[Answer, ...] | Answer) -> tuple[list[int], int]:
        """What must be asked again because the node did not take the batch as it was, and by how many at a time."""
        half = len(chunk) // 2
        if isinstance(answered, tuple):
            if not any(_says(BATCH_REFUSED, one) for one in answered):
                return [at for at, one in zip(chunk, answered, strict=True) if _says(ANSWER_TOO_LARGE, one)], half
            left = [at for at, one in zip(chunk, answered, strict=True) if not isinstance(one, Result)]
        elif (isinstance(answered, Garbled) and answered.is_too_large) or _says(ANSWER_TOO_LARGE, answered):
            return list(chunk), half
        else:
            left = list(chunk)
        self._most_calls = SMALL_BATCH_CALLS if len(chunk) > SMALL_BATCH_CALLS else 1
        self._refused_at_s = time.monotonic()
        return left, self._most_calls


def _stands_for_each(answered: tuple[Answer, ...] | Answer) -> TypeGuard[Failure | NoAnswer]:
    """Whether one answer to a whole batch is the answer to each of its questions: nothing came, or not now."""
    return isinstance(answered, NoAnswer) or (not isinstance(answered, tuple) and _says(BUSY, answered))


def _says(pattern: str, answer: Answer) -> bool:
    return isinstance(answer, Failure) and matches(pattern, answer.message)


def _chunks(calls: Sequence[Call], places: Sequence[int], most_calls: int) -> Iterator[list[int]]:
    """``places`` in their order, in parts of at most ``most_calls`` and about ``BATCH_BYTES``."""
    chunk: list[int] = []
    room = BATCH_BYTES
    for at in places:
        size = sum(len(one) if isinstance(one, str) else len(str(one)) for one in calls[at][1])
        if chunk and (len(chunk) == most_calls or size > room):
            yield chunk
            chunk, room = [], BATCH_BYTES
        chunk.append(at)
        room -= size
    if chunk:
        yield chunk
