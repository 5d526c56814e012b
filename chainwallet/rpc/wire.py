"""JSON-RPC over HTTP: one question or one batch to one node, and what came of it as a value.

web3's provider writes and reads the JSON; ``connection`` moves it, bounded in time and size.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from chainwallet.errors import WrongChain
from chainwallet.formats.nesting import is_flat
from chainwallet.rpc.address import NodeAddress
from chainwallet.rpc.connection import Connection, Deadline, Reply, TooLarge, Trouble

if TYPE_CHECKING:
    from chainwallet.rpc.provider import Provider

MOST_ANSWER_BYTES = 64 * 1024 * 1024
IDLE_CONNECTIONS = 8
CONNECTION_AGE_S = 60.0
"""A connection is not used again when it is older."""
SHOWN_CHARACTERS = 300
"""How much of a node's own words is kept."""

MOST_DEPTH = 64
"""Most objects and lists in one another that are read; the answers of nodes have about ten."""

Call = tuple[str, Sequence[object]]
"""A method and its parameters."""


@dataclass(frozen=True)
class Result:
    """The node answered."""

    value: object


@dataclass(frozen=True)
class Failure:
    """The node answered with a JSON-RPC error."""

    code: int
    message: str
    data: object = None
    retry_after_s: float = 0.0
    """How long it asks us to wait, 0 where it does not say."""


@dataclass(frozen=True)
class Garbled:
    """Something answered that is not JSON-RPC; ``code`` is the HTTP status when that tells, else 0."""

    code: int
    reason: str
    is_too_large: bool = False


@dataclass(frozen=True)
class NoAnswer:
    """Nothing answered. ``never_sent`` is True when no connection was made, so that the node cannot have the bytes."""

    reason: str
    never_sent: bool
    retry_after_s: float = 0.0
    """How long it asks us to wait, 0 where it does not say."""
    wrong_chain: WrongChain | None = None
    """What is wrong with the chain that it serves, where that is why it was not asked."""


Answer = Result | Failure | Garbled | NoAnswer


def load() -> None:
    """Import web3, which takes half a second: before the first question, and not within its deadline."""
    import chainwallet.rpc.provider  # noqa: F401, PLC0415 - commands that ask no node start without it


class NotANode(Exception):
    """What answers at the other end cannot say which chain it serves; ``answer`` is what came instead."""

    def __init__(self, answer: Garbled) -> None:
        super().__init__(answer.reason)
        self.answer = answer


Ask = Callable[[str, Sequence[object]], Answer]
Greet = Callable[[Ask], None]
"""Asks over a new connection where it leads to; raises ``Trouble``, ``NotANode`` or ``WrongChain``."""


