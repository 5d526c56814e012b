"""HTTP as bad as it comes, from real socket servers: whatever a node sends, an answer or an error comes in time."""

import gzip
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chainwallet.errors import NodeRefused, NodeUnreachable
from chainwallet.evm import Address
from chainwallet.rpc import Node, SendAnswer, Sent
from tests.edges.answering import Reply, Talk, answering, result, talking

MIB = 1024 * 1024
GOOD = b'{"jsonrpc": "2.0", "id": ID, "result": "0x7"}'


def headers(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *lines, "", ""]).encode()


def drip(opened: socket.socket, data: bytes, pause_s: float = 0.05) -> None:
    """Send ``data`` byte by byte, so that something comes all the time."""
    for byte in data:
        opened.sendall(bytes([byte]))
        time.sleep(pause_s)


def in_silence(opened: socket.socket) -> None:
    opened.recv(1)  # until the client gives up


def in_the_headers(opened: socket.socket) -> None:
    drip(opened, headers("X: " + "x" * 500))


def in_the_body(opened: socket.socket) -> None:
    opened.sendall(headers("Content-Length: 500"))
    drip(opened, b" " * 500)


def in_chunks(opened: socket.socket) -> None:
    opened.sendall(headers("Transfer-Encoding: chunked"))
    drip(opened, b"1\r\n \r\n" * 100)


@pytest.mark.parametrize("slowly", [in_silence, in_the_headers, in_the_body, in_chunks])
def test_a_slow_answer_ends_at_the_deadline(slowly: Talk) -> None:
    """However busily an answer drips in, the question is over at its deadline, and signed bytes are of unknown fate."""
    with talking(slowly) as url, Node(url, timeout_s=0.3, attempts=1) as node:
        started_s = time.monotonic()
        with pytest.raises(NodeUnreachable, match=r"no answer within 0\.3 s"):
            node.block_number()
        assert node.send_raw(b"\x02") == Sent(SendAnswer.UNKNOWN, "no answer within 0.3 s")
        assert time.monotonic() - started_s < 5.0


