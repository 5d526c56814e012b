"""The proxy: a real HTTP server in front of a real node, at one address or at two that disagree.

Single questions and batches alike. What only a whole answer can suffer happens to the whole batch; each call of it has
its own chance of a stale answer. Every fault is counted where it is done.
"""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import TracebackType
from typing import Any, Self

from chainwallet.faults.fate import FAULTS, Fate, FaultName, Rates, fate, is_hit
from chainwallet.faults.view import Call, answer_at, contradicted, question_at
from chainwallet.rpc.address import NodeAddress

TIMEOUT_S = 30.0  # for the node's answer
MOST_BYTES = 64 * 1024 * 1024  # of a request
BAD_GATEWAY = 502  # the node gave no answer; no fault of ours
BAD_REQUEST, LENGTH_REQUIRED, TOO_LARGE = 400, 411, 413


@dataclass(frozen=True)
class Second:
    """A second address of the same node: always ``behind`` blocks older; sometimes with another hash of a block."""

    behind: int = 0
    disagreements: int = 0
    """How often, in parts per million of its calls."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    is_cut: bool = False


class Faults:
    """Forwards JSON-RPC to the node at ``upstream``, with faults; ``url`` and ``second_url`` are where it answers.

    ``only``: methods that are hit, with every batch that has one; all where it is empty. The same ``seed`` gives the
    n-th request of a run the same fate. Raises ``BadValue`` for an address that is none, ``OSError`` for a port that
    is taken.
    """

    def __init__(
        self,
        upstream: str,
        rates: Rates,
        seed: int,
        *,
        port: int = 0,
        second_port: int = 0,
        second: Second | None = None,
        longest_delay_ms: int = 1_000,
        stale_blocks: int = 3,
        only: Sequence[str] = (),
    ) -> None:
        self.rates = rates
        """May be changed while it runs."""
        self._upstream = NodeAddress(upstream)
        self._second = second
        self._longest_delay_ms = longest_delay_ms
        self._stale_blocks = stale_blocks
        self._only = frozenset(only)
        self._requests = Random(f"{seed}: requests")  # noqa: S311 - chance that can be repeated is what is wanted
        self._calls = Random(f"{seed}: calls")  # noqa: S311 - as above
        self._counts: Counter[FaultName] = Counter()
        self._served = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._servers = [_Server(("127.0.0.1", port), _handler(self, is_second=False))]
        if second is not None:
            self._servers.append(_Server(("127.0.0.1", second_port), _handler(self, is_second=True)))
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}) for server in self._servers
        ]
        urls = [f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers]
        self.url, self.second_url = urls[0], urls[1] if len(urls) > 1 else None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stopping.set()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def redirect(self, upstream: str) -> None:
        """From now on requests are for the node at ``upstream``; raises ``BadValue`` for an address that is none."""
        self._upstream = NodeAddress(upstream)

    @property
    def counts(self) -> Mapping[FaultName, int]:
        """How often each fault was injected by now."""
        with self._lock:
            return {name: self._counts[name] for name in FAULTS}

    @property
    def served(self) -> int:
        """How many HTTP requests came by now."""
        with self._lock:
            return self._served

    # ------------------------------------------------------------------------------------------------ one request

    def answer(self, body: bytes, *, is_second: bool) -> _Answer | None:
        """What the client gets; None where the connection is closed without an answer."""
        calls, alone = _calls_in(body)
        met, ages = self._decide(calls, is_second=is_second)
        if met.delay_ms:
            self._stopping.wait(met.delay_ms / 1_000)
        told: _Answer | None = None
        for _ in range(met.times_forwarded):
            told = self._forwarded(body, calls, ages, alone=alone, is_second=is_second)
        if met.fault in ("drop_requests", "drop_replies"):
            return None
        if met.status != 200:
            return _Answer(met.status, b"")
        assert told is not None  # noqa: S101 - it was forwarded at least once
        return _Answer(told.status, told.body, is_cut=met.fault == "cuts")

    def _decide(self, calls: Sequence[Call], *, is_second: bool) -> tuple[Fate, list[int]]:
        """The request's fate, and for each call by how many blocks its answer is to be stale."""
        with self._lock:
            self._served += 1
            met = fate(self.rates, self._requests, self._longest_delay_ms)
            stale = [is_hit(self.rates.stale_heads, self._calls) for _ in calls]
            is_meant = not self._only or any(call.get("method") in self._only for call in calls)
            if not is_meant:
                met, stale = Fate(None, 1, 200, 0), [False] * len(calls)
            if met.fault:
                self._counts[met.fault] += 1
            if met.delay_ms:
                self._counts["delays"] += 1
        behind = self._second.behind if is_second and self._second is not None else 0
        return met, [behind + self._stale_blocks * one for one in stale]

    def _count(self, name: FaultName) -> None:
        with self._lock:
            self._counts[name] += 1

    # ------------------------------------------------------------------------------------------------ the node

    def _forwarded(
        self, body: bytes, calls: Sequence[Call], ages: Sequence[int], *, alone: bool, is_second: bool
    ) -> _Answer:
        head = self._head() if any(ages) else None
        heads = [None if head is None or not age else max(0, head - age) for age in ages]
        asked = [call if at is None else question_at(call, at) for call, at in zip(calls, heads, strict=True)]
        if asked != list(calls):
            body = json.dumps(asked[0] if alone else asked).encode()
        told = self._ask(body)
        may_lie = is_second and self._second is not None and self._second.disagreements > 0
        if told.status != 200 or not (may_lie or head is not None):
            return told
        answers, _ = _calls_in(told.body)
        by_id = {json.dumps(answer.get("id")): answer for answer in answers}
        for call, at, asked_call in zip(calls, heads, asked, strict=True):
            answer = by_id.get(json.dumps(call.get("id")))
            if answer is None:
                continue
            by_id[json.dumps(call.get("id"))] = self._altered(
                call, answer, at, was_asked_otherwise=asked_call != call, is_second=is_second
            )
        altered = list(by_id.values())
        return _Answer(told.status, json.dumps(altered[0] if alone and altered else altered).encode())

    def _altered(
        self, call: Call, answer: Call, head: int | None, *, was_asked_otherwise: bool, is_second: bool
    ) -> Call:
        if head is not None:
            older = answer_at(call, answer, head)
            if was_asked_otherwise or older is not answer:
                self._count("behind" if is_second and self._second and self._second.behind else "stale_heads")
            answer = older
        if is_second and self._second is not None:
            with self._lock:
                is_other = is_hit(self._second.disagreements, self._calls)
            other = contradicted(call, answer) if is_other else answer
            if other is not answer:
                self._count("disagreements")
            answer = other
        return answer

    def _head(self) -> int | None:
        told = self._ask(b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}')
        answers, _ = _calls_in(told.body)
        try:
            return int(answers[0]["result"], 16)
        except (IndexError, KeyError, TypeError, ValueError):
            return None

    def _ask(self, body: bytes) -> _Answer:
        node = self._upstream
        kind = http.client.HTTPSConnection if node.is_secure else http.client.HTTPConnection
        connection = kind(node.host, node.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", node.target, body, {"Content-Type": "application/json", **node.headers})
            answer = connection.getresponse()
            return _Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            return _Answer(BAD_GATEWAY, b"")
        finally:
            connection.close()


def _calls_in(body: bytes) -> tuple[list[Call], bool]:
    """The calls or answers in ``body``, and whether there is one that stands alone; none where it is no JSON-RPC."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return [], True
    several = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in several):
        return [], True
    is_question = all(isinstance(one.get("method", ""), str) for one in several)
    return several if is_question else [], not isinstance(found, list)


# ------------------------------------------------------------------------------------------------ HTTP


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of this server's."""


def _handler(faults: Faults, *, is_second: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body leave together

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                self._tell(_Answer(LENGTH_REQUIRED, b""))
                self.close_connection = True
                return
            if int(length) > MOST_BYTES:
                self._tell(_Answer(TOO_LARGE, b""))
                self.close_connection = True
                return
            answer = faults.answer(self.rfile.read(int(length)), is_second=is_second)
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self._tell(answer)

        def _tell(self, answer: _Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            if answer.status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            if answer.is_cut:
                self.close_connection = True
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.is_cut else answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    return Handler