class Wire:
    """The way to the node at ``url``; every exchange is over by its deadline.

    Threads may share it: each exchange has a connection of its own, which is kept open for the next one. A connection
    is used only after ``greet`` has passed over it. The constructor raises ``BadValue`` for an address that is not
    http or https.
    """

    def __init__(self, url: str, greet: Greet) -> None:
        self.address = NodeAddress(url)
        self._greet = greet
        self._next_id = 1
        self._id_lock = threading.Lock()
        self._idle: list[Connection] = []

    def close(self) -> None:
        """Close the connections. The wire may be used again."""
        while self._idle:
            self._idle.pop().close()

    def exchange(
        self, method: str, params: Sequence[object], deadline: Deadline, most_bytes: int = MOST_ANSWER_BYTES
    ) -> Answer:
        """Ask once."""
        connection = self._connection(deadline)
        if not isinstance(connection, Connection):
            return connection
        answer = self._ask(connection, method, params, deadline, most_bytes)
        self._keep(connection)
        return answer

    def exchange_batch(
        self, calls: Sequence[Call], deadline: Deadline, most_bytes: int = MOST_ANSWER_BYTES
    ) -> tuple[Answer, ...] | Failure | Garbled | NoAnswer:
        """Ask once, all in one request: the answers in the order of ``calls``, or one that stands for the whole."""
        connection = self._connection(deadline)
        if not isinstance(connection, Connection):
            return connection
        ids = self._take_ids(len(calls))
        body = self._provider(ids[0]).encode_batch_rpc_request(list(calls))  # type: ignore[arg-type]
        reply = _post(connection, body, deadline, most_bytes)
        self._keep(connection)
        if not isinstance(reply, Reply):
            return reply
        try:
            decoded: object = json.loads(reply.body)
        except (ValueError, RecursionError):
            return _of_status(reply) or Garbled(0, "answered something that is not JSON")
        if not isinstance(decoded, list):
            whole = _of_json(decoded, None, reply)
            return whole if isinstance(whole, Failure) else _of_status(reply) or Garbled(0, "answered no batch")
        missing = _of_status(reply) or NoAnswer("the batch's answer leaves it out", never_sent=False)
        by_id: dict[int, Answer] = {}
        for one in decoded:
            request_id = one.get("id") if isinstance(one, dict) else None
            if isinstance(request_id, int):
                twice = request_id in by_id
                by_id[request_id] = Garbled(0, "answered twice") if twice else _of_json(one, request_id, reply)
        return tuple(by_id.get(each, missing) for each in ids)

    def _ask(
        self, connection: Connection, method: str, params: Sequence[object], deadline: Deadline, most_bytes: int
    ) -> Answer:
        (request_id,) = self._take_ids(1)
        provider = self._provider(request_id)
        body = provider.encode_rpc_request(method, params)  # type: ignore[arg-type]
        reply = _post(connection, body, deadline, most_bytes)
        if not isinstance(reply, Reply):
            return reply
        try:
            decoded: object = provider.decode_rpc_response(reply.body)
        except (ValueError, RecursionError):
            return _of_status(reply) or Garbled(0, "answered something that is not JSON")
        answer = _of_json(decoded, request_id, reply)
        return answer if isinstance(answer, Failure) else _of_status(reply) or answer

    def _take_ids(self, count: int) -> range:
        with self._id_lock:
            first = self._next_id
            self._next_id += count
        return range(first, first + count)

    def _provider(self, first_id: int) -> "Provider":
        from chainwallet.rpc.provider import Provider  # noqa: PLC0415 - see ``load``

        return Provider(first_id)

    def _connection(self, deadline: Deadline) -> Connection | Garbled | NoAnswer:
        """A connection that is good now: an idle one, or a new one that was greeted."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if connection.is_usable and time.monotonic() - connection.opened_at_s < CONNECTION_AGE_S:
                return connection
            connection.close()
        try:
            connection = Connection(self.address, deadline)
        except Trouble as trouble:
            return NoAnswer(trouble.reason, trouble.never_sent)
        try:
            self._greet(lambda method, params: self._ask(connection, method, params, deadline, MOST_ANSWER_BYTES))
        except BaseException as error:
            connection.close()
            if isinstance(error, NotANode):
                return error.answer
            if isinstance(error, Trouble):
                return NoAnswer(error.reason, error.never_sent, error.retry_after_s)
            if isinstance(error, WrongChain):
                return NoAnswer(str(error), never_sent=True, wrong_chain=error)
            raise
        return connection

    def _keep(self, connection: Connection) -> None:
        """Keep it for the next exchange."""
        if connection.is_usable and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()


def _post(connection: Connection, body: bytes, deadline: Deadline, most_bytes: int) -> Reply | Garbled | NoAnswer:
    try:
        reply = connection.post(body, deadline, most_bytes)
    except Trouble as trouble:
        return NoAnswer(trouble.reason, trouble.never_sent)
    except TooLarge as too_large:
        return Garbled(0, str(too_large), is_too_large=True)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        connection.close()  # behind a gateway another node may answer the next time
    if not is_flat(reply.body, MOST_DEPTH):
        return Garbled(0, "answered JSON that is nested too deeply")
    return reply


def _of_json(value: object, request_id: int | None, reply: Reply) -> Answer:
    """What a JSON-RPC object says; with ``request_id`` None as the answer to a whole batch."""
    if not isinstance(value, dict) or ("result" not in value and value.get("error") is None):
        return Garbled(0, "answered JSON that is not JSON-RPC")
    error = value.get("error")
    if request_id is not None and value.get("id") != request_id and not (error and value.get("id") is None):
        return Garbled(0, "answered another question")
    if error is None:
        return Result(value["result"])
    if not isinstance(error, Mapping):
        return Failure(0, _shown(error), None, _retry_after_s(reply))
    code, data = error.get("code"), error.get("data")
    wait_s = max(_retry_after_s(reply), _backoff_s(data))
    return Failure(code if isinstance(code, int) else 0, _shown(error.get("message", "")), data, wait_s)


def _shown(words: object) -> str:
    """A node's own words on one line, without anything that a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(words)).split())[:SHOWN_CHARACTERS]


def _backoff_s(data: object) -> float:
    """The pause that Infura asks for in an error's data: ``{"rate": {"backoff_seconds": 30, ...}, ...}``."""
    rate = data.get("rate") if isinstance(data, Mapping) else None
    asked_s = rate.get("backoff_seconds") if isinstance(rate, Mapping) else None
    return max(0.0, float(asked_s)) if isinstance(asked_s, int | float) else 0.0


def _of_status(reply: Reply) -> Garbled | NoAnswer | None:
    """What the HTTP status alone says; None where it says that the body is the answer."""
    if reply.status == HTTPStatus.OK:
        return None
    reason = _shown(f"HTTP {reply.status} {reply.reason}")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return NoAnswer(reason, never_sent=False, retry_after_s=_retry_after_s(reply))
    return Garbled(reply.status, reason)


def _retry_after_s(reply: Reply) -> float:
    """The seconds of ``Retry-After``; 0 for none and for a date, which says nothing without the node's clock."""
    return float(reply.retry_after) if reply.retry_after.isascii() and reply.retry_after.isdigit() else 0.0
