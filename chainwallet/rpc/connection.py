"""One connection to a node: HTTP/1.1 under one deadline for the whole exchange, with a bound on what is read.

TLS is always verified. Redirects are not followed: they would carry signed bytes and keys in addresses elsewhere.
"""

import io
import select
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, cast

from chainwallet.rpc.address import NodeAddress

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES = 256 * 1024
"""Most bytes asked of the socket at once."""


class Trouble(Exception):
    """An exchange gave no answer. ``never_sent``: it ended before any of it was sent."""

    def __init__(self, reason: str, *, never_sent: bool, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.never_sent = never_sent
        self.retry_after_s = retry_after_s


class TooLarge(Exception):
    """An answer is longer than ``most_bytes``."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"answered more than {most_bytes:,} bytes")


class Deadline:
    """The moment by which an exchange must be over, ``timeout_s`` from now."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._at_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds that are left; raises ``TimeoutError`` when none are."""
        left_s = self._at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def part(self, timeout_s: float) -> "Deadline":
        """A deadline ``timeout_s`` from now, and not after this one; raises ``TimeoutError`` when no time is left."""
        return Deadline(min(timeout_s, self.left_s()))


@dataclass(frozen=True)
class Reply:
    """What an HTTP server answered."""

    status: int
    reason: str
    retry_after: str
    """The header of this name (RFC 9110, section 10.2.3), empty where there is none."""
    body: bytes


class Connection:
    """An open connection to the node at ``address``; raises ``Trouble`` when there is none before ``deadline``."""

    def __init__(self, address: NodeAddress, deadline: Deadline) -> None:
        self._address = address
        self._closed = False
        self.opened_at_s = time.monotonic()
        try:
            self._http = _open(address, deadline)
            self._socket = _TimedSocket(self._http.sock)
        except TimeoutError:
            raise Trouble(f"no connection within {deadline.timeout_s:g} s", never_sent=True) from None
        except ssl.SSLError as error:
            words = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else "no secure connection"
            raise Trouble(f"TLS: {words}", never_sent=True) from None
        except socket.gaierror:
            raise Trouble("the host's name is not known", never_sent=True) from None
        except ConnectionRefusedError:
            raise Trouble("connection refused", never_sent=True) from None
        except (OSError, HTTPException, UnicodeError):
            raise Trouble("no connection", never_sent=True) from None
        self._http.sock = cast("socket.socket", self._socket)
        self._http.auto_open = 0  # a lost connection is ours to notice

    @property
    def is_usable(self) -> bool:
        """Whether it is still open and nothing has come that nobody asked for."""
        if self._closed or self._http.sock is None:
            return False
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Close it for good."""
        self._closed = True
        self._http.close()
        self._socket.end()

    def post(self, body: bytes, deadline: Deadline, most_bytes: int) -> Reply:
        """Send ``body`` and read the answer. Raises ``Trouble``, and ``TooLarge``; then the connection is closed."""
        self._socket.deadline = deadline
        address = self._address
        plain_proxy = address.proxy is not None and not address.is_secure
        target = f"http://{address.host}:{address.port}{address.target}" if plain_proxy else address.target
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip", **address.headers}
        if plain_proxy and address.proxy:
            headers |= address.proxy.headers
        try:
            self._http.request("POST", target, body, headers)
            response = self._http.getresponse()
            read = _body(response, most_bytes)
            return Reply(response.status, response.reason, response.headers.get("Retry-After", ""), read)
        except TooLarge:
            self.close()
            raise
        except TimeoutError:
            self.close()
            raise Trouble(f"no answer within {deadline.timeout_s:g} s", never_sent=False) from None
        except (OSError, HTTPException, ValueError, zlib.error):
            self.close()
            raise Trouble("the connection broke", never_sent=False) from None
        except BaseException:
            self.close()
            raise


class _Plain(HTTPConnection):
    """HTTP over a socket that is open already."""

    def __init__(self, host: str, port: int, opened: socket.socket) -> None:
        super().__init__(host, port)
        self.sock = opened


def _open(address: NodeAddress, deadline: Deadline) -> HTTPConnection:
    if address.is_secure and address.proxy:
        http = HTTPSConnection(
            address.proxy.host, address.proxy.port, timeout=deadline.left_s(), context=_tls_context()
        )
        http.set_tunnel(address.host, address.port, address.proxy.headers)
        http.connect()
        return http
    if address.proxy:
        return _Plain(address.host, address.port, _socket(address.proxy.host, address.proxy.port, deadline))
    opened = _socket(address.host, address.port, deadline)
    if address.is_secure:
        try:
            opened.settimeout(deadline.left_s())
            opened = _tls_context().wrap_socket(opened, server_hostname=address.host)
        except BaseException:
            opened.close()
            raise
    return _Plain(address.host, address.port, opened)


def _socket(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A socket to the first of the host's addresses that takes a connection."""
    error: OSError = OSError("no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        one = socket.socket(family, kind, protocol)
        try:
            one.settimeout(deadline.left_s())
            one.connect(place)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as failed:
            one.close()
            error = failed
        else:
            return one
    raise error


def _tls_context() -> ssl.SSLContext:
    """The machine's certificate authorities; where it names none, those that come with requests."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return ssl.create_default_context()
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 - few machines need it

    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


def _body(response: HTTPResponse, most_bytes: int) -> bytes:
    """The answer's bytes, unpacked where they are gzip."""
    if response.length is not None and response.length > most_bytes:
        raise TooLarge(most_bytes)
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if response.headers.get("Content-Encoding") == "gzip" else None
    parts: list[bytes] = []
    room = most_bytes
    while part := response.read(READ_BYTES):
        plain = part if unpack is None else unpack.decompress(part, room + 1)
        room -= len(plain)
        if room < 0:
            raise TooLarge(most_bytes)
        parts.append(plain)
    if response.length or (unpack is not None and not unpack.eof):
        raise HTTPException("the answer ends in the middle")
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _TimedSocket:
    """A socket whose every wait ends by one ``deadline``, so that an answer that drips in ends too."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self.deadline: Deadline | None = None

    def limit(self) -> socket.socket:
        """The socket, set to what is left until the deadline."""
        if self.deadline is not None:
            self._socket.settimeout(self.deadline.left_s())
        return self._socket

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What ``http.client`` reads an answer from."""
        return io.BufferedReader(_TimedReader(self), READ_BYTES)

    def sendall(self, data: bytes) -> None:
        """Send all of ``data`` before the deadline."""
        self.limit().sendall(data)

    def fileno(self) -> int:
        """The file descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Nothing: ``http.client`` closes before it reads a last answer."""

    def end(self) -> None:
        """Close it."""
        self._socket.close()


class _TimedReader(io.RawIOBase):
    def __init__(self, opened: _TimedSocket) -> None:
        self._opened = opened

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return self._opened.limit().recv_into(buffer)
