"""Many questions to one node, in as few requests as the node takes.

Nodes differ: some take no batches, some take ten calls, some refuse by a single error for the whole, some answer what
fits and refuse the rest. Whatever they do, each question gets an answer of its own.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from chainwallet.rpc.answers import ReadAnswer, meaning_of_read
from chainwallet.rpc.connection import Deadline
from chainwallet.rpc.wire import Answer, Call, Failure, Garbled, NoAnswer, Result, Wire

BATCH_CALLS = 100  # hosted nodes take 100 to 1,000 in a request
BATCH_BYTES = 2 * 1024 * 1024  # geth reads at most 5 MiB of a request (rpc defaultBodyLimit)
SMALL_BATCH_CALLS = 10  # what a node is offered that refused more
REFUSAL_REMEMBERED_S = 600.0
"""How long a node that refused a batch is offered smaller ones."""
SILENCE_REMEMBERED_S = 10.0
"""How long a node that did not answer a batch is offered smaller ones: some cut the connection instead of refusing."""


class Batches:
    """Batches to the node at ``wire``'s other end, each request over within ``timeout_s`` seconds."""

    def __init__(self, wire: Wire, timeout_s: float) -> None:
        self._wire = wire
        self._timeout_s = timeout_s
        self._most_calls = BATCH_CALLS
        self._smaller_until_s = float("-inf")

    def ask(self, calls: Sequence[Call], deadline: Deadline) -> list[Answer]:
        """The answers in the order of ``calls``, each asked once. Only what a node refused for the sake of the batch
        is asked again, in smaller ones.
        """
        answers: list[Answer] = [NoAnswer(f"not asked within {deadline.timeout_s:g} s", never_sent=True)] * len(calls)
        if time.monotonic() > self._smaller_until_s:
            self._most_calls = BATCH_CALLS
        waiting = deque(_chunks(calls, range(len(calls)), self._most_calls))
        while waiting:
            chunk = waiting.popleft()
            try:
                limit = deadline.part(self._timeout_s)
            except TimeoutError:
                break
            if len(chunk) == 1:
                answers[chunk[0]] = self._wire.exchange(*calls[chunk[0]], limit)
                continue
            answered = self._wire.exchange_batch([calls[at] for at in chunk], limit)
            if _stands_for_each(answered):
                if isinstance(answered, NoAnswer) and not answered.never_sent:
                    self._offer_less(len(chunk), SILENCE_REMEMBERED_S)
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
            if not any(_says(ReadAnswer.BATCH_REFUSED, one) for one in answered):
                return [at for at, one in zip(chunk, answered, strict=True) if _says(ReadAnswer.TOO_MUCH, one)], half
            left = [at for at, one in zip(chunk, answered, strict=True) if not isinstance(one, Result)]
        elif (isinstance(answered, Garbled) and answered.is_too_large) or _says(ReadAnswer.TOO_MUCH, answered):
            return list(chunk), half
        else:
            left = list(chunk)
        self._offer_less(len(chunk), REFUSAL_REMEMBERED_S)
        return left, self._most_calls

    def _offer_less(self, than_calls: int, remembered_s: float) -> None:
        self._most_calls = min(self._most_calls, SMALL_BATCH_CALLS if than_calls > SMALL_BATCH_CALLS else 1)
        self._smaller_until_s = max(self._smaller_until_s, time.monotonic() + remembered_s)


def _stands_for_each(answered: tuple[Answer, ...] | Answer) -> TypeGuard[Failure | NoAnswer]:
    """Whether one answer to a whole batch is the answer to each of its questions: nothing came, or not now."""
    return isinstance(answered, NoAnswer) or (not isinstance(answered, tuple) and _says(ReadAnswer.BUSY, answered))


def _says(meaning: ReadAnswer, answer: Answer) -> bool:
    return isinstance(answer, Failure) and meaning_of_read(answer.code, answer.message) is meaning


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
