"""A real HTTP proxy in front of a real node: it loses, delays or garbles what it is told to, and forwards the rest."""

import http.client
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


@dataclass
class Fault:
    """What happens to one request. Without anything set it is forwarded and answered."""

    before: Callable[[], object] = lambda: None
    """Called first, with the request in hand."""
    forward: bool = True
    after: Callable[[], object] = lambda: None
    """Called when the node has answered and the client has not heard it yet."""
    status: int = 200
    """An HTTP status other than 200 is sent with no answer in it."""
    result: Any = None
    """Takes the place of the node's result."""
    cut: bool = False
    """The connection is cut in place of an answer."""


def lost_on_the_way() -> Fault:
    """The node never gets it, the client never gets an answer."""
    return Fault(forward=False, cut=True)


def answer_lost() -> Fault:
    """The node gets it, the client never gets an answer."""
    return Fault(cut=True)


def server_error(*, forwarded: bool) -> Fault:
    """An HTTP 502, before or after the node got it."""
    return Fault(forward=forwarded, status=502)


@dataclass
class FaultProxy:
    """Forwards JSON-RPC to ``target`` at ``url``; ``methods`` are those of the requests so far, in their order."""

    target: str
    methods: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """The raw transactions that were handed over, in their order, whatever became of them."""

    def __post_init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}
        self._last_good: int | None = None
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
        """The next requests of ``method`` meet ``faults``, one each."""
        with self._lock:
            self._faults.setdefault(method, []).extend(faults)

    def die_after(self, requests: int, *, forward: bool) -> None:
        """From now on ``requests`` are served; later ones are cut, after they reached the node where ``forward``."""
        with self._lock:
            self._last_good = len(self.methods) + requests
            self._dead_forward = forward

    def heal(self) -> None:
        """Everything is forwarded again."""
        with self._lock:
            self._faults.clear()
            self._last_good = None

    def _fault(self, method: str, params: list[Any]) -> Fault:
        with self._lock:
            self.methods.append(method)
            if method == "eth_sendRawTransaction":
                self.sent.append(params[0])
            if self._last_good is not None and len(self.methods) > self._last_good:
                return Fault(forward=self._dead_forward, cut=True)
            waiting = self._faults.get(method)
            return waiting.pop(0) if waiting else Fault()

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

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                fault = proxy._fault(asked["method"], asked["params"])
                fault.before()
                answer = proxy._forward(body) if fault.forward else b""
                fault.after()
                if fault.cut:
                    self.close_connection = True
                    return
                if fault.result is not None:
                    answer = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": fault.result}).encode()
                if fault.status != 200:
                    answer = b""
                self.send_response(fault.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                with suppress(ConnectionError):  # a client that gave up, or was killed
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                pass

        return Handler
