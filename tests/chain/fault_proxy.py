"""A real HTTP proxy in front of a real node: it loses, delays or garbles what it is told to, and forwards the rest.

Single questions and batches alike: each call of a batch meets its own fault. What only a whole answer can suffer (the
connection cut, an HTTP status) happens to the whole batch as soon as one of its calls meets it.
"""

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

TIMEOUT_S = 10.0
GREETINGS: tuple[tuple[str, list[Any]], ...] = (("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False]))
"""What each new connection of a ``Node`` asks first."""

Call = dict[str, Any]
"""A JSON-RPC question, or the answer to one."""
Alter = Callable[[list[Any], Any], Any]
"""From the parameters and the node's result to the result that the client gets."""


@dataclass
class Fault:
    """What happens to one call. Without anything set it is forwarded and answered."""

    before: Callable[[], object] = lambda: None
    """Called first, with the request in hand."""
    forward: bool = True
    after: Callable[[], object] = lambda: None
    """Called when the node has answered and the client has not heard it yet."""
    status: int = 200
    """An HTTP status other than 200 is sent with no answer in it."""
    result: Any = None
    """Takes the place of the node's result."""
    error: tuple[int, str] | None = None
    """A JSON-RPC error (code, message) that takes the place of the node's answer."""
    drop: bool = False
    """The answer is left out: of the batch, or the body is empty."""
    cut: bool = False
    """The connection is cut in place of an answer."""


def lost_on_the_way() -> Fault:
    """The node never gets it, the client never gets an answer."""
    return Fault(forward=False, cut=True)


def answer_lost() -> Fault:
    """The node gets it, the client never gets an answer."""
    return Fault(cut=True)


def left_out(*, forwarded: bool = True) -> Fault:
    """The rest of its batch is answered, this call is not; the node got it or not."""
    return Fault(forward=forwarded, drop=True)


def refused(code: int, message: str, *, forwarded: bool = False) -> Fault:
    """A JSON-RPC error in place of the answer; the node got it or not."""
    return Fault(forward=forwarded, error=(code, message))


def server_error(*, forwarded: bool) -> Fault:
    """An HTTP 502, before or after the node got it."""
    return Fault(forward=forwarded, status=502)


class Rule(Protocol):
    """A stricter node's judgement of signed bytes; ``tests.chain.strict_pool`` has one."""

    def refusal(self, raw: str) -> tuple[int, str] | None:
        """The JSON-RPC error (code, message) that ``raw`` meets; None lets it through to the node."""


@dataclass
class FaultProxy:
    """Forwards JSON-RPC to ``target`` at ``url``; ``methods`` are those of the calls so far, in their order."""

    target: str
    methods: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """The raw transactions that were handed over, in their order, whatever became of them."""
    rule: Rule | None = None
    """Judges every raw transaction before the node gets it."""
    takes_batches: bool = True
    """False: every batch is answered by a single error, as by a node that takes none."""
    reorders: bool = False
    """True: the answers of a batch come in the opposite order."""

    def __post_init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}
        self._alterations: dict[str, Alter] = {}
        self._last_good: int | None = None
        self._alarm: tuple[int, Callable[[], object]] | None = None
        self._dead_forward = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def next(self, method: str, *faults: Fault) -> None:
        """The next calls of ``method``, alone or in batches, meet ``faults``, one each.

        Not those by which a new connection of a ``Node`` asks which chain it leads to: they come when they come.
        """
        with self._lock:
            self._faults.setdefault(method, []).extend(faults)

    def alter(self, method: str, change: Alter) -> None:
        """From now on the results of ``method`` are what ``change`` makes of them; errors stay as they are.

        Each result is parsed for this call alone, so ``change`` may alter it in place and return it.
        """
        with self._lock:
            self._alterations[method] = change

    def die_after(self, requests: int, *, forward: bool) -> None:
        """From now on ``requests`` calls are served; later ones are cut, after they reached the node where ``forward``.

        A batch in which that happens is cut as a whole; its earlier calls reach the node.
        """
        with self._lock:
            self._last_good = len(self.methods) + requests
            self._dead_forward = forward

    def at(self, requests: int, alarm: Callable[[], object]) -> None:
        """``alarm`` is called once, with the call in hand, when so many calls have been served from now on."""
        with self._lock:
            self._alarm = (len(self.methods) + requests, alarm)

    def heal(self) -> None:
        """Everything is forwarded again as it is; ``rule``, ``takes_batches`` and ``reorders`` stay."""
        with self._lock:
            self._faults.clear()
            self._alterations.clear()
            self._last_good = None
            self._alarm = None

    def _fault(self, call: Call, *, greets: bool) -> Fault:
        method, raw = call["method"], None
        with self._lock:
            self.methods.append(method)
            if method == "eth_sendRawTransaction":
                raw = str(call["params"][0])
                self.sent.append(raw)
            if self._alarm is not None and len(self.methods) > self._alarm[0]:
                _, alarm = self._alarm
                self._alarm = None
                return Fault(before=alarm)
            if self._last_good is not None and len(self.methods) > self._last_good:
                return Fault(forward=self._dead_forward, cut=True)
            waiting = self._faults.get(method)
            if waiting and not greets:
                return waiting.pop(0)
        refusal = self.rule.refusal(raw) if self.rule and raw else None
        return refused(*refusal) if refusal else Fault()

    def _answer(self, asked: Call | list[Call], *, is_new: bool) -> tuple[int, bytes] | None:
        """HTTP status and body for a question or a batch; None where the connection, which may be new, is cut."""
        if isinstance(asked, list) and not self.takes_batches:
            error = {"code": -32600, "message": "batch requests are not supported"}
            return 200, json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
        calls = asked if isinstance(asked, list) else [asked]
        greets = is_new and isinstance(asked, dict) and (asked["method"], asked["params"]) in GREETINGS
        faults = [self._fault(call, greets=greets) for call in calls]
        for fault in faults:
            fault.before()
        told = self._told(calls, faults, alone=not isinstance(asked, list))
        for fault in faults:
            fault.after()
        if any(fault.cut for fault in faults):
            return None
        status = next((fault.status for fault in faults if fault.status != 200), 200)
        if status != 200:
            return status, b""
        if isinstance(asked, list):
            return 200, json.dumps(told[::-1] if self.reorders else told).encode()
        return 200, json.dumps(told[0]).encode() if told else b""

    def _told(self, calls: Sequence[Call], faults: Sequence[Fault], *, alone: bool) -> list[Call]:
        """The answers that the client gets, in the order of ``calls``."""
        forwarded = [call for call, fault in zip(calls, faults, strict=True) if fault.forward]
        answers: dict[Any, Call] = {}
        if forwarded:
            answered = json.loads(self._forward(json.dumps(forwarded[0] if alone else forwarded).encode()))
            answers = {forwarded[0]["id"]: answered} if alone else {one["id"]: one for one in answered}
        told = []
        for call, fault in zip(calls, faults, strict=True):
            answer = {"jsonrpc": "2.0", "id": call["id"]}
            if fault.error is not None:
                answer["error"] = dict(zip(("code", "message"), fault.error, strict=True))
            elif fault.result is not None:
                answer["result"] = fault.result
            elif not fault.forward:
                continue
            else:
                answer = self._altered(call, answers[call["id"]])
            if not fault.drop:
                told.append(answer)
        return told

    def _altered(self, call: Call, answer: Call) -> Call:
        change = self._alterations.get(call["method"])
        if change is not None and "result" in answer:
            answer["result"] = change(call["params"], answer["result"])
        return answer

    def _forward(self, body: bytes) -> bytes:
        target = urlsplit(self.target)
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler inside has its own self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body leave together

            served = 0

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = proxy._answer(asked, is_new=self.served < len(GREETINGS))
                self.served += 1
                if answer is None:
                    self.close_connection = True
                    return
                status, body = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):  # a client that gave up, or was killed
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        return Handler
