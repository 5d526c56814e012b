"""The nodes that stand for one chain: the first that is well is asked, the next when it is not.

A node that does not answer, is busy, lags behind or serves another chain is set aside for a while. Reads are asked
again; signed bytes are offered to one node after the other until one says what it makes of them.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chainwallet.rpc import shapes
from chainwallet.rpc.answers import ReadAnswer, meaning_of_read
from chainwallet.rpc.batches import BATCH_CALLS, Batches
from chainwallet.rpc.chain_pin import ChainPin
from chainwallet.rpc.connection import Deadline
from chainwallet.rpc.wire import MOST_ANSWER_BYTES, Answer, Call, Failure, Garbled, NoAnswer, Result, Wire, load

BACKOFF_S = 0.1
"""Pause before the second attempt; each later one is twice as long."""
MOST_PAUSE_S = 10.0
"""Longest pause before an attempt, whatever ``Retry-After`` asks for."""
SET_ASIDE_S = 15.0
"""How long a node is set aside; twice as long each further time without an answer between."""
MOST_SET_ASIDE_S = 300.0
LOOK_S = 10.0
"""How often the heads of several nodes are compared."""
LOOK_TIMEOUT_S = 2.0
BEHIND_S = 30
"""A node whose head is this much older than another node's lags behind."""


@dataclass(frozen=True)
class Limits:
    """What a question may take."""

    timeout_s: float
    """One exchange with one node."""
    question_s: float
    """A question with all attempts at all nodes; each ``BATCH_CALLS`` of a batch have as much."""
    attempts: int
    """Rounds through the nodes."""


class Endpoint:
    """One node: the way to it, and whether it is set aside."""

    def __init__(self, url: str, timeout_s: float, pin: ChainPin) -> None:
        self.wire = Wire(url, pin.greet)
        self.batches = Batches(self.wire, timeout_s)
        self.shown = self.wire.address.shown
        self.aside_until_s = 0.0
        self._next_aside_s = SET_ASIDE_S

    @property
    def is_aside(self) -> bool:
        """Whether others are asked before it now."""
        return time.monotonic() < self.aside_until_s

    def ask(self, calls: Sequence[Call], deadline: Deadline) -> list[Answer]:
        """Ask once, and draw the consequences for the next time."""
        answers = self.batches.ask(calls, deadline)
        if any(_is_temporary(answer) or isinstance(answer, Garbled) for answer in answers):
            self.set_aside(max(_retry_after_s(answer) for answer in answers))
        else:
            self._next_aside_s = SET_ASIDE_S
        return answers

    def set_aside(self, at_least_s: float = 0.0) -> None:
        """Ask others first for a while."""
        self.aside_until_s = time.monotonic() + min(max(self._next_aside_s, at_least_s), MOST_SET_ASIDE_S)
        self._next_aside_s = min(2 * self._next_aside_s, MOST_SET_ASIDE_S)