BROKEN = {
    "closed without a word": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half a status line": b"HTTP/1.1 2",
    "a body that ends early": headers("Content-Length: 100") + b'{"jsonrpc"',
    "chunks that end early": headers("Transfer-Encoding: chunked") + b"20\r\n{",
    "chunks without a length": headers("Transfer-Encoding: chunked") + b"zz\r\n{\r\n",
    "headers without end": headers(*(f"X-{number}: x" for number in range(200))),
    "gzip that is none": headers("Content-Encoding: gzip", "Content-Length: 4") + b"abcd",
    "gzip that ends early": headers("Content-Encoding: gzip", "Content-Length: 15") + gzip.compress(GOOD)[:15],
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_is_no_answer(how: str) -> None:
    """An answer that breaks off or is no HTTP counts as none, and signed bytes are of unknown fate."""
    with talking(lambda opened: opened.sendall(BROKEN[how])) as url, Node(url, attempts=1) as node:
        with pytest.raises(NodeUnreachable, match="the connection broke"):
            node.block_number()
        assert node.send_raw(b"\x02") == Sent(SendAnswer.UNKNOWN, "the connection broke")


GARBLED = {
    "empty": Reply(200, b""),
    "HTML": Reply(200, b"<html><body>Welcome to nginx!</body></html>"),
    "half of the JSON": Reply(200, GOOD[:-5]),
    "no UTF-8": Reply(200, b"\xff\xfe"),
    "lists without end": Reply(200, b"[" * 1_000_000),
    "deep nesting": Reply(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a list": Reply(200, b"[1, 2]"),
    "null": Reply(200, b"null"),
    "neither result nor error": Reply(200, b'{"jsonrpc": "2.0", "id": ID}'),
    "another id": Reply(200, b'{"jsonrpc": "2.0", "id": 1234567, "result": "0x7"}'),
    "no id": Reply(200, b'{"jsonrpc": "2.0", "result": "0x7"}'),
    "not allowed": Reply(401, b"who are you"),
    "not found": Reply(404, GOOD),
    "moved": Reply(301, b"", {"Location": "http://127.0.0.1:1/"}),
    "moved for now": Reply(307, b"", {"Location": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize("how", GARBLED)
def test_a_garbled_answer_is_refused_and_of_unknown_meaning(how: str) -> None:
    """What is not JSON-RPC is refused for a read and of unknown meaning for a send, and is asked once."""
    asked: list[str] = []
    with answering(lambda method, _: asked.append(method) or GARBLED[how]) as url, Node(url) as node:  # type: ignore[func-returns-value]
        with pytest.raises(NodeRefused, match=r"^node refused eth_blockNumber: "):
            node.block_number()
        assert node.send_raw(b"\x02").answer is SendAnswer.UNKNOWN
    assert asked == ["eth_blockNumber", "eth_sendRawTransaction"]


@pytest.mark.parametrize("status", [400, 403, 413, 429, 500, 503])
def test_a_json_rpc_error_below_an_http_error_is_read(status: int) -> None:
    """A JSON-RPC error that comes with an HTTP error status is understood all the same."""
    body = b'{"jsonrpc": "2.0", "id": ID, "error": {"code": -32000, "message": "already known"}}'
    with answering(lambda *_: Reply(status, body)) as url, Node(url) as node:
        assert node.send_raw(b"\x02") == Sent(SendAnswer.ALREADY_KNOWN, "already known (code -32000)")


def test_an_error_without_an_id_is_read() -> None:
    """An error to a question whose id the node could not read (JSON-RPC 2.0, section 5) is an error all the same."""
    body = b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "parse error"}}'
    with answering(lambda *_: Reply(200, body)) as url, Node(url) as node, pytest.raises(NodeRefused) as refused:
        node.block_number()
    assert (refused.value.code, refused.value.reason) == (-32700, "parse error")


HUGE: dict[str, Callable[[], Reply]] = {
    "announced": lambda: Reply(200, b"{", {"Content-Length": str(10**12)}),
    "packed": lambda: Reply(200, gzip.compress(b" " * (65 * MIB), 1), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("how", HUGE)
def test_an_answer_without_end_is_refused(how: str) -> None:
    """An answer above the bound is refused before it is read, also one that only unpacks to so much."""
    reply = HUGE[how]()
    with answering(lambda *_: reply) as url, Node(url) as node:
        with pytest.raises(NodeRefused, match="answered more than 67,108,864 bytes"):
            node.block_number()
        assert node.send_raw(b"\x02").answer is SendAnswer.UNKNOWN


def test_packed_and_chunked_answers_are_read() -> None:
    """A node may pack its answers with gzip and send them in chunks."""
    ask_id: list[bytes] = []

    def talk(opened: socket.socket) -> None:
        packed = gzip.compress(GOOD.replace(b"ID", ask_id[0]))
        parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (packed[:7], packed[7:]))
        opened.sendall(headers("Transfer-Encoding: chunked", "Content-Encoding: gzip") + parts + b"0\r\n\r\n")

    with talking(talk) as url, Node(url) as node:
        ask_id.append(b"3")  # after the two questions of a new connection
        assert node.block_number() == 7


def test_a_terminal_obeys_nothing_that_a_node_says() -> None:
    """Control characters in a node's words become spaces, and the words are cut short."""
    error = {"code": 1, "message": "no\x1b[2J\nway\u202e" + 400 * "x"}
    body = b'{"jsonrpc": "2.0", "id": ID, "error": %s}' % json.dumps(error).encode()
    with answering(lambda *_: Reply(200, body)) as url, Node(url) as node, pytest.raises(NodeRefused) as refused:
        node.block_number()
    assert refused.value.reason.startswith("no [2J way xxx")
    assert len(refused.value.reason) == 300


def test_asking_leaves_the_recursion_limit_as_it_was() -> None:
    """The libraries that are imported to ask a node leave Python's protection against deep recursion in place."""
    check = (
        "import sys; limit = sys.getrecursionlimit()\n"
        "from chainwallet.rpc import wire; wire.load(); sys.exit(sys.getrecursionlimit() != limit)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0


# ------------------------------------------------------------------------------------------------ busy nodes


def test_retry_after_is_honoured_up_to_a_bound() -> None:
    """A busy node is asked again after the pause that it asks for, and never after more than the bound."""
    busy = b'{"jsonrpc": "2.0", "id": ID, "error": {"code": -32005, "message": "rate limit", "data": %s}}'
    answers = [
        Reply(429, b"", {"Retry-After": "3"}),
        Reply(200, busy % b'{"rate": {"backoff_seconds": 2.5}}'),
        Reply(503, b"", {"Retry-After": "86400"}),
        Reply(429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        result("0x7"),
    ]
    pauses: list[float] = []
    with answering(lambda *_: answers.pop(0)) as url, Node(url, attempts=5, sleep_s=pauses.append) as node:
        assert node.block_number() == 7
    assert pauses == [3.0, 2.5, 10.0, 0.8]


def test_no_pause_goes_beyond_the_deadline() -> None:
    """A question is given up at once where the pause that a node asks for would end after the question's deadline."""
    pauses: list[float] = []
    busy = Reply(429, b"", {"Retry-After": "2"})
    with (
        answering(lambda *_: busy) as url,
        Node(url, question_s=1.9, sleep_s=pauses.append) as node,
        pytest.raises(NodeUnreachable, match="HTTP 429 Too Many Requests"),
    ):
        node.block_number()
    assert pauses == []


def test_a_question_is_over_at_its_deadline() -> None:
    """All attempts of a question together end at its deadline, however many are left."""
    with talking(in_silence) as url, Node(url, timeout_s=0.2, attempts=100, question_s=0.7) as node:
        started_s = time.monotonic()
        with pytest.raises(NodeUnreachable):
            node.block_number()
        assert time.monotonic() - started_s < 5.0


# ------------------------------------------------------------------------------------------------ connections


def test_a_connection_is_used_again() -> None:
    """Questions one after the other share one connection, which tells once which chain it leads to."""
    asked: list[str] = []

    def answer(method: str, params: list[object]) -> Reply:
        asked.append(method)
        return result({"hash": "0x" + "07" * 32} if params else "0x7")

    with answering(answer, chain=None) as url, Node(url) as node:
        for _ in range(3):
            assert node.block_number() == 7
    assert asked == ["eth_chainId", "eth_getBlockByNumber"] + ["eth_blockNumber"] * 3


def test_threads_share_a_node() -> None:
    """Threads ask one node at the same time, each over a connection of its own, and each gets its own answers."""
    together = threading.Barrier(4, timeout=10)

    def answer(_: str, params: list[str]) -> Reply:
        together.wait()
        return result(params[0])

    found: list[tuple[int, int]] = []
    with answering(answer) as url, Node(url) as node:

        def ask(number: int) -> None:
            who = Address(number.to_bytes(20, "big"))
            found.extend((number, node.balance_wei(who)) for _ in range(5))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(found) == 20
    assert all(number == balance for number, balance in found)


def test_a_connection_that_the_node_closed_meanwhile_is_not_used() -> None:
    """Signed bytes never go over a connection that the node has closed: their fate would be unknown for nothing."""
    talks, closed = 0, threading.Event()

    def talk(opened: socket.socket) -> None:
        nonlocal talks
        talks += 1
        body = GOOD.replace(b"ID", b"%d" % (3 * talks))
        opened.sendall(headers(f"Content-Length: {len(body)}") + body)
        opened.shutdown(socket.SHUT_RDWR)
        closed.set()

    with talking(talk) as url, Node(url, attempts=1) as node:
        for _ in range(20):
            assert node.block_number() == 7
            assert closed.wait(10)
            closed.clear()
    assert talks == 20


# ------------------------------------------------------------------------------------------------ TLS and proxies


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 and for node.test that nobody else vouches for, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chainwallet tests")])
    names: list[x509.GeneralName] = [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("node.test")]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "node.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_must_be_of_a_known_authority(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over https nothing is sent to a node whose certificate no known authority vouches for."""
    with answering(lambda *_: result("0x7"), tls=tls) as url:
        with Node(url, attempts=1) as node, pytest.raises(NodeUnreachable, match="TLS: self-signed certificate"):
            node.send_raw(b"\x02")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Node(url, attempts=1) as node:
            assert node.block_number() == 7
        elsewhere = Node(url.replace("127.0.0.1", "localhost"), attempts=1)
        with elsewhere, pytest.raises(NodeUnreachable, match="TLS: Hostname mismatch"):
            elsewhere.block_number()


def test_a_node_elsewhere_is_asked_through_the_proxy_of_the_environment(
    certificate: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node elsewhere is asked through the proxy that the environment names, https through a tunnel, with passwords
    told only to whom they belong.
    """
    seen: list[tuple[str, str]] = []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with answering(lambda *_: result("0x7"), tls=tls, proxies=True, saw=lambda *it: seen.append(it)) as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.replace("//", "//pat:secret@"))
        with Node("http://node.test:8545/v3/KEY?naïve=ß%20") as node:
            assert node.block_number() == 7
        with Node("https://ana:pass@node.test/v3/KEY") as node:
            assert node.block_number() == 7
    pat, ana = "Basic cGF0OnNlY3JldA==", "Basic YW5hOnBhc3M="
    assert [seen[0], *seen[3:5]] == [
        ("POST http://node.test:8545/v3/KEY?na%C3%AFve=%C3%9F%20 HTTP/1.1", pat),
        ("CONNECT node.test:443 HTTP/1.0", pat),
        ("POST /v3/KEY HTTP/1.1", ana),
    ]
