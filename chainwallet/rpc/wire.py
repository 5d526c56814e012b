"""JSON-RPC over HTTP through web3's provider: one question, and what came of it as a value.

TLS is always verified. Redirects are not followed: they would carry signed bytes and keys in addresses elsewhere. A
node on this machine is asked directly, whatever proxy the environment names.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import SplitResult, urlsplit

from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from requests import Response, Session
    from requests.exceptions import RequestException
    from web3.types import RPCEndpoint

_CAUSES_LIMIT = 10


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


@dataclass(frozen=True)
class Garbled:
    """Something answered that is not JSON-RPC; ``code`` is the HTTP status when that tells, else 0."""

    code: int
    reason: str


@dataclass(frozen=True)
class NoAnswer:
    """Nothing answered. ``never_sent`` is True when no connection was made, so that the node cannot have the bytes."""

    reason: str
    never_sent: bool


Answer = Result | Failure | Garbled | NoAnswer


def shown_url(url: str) -> str:
    """``url`` without what may be secret: user and password, path and query (hosted nodes carry their keys there)."""
    try:
        parts = urlsplit(url.strip())
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an address that does not parse"
    if not parts.hostname:
        return f"{parts.scheme}://..." if parts.scheme else url.strip().partition("/")[0].rpartition("@")[2] + "/..."
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    more = "/..." if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{more}"


def parse_url(url: str) -> SplitResult:
    """The parts of an http or https ``url``; raises ``BadValue`` of field ``rpc`` for anything else."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(c.isspace() or not c.isprintable() for c in url):
        raise BadValue("rpc", shown_url(url), "an http:// or https:// address of a node")
    return parts


class Wire:
    """The way to the node at ``url``; every exchange ends within ``timeout_s`` seconds of silence.

    Raises ``BadValue`` for an address that is not http or https. web3 is imported at the first exchange.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        host = parse_url(url).hostname or ""
        self._url = url
        self._timeout_s = timeout_s
        self._is_local = host == "localhost" or _is_loopback(host)

    @cached_property
    def _session(self) -> "Session":
        from requests import Session  # noqa: PLC0415 - web3 takes a second to import; only the first question pays

        session = Session()
        session.trust_env = not self._is_local
        return session

    def close(self) -> None:
        """Close the connections. The wire may be used again."""
        if "_session" in self.__dict__:
            self._session.close()

    def exchange(self, method: str, params: Sequence[object], timeout_s: float | None = None) -> Answer:
        """Ask once. ``timeout_s`` replaces the wire's own for this question."""
        from requests.exceptions import HTTPError, RequestException  # noqa: PLC0415 - as above
        from web3 import HTTPProvider  # noqa: PLC0415 - as above

        limit_s = self._timeout_s if timeout_s is None else timeout_s
        provider = HTTPProvider(
            self._url,
            request_kwargs={"timeout": limit_s, "allow_redirects": False},
            session=self._session,
            exception_retry_configuration=None,
        )
        try:
            response: object = provider.make_request(cast("RPCEndpoint", method), list(params))
        except HTTPError as error:
            return NoAnswer("HTTP error", never_sent=False) if error.response is None else _of_status(error.response)
        except RequestException as error:
            return _of_trouble(error, limit_s)
        except (ValueError, RecursionError):
            return Garbled(0, "answered something that is not JSON")
        return _of_json(response)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _of_json(value: object) -> Answer:
    if not isinstance(value, dict) or ("result" not in value and value.get("error") is None):
        return Garbled(0, "answered JSON that is not JSON-RPC")
    error = value.get("error")
    if error is None:
        return Result(value["result"])
    if not isinstance(error, dict):
        return Failure(0, str(error))
    code = error.get("code")
    return Failure(code if isinstance(code, int) else 0, str(error.get("message", "")), error.get("data"))


def _of_status(response: "Response") -> Answer:
    """Some nodes put a JSON-RPC error under an HTTP error; the JSON says more."""
    try:
        answer = _of_json(response.json())
    except (ValueError, RecursionError):
        answer = Garbled(0, "")
    if isinstance(answer, Failure):
        return answer
    reason = f"HTTP {response.status_code} {response.reason}".strip()
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.status_code >= 500:
        return NoAnswer(reason, never_sent=False)
    return Garbled(response.status_code, reason)


def _of_trouble(error: "RequestException", limit_s: float) -> NoAnswer:
    """What went wrong, in words of our own: the library's name the address with its keys."""
    from requests.exceptions import ConnectTimeout, SSLError, Timeout  # noqa: PLC0415 - see Wire
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415 - see Wire

    causes = tuple(_causes(error))
    if isinstance(error, ConnectTimeout):
        return NoAnswer(f"no connection within {limit_s:g} s", never_sent=True)
    if isinstance(error, Timeout):
        return NoAnswer(f"no answer within {limit_s:g} s", never_sent=False)
    if isinstance(error, SSLError):
        verify = [cause.verify_message for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)]
        return NoAnswer("TLS: " + (verify[0] if verify else "no secure connection"), never_sent=True)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return NoAnswer("the host's name is not known", never_sent=True)
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
        return NoAnswer("connection refused" if refused else "no connection", never_sent=True)
    return NoAnswer("the connection broke", never_sent=False)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and what it wraps: as an argument, a ``reason``, a cause or a context."""
    found: list[BaseException] = [error]
    for at in range(_CAUSES_LIMIT):
        if at >= len(found):
            return
        one = found[at]
        yield one
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        found.extend(each for each in inner if isinstance(each, BaseException) and each not in found)