class Endpoints:
    """The nodes at ``urls`` in the order of preference; threads may share them.

    A question raises ``WrongChain`` when no node answers it and one of them serves another chain than before.
    """

    def __init__(self, urls: Sequence[str], limits: Limits, pin: ChainPin, sleep_s: Callable[[float], None]) -> None:
        self._all = [Endpoint(url, limits.timeout_s, pin) for url in urls]
        self._limits = limits
        self._sleep_s = sleep_s
        self._looked_at_s = float("-inf")
        self._looking = threading.Lock()
        self.unreachable_since_s: float | None = None
        """Seconds since 1970 of the first question that no node answered; None when the last one was answered."""
        self.answered_by = self._all[0]
        """The node that answered last."""
        self.shown = ", ".join(endpoint.shown for endpoint in self._all)

    def close(self) -> None:
        """Close the connections."""
        for endpoint in self._all:
            endpoint.wire.close()

    def read(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers to questions that change nothing, in their order.

        What one node does not answer, or has no state or method for, the next one is asked. What no node answered or
        had time for is asked again after a pause, up to the bounds of attempts and time.
        """
        answers: list[Answer] = [_NOT_ASKED] * len(calls)
        waiting = list(range(len(calls)))
        deadline, started_s = self._deadline(calls), time.time()
        for attempt in range(self._limits.attempts):
            if not waiting or (attempt and not self._pause(attempt, [answers[at] for at in waiting], deadline)):
                break
            for at in waiting:
                answers[at] = _NOT_ASKED
            for endpoint in self._in_order():
                for at, answer in zip(waiting, endpoint.ask([calls[at] for at in waiting], deadline), strict=True):
                    answers[at] = self._better(answers[at], answer, endpoint)
                if any(isinstance(answers[at], Result) for at in waiting):
                    self.answered_by = endpoint
                waiting = [at for at in waiting if _is_for_another_node(answers[at])]
                if not waiting:
                    break
            waiting = [at for at in waiting if self._is_worth_another_round(answers[at])]
        _check_chain(answers)
        self._note(answers, started_s)
        return answers

    def send(self, calls: Sequence[Call], is_settled: Callable[[Answer], bool]) -> list[list[Answer]]:
        """What the nodes answered to signed bytes, for each call from the first node asked to the last.

        Bytes go to the next node until an answer settles what became of them. They are offered another time only
        where no node can have got them.
        """
        told: list[list[Answer]] = [[] for _ in calls]
        deadline, started_s = self._deadline(calls), time.time()
        for attempt in range(self._limits.attempts):
            waiting = [at for at, answers in enumerate(told) if all(map(_is_never_sent, answers))]
            if not waiting or (attempt and not self._pause(attempt, [told[at][-1] for at in waiting], deadline)):
                break
            for endpoint in self._in_order():
                for at, answer in zip(waiting, endpoint.ask([calls[at] for at in waiting], deadline), strict=True):
                    told[at].append(answer)
                waiting = [at for at in waiting if not is_settled(told[at][-1])]
                if not waiting:
                    break
        answers = [answer for answers in told for answer in answers]
        if all(map(_is_never_sent, answers)):
            _check_chain(answers)
        self._note(answers, started_s)
        return told

    def once(self, call: Call, timeout_s: float | None = None, most_bytes: int = MOST_ANSWER_BYTES) -> Answer:
        """Ask the first node that is well, once."""
        load()
        deadline = Deadline(self._limits.timeout_s if timeout_s is None else timeout_s)
        answer = self._in_order()[0].wire.exchange(*call, deadline, most_bytes)
        _check_chain([answer])
        return answer

    def _deadline(self, calls: Sequence[Call]) -> Deadline:
        load()
        return Deadline(self._limits.question_s * (1 + len(calls) // BATCH_CALLS))

    def _pause(self, attempt: int, answers: Sequence[Answer], deadline: Deadline) -> bool:
        """Wait as long as the nodes ask for, or a little longer each time; False where no time is left for that."""
        asked_s = min(max(_retry_after_s(answer) for answer in answers), MOST_PAUSE_S)
        pause_s = max(BACKOFF_S * 2 ** (attempt - 1), asked_s)
        try:
            if deadline.left_s() < pause_s:
                return False
        except TimeoutError:
            return False
        self._sleep_s(pause_s)
        return True

    def _better(self, old: Answer, new: Answer, endpoint: Endpoint) -> Answer:
        """Of two nodes' answers the one that says more; the reasons of nodes that did not answer are put together."""
        if not isinstance(new, NoAnswer):
            return new
        if len(self._all) > 1:
            new = replace(new, reason=f"{endpoint.shown}: {new.reason}")
        if not isinstance(old, NoAnswer):
            return old
        if old is _NOT_ASKED:
            return new
        wait_s = max(old.retry_after_s, new.retry_after_s)
        return NoAnswer(f"{old.reason}; {new.reason}", False, wait_s, old.wrong_chain or new.wrong_chain)

    def _is_worth_another_round(self, answer: Answer) -> bool:
        is_hopeless = isinstance(answer, NoAnswer) and answer.wrong_chain and len(self._all) == 1
        return _is_temporary(answer) and not is_hopeless

    def _note(self, answers: Sequence[Answer], started_s: float) -> None:
        if any(not isinstance(answer, NoAnswer) for answer in answers):
            self.unreachable_since_s = None
        elif answers and self.unreachable_since_s is None:
            self.unreachable_since_s = started_s

    # ------------------------------------------------------------------------------------------------ which node

    def _in_order(self) -> list[Endpoint]:
        """Those that are well, in the order of preference; then the others, for when there is no better."""
        if (
            len(self._all) > 1
            and time.monotonic() - self._looked_at_s > LOOK_S
            and self._looking.acquire(blocking=False)
        ):
            try:
                self._compare_heads()
                self._looked_at_s = time.monotonic()
            finally:
                self._looking.release()
        aside = [endpoint for endpoint in self._all if endpoint.is_aside]
        well = [endpoint for endpoint in self._all if endpoint not in aside]
        return well + sorted(aside, key=lambda endpoint: endpoint.aside_until_s)

    def _compare_heads(self) -> None:
        """Sets aside those whose head is old, judged by the newest head of all."""
        heads = {}
        for endpoint in self._all:
            if not endpoint.is_aside:
                (answer,) = endpoint.ask([("eth_getBlockByNumber", ["latest", False])], Deadline(LOOK_TIMEOUT_S))
                with suppress(shapes.Misshapen):
                    heads[endpoint] = shapes.block(answer.value).timestamp_s if isinstance(answer, Result) else 0
        newest_s = max(heads.values(), default=0)
        for endpoint, head_s in heads.items():
            if head_s < newest_s - BEHIND_S:
                endpoint.set_aside()


_NOT_ASKED = NoAnswer("not asked", never_sent=True)


def _check_chain(answers: Sequence[Answer]) -> None:
    for answer in answers:
        if isinstance(answer, NoAnswer) and answer.wrong_chain:
            raise answer.wrong_chain


def _retry_after_s(answer: Answer) -> float:
    return answer.retry_after_s if isinstance(answer, NoAnswer | Failure) else 0.0


def _is_never_sent(answer: Answer) -> bool:
    return isinstance(answer, NoAnswer) and answer.never_sent


def _is_temporary(answer: Answer) -> bool:
    """Whether the same question may be answered a little later."""
    return isinstance(answer, NoAnswer) or (isinstance(answer, Failure) and _meaning(answer) is ReadAnswer.BUSY)


def _is_for_another_node(answer: Answer) -> bool:
    """Whether another node may know better."""
    if isinstance(answer, Failure):
        return _meaning(answer) in (ReadAnswer.BUSY, ReadAnswer.NO_METHOD, ReadAnswer.NO_STATE)
    return isinstance(answer, NoAnswer | Garbled)


def _meaning(failure: Failure) -> ReadAnswer:
    return meaning_of_read(failure.code, failure.message)
