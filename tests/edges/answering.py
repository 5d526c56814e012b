"""Tiny real HTTP servers that stand for nodes: they answer what a test tells them to, as badly as it wants.

Every new connection of a ``Node`` asks for the chain id and for block 0 first. The servers answer that by themselves,
as the chain ``CHAIN``, so that a test is about its own questions.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from chainwallet.evm import ChainName, Hash32

CHAIN = ChainName(7, Hash32(b"\x07" * 32))


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    """0 cuts the connection in place of an answer."""
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Answer = Callable[[str, list[Any]], Reply]
"""From method and parameters to what is answered; ``ID`` in the body stands for the question's id."""
Talk = Callable[[socket.socket], None]
"""Writes whatever bytes in place of an answer; the connection is closed afterwards."""


def result(value: object) -> Reply:
    return Reply(200, b'{"jsonrpc": "2.0", "id": ID, "result": %s}' % json.dumps(value).encode())


def failure(code: int, message: str, data: object = None) -> Reply:
    error = {"code": code, "message": message, **({} if data is None else {"data": data})}
    return Reply(200, b'{"jsonrpc": "2.0", "id": ID, "error": %s}' % json.dumps(error).encode())


def greeting(asked: Any, chain: ChainName) -> object:
    """The answer to what a new connection asks; None for any other question."""
    if isinstance(asked, dict) and asked["method"] == "eth_chainId":
        return hex(chain.chain_id)
    if isinstance(asked, dict) and (asked["method"], asked["params"]) == ("eth_getBlockByNumber", ["0x0", False]):
        return {"hash": "0x" + chain.genesis.hex()}
    return None


@contextmanager
def answering(
    answer: Answer,
    chain: ChainName | None = CHAIN,
    tls: ssl.SSLContext | None = None,
    proxies: bool = False,
    whole: Callable[[list[Any]], Reply | None] = lambda _: None,
    saw: Callable[[str, str], object] = lambda *_: None,
) -> Iterator[str]:
    """The address of a server that answers every question by ``answer``, those of a batch one by one.

    With ``chain`` None the questions of new connections are asked of ``answer`` too. ``whole`` may answer a batch as
    a whole. With ``proxies`` it is an HTTP proxy that answers in place of every server. ``saw`` gets the first line
    and the authorization of each request.
    """

    def told(asked: Any) -> Reply:
        if isinstance(asked, list):
            return whole(asked) or Reply(200, b"[%s]" % b", ".join(told(each).body for each in asked))
        greeted = None if chain is None else greeting(asked, chain)
        reply = answer(asked["method"], asked["params"]) if greeted is None else result(greeted)
        return Reply(reply.status, reply.body.replace(b"ID", b"%d" % asked["id"]), reply.headers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body leave together

        def do_CONNECT(self) -> None:
            assert tls is not None
            saw(self.requestline, self.headers.get("Proxy-Authorization", ""))
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb")
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()  # a wrapped one is not the server's to close

        def do_POST(self) -> None:
            saw(self.requestline, self.headers.get("Authorization", self.headers.get("Proxy-Authorization", "")))
            reply = told(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if reply.status == 0:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(reply.body)
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None and not proxies:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        for url in _served(server):
            yield url.replace("http:", "https:") if tls is not None and not proxies else url


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """The address of a server that greets new connections well and lets ``talk`` answer the next question."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            reader = self.request.makefile("rb")
            while line := reader.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    line = reader.readline()
                asked = json.loads(reader.read(length))
                greeted = greeting(asked, CHAIN)
                if greeted is None:
                    with suppress(ConnectionError):
                        talk(self.request)
                    return
                body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": greeted}).encode()
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        yield from _served(server)


def _served(server: ThreadingTCPServer | ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
