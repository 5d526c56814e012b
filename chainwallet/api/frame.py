"""The frame around all routes: request ids, the log's line, security headers, CORS, limits of rate and body.

Plain ASGI, because it runs for every request. What it refuses never reaches a route.
"""

import asyncio
import json
import logging
import random
import re
import time
import traceback
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chainwallet.api.body import Unreadable, check_json, is_json
from chainwallet.api.limits import Rates
from chainwallet.api.metrics import Metrics
from chainwallet.api.problems import Problem, problem, problem_of
from chainwallet.errors import BadValue, TooMany
from chainwallet.rules.throttle import place_of

LOG = logging.getLogger("chainwallet.api")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
CLOSE = {"Connection": "close"}  # where the rest of a body is not read
FILES_GO_TO = ("/imports", "/group-imports")
FILE_BODY_BYTES = 4_000_000
"""Most bytes in the body of a request to a path that ends with one of ``FILES_GO_TO``: JSON with a file in it."""
READING_S = 30
"""So long a body may take to arrive."""

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NOT_STORED = (b"cache-control", b"no-store")
_CORS_METHODS = b"GET, POST, PUT, PATCH, DELETE"
_CORS_HEADERS = b"authorization, content-type, idempotency-key, last-event-id, x-request-id"
_CORS_EXPOSED = b"retry-after, x-request-id, location"
_CORS_AGE_S = b"600"

_REQUEST_IDS = random.Random()  # noqa: S311 - names in a log, no secrets
Header = tuple[bytes, bytes]
Network = IPv4Network | IPv6Network


class Frame:
    """Stands around ``app``. ``origins`` may call from browsers; ``proxies`` are believed who they came for.

    The state of each request (``request.state``) has ``request_id`` and ``client``, and ``caller`` where there is one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rates: Rates,
        metrics: Metrics,
        body_bytes: int,
        origins: Sequence[str],
        proxies: Sequence[Network],
    ) -> None:
        self._app = app
        self._rates = rates
        self._metrics = metrics
        self._body_bytes = body_bytes
        self._file_bytes = max(body_bytes, FILE_BODY_BYTES)
        self._origins = frozenset(origin.encode("ascii") for origin in origins)
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        given = dict(scope["headers"])
        request_id = _request_id(given.get(b"x-request-id"))
        state = scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        state["client"] = place_of(self._client(scope, given))
        origin = given.get(b"origin")
        extra = self._headers(request_id, origin)
        status, is_whole = 0, False

        async def send_framed(message: Message) -> None:
            nonlocal status, is_whole
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[Header] = message.setdefault("headers", [])
                names = {name for name, _ in headers}
                headers.extend(header for header in extra if header[0] not in names)
            elif message["type"] == "http.response.body":
                is_whole = not message.get("more_body", False)
            await send(message)

        try:
            if origin is not None and scope["method"] == "OPTIONS" and b"access-control-request-method" in given:
                await self._preflight(origin, send_framed)
                return
            most_bytes = self._file_bytes if scope["path"].endswith(FILES_GO_TO) else self._body_bytes
            refused, receive_checked = await self._checked(given, receive, state["client"], most_bytes)
            if refused is not None:
                await refused.response(request_id)(scope, receive, send_framed)
            else:
                await self._app(scope, receive_checked, send_framed)
        except Exception as error:
            _log_failure(error, request_id)
            if status and not is_whole:
                raise  # the answer has begun: only a broken connection tells that it is not whole
            if not status:
                await failure().response(request_id)(scope, receive, send_framed)
        finally:
            took_s = time.perf_counter() - started_s
            route = getattr(scope.get("route"), "path", None)
            self._metrics.answered(scope["method"] if route else "any", route, status, took_s)
            _log(scope["method"], route, state, status, took_s)

    async def _checked(
        self, given: dict[bytes, bytes], receive: Receive, client: str, most_bytes: int
    ) -> tuple[Problem | None, Receive]:
        """What is wrong with the request before any route sees it; and from where a route reads its body."""
        try:
            self._rates.address.take(client)
        except TooMany as too_many:
            return problem_of(too_many), receive
        length, is_chunked = given.get(b"content-length"), b"transfer-encoding" in given
        if not is_chunked and (length is None or length == b"0"):
            return None, receive
        if length is not None and length.isdigit() and int(length[:20]) > most_bytes:
            return _too_large(most_bytes), receive
        try:
            async with asyncio.timeout(READING_S):
                body = await _read(receive, most_bytes)
        except TimeoutError:
            return problem("body-too-slow", f"body: expected all of it within {READING_S} s", headers=CLOSE), receive
        if body is None:
            return _too_large(most_bytes), receive
        if body and not is_json(given.get(b"content-type")):
            return problem("not-json", "Content-Type: expected application/json"), receive
        try:
            if body:
                check_json(body)
        except Unreadable as unreadable:
            return problem("broken-json", str(unreadable)), receive
        return None, _replay(body, receive)

    def _client(self, scope: Scope, given: dict[bytes, bytes]) -> str:
        """The address that the request comes from: the last in X-Forwarded-For that is no proxy of ours."""
        host = str((scope.get("client") or ("", 0))[0])
        if not self._proxies or not self._is_proxy(host):
            return host
        for forwarded in reversed(given.get(b"x-forwarded-for", b"").decode("latin-1").split(",")):
            if not forwarded.strip():
                break
            host = forwarded.strip()
            if not self._is_proxy(host):
                break
        return host

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)

    def _headers(self, request_id: str, origin: bytes | None) -> list[Header]:
        headers = [(b"x-request-id", request_id.encode("ascii")), *_SECURITY_HEADERS, _CLOSED, _NOT_STORED]
        if self._origins:
            headers.append((b"vary", b"Origin"))
        if origin is not None and origin in self._origins:
            headers.append((b"access-control-allow-origin", origin))
            headers.append((b"access-control-expose-headers", _CORS_EXPOSED))
        return headers

    async def _preflight(self, origin: bytes, send: Send) -> None:
        headers: list[Header] = [(b"content-length", b"0")]
        is_known = origin in self._origins
        if is_known:
            headers.append((b"access-control-allow-methods", _CORS_METHODS))
            headers.append((b"access-control-allow-headers", _CORS_HEADERS))
            headers.append((b"access-control-max-age", _CORS_AGE_S))
        await send({"type": "http.response.start", "status": 204 if is_known else 403, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def failure() -> Problem:
    """What is answered where the service failed."""
    return problem("internal-error", "the service failed; its log says how, under this request_id")


def _too_large(most_bytes: int) -> Problem:
    limit = f"at most {most_bytes} bytes"
    return problem("body-too-large", f"body: expected {limit}", headers=CLOSE, limit=limit)


def _request_id(given: bytes | None) -> str:
    """The caller's own id where it is one; else a new one."""
    if given is not None and REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return f"{_REQUEST_IDS.getrandbits(64):016x}"


async def _read(receive: Receive, most_bytes: int) -> bytes | None:
    """The whole body; None where it has more than ``most_bytes``."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > most_bytes:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_told = False

    async def receive_again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks that ``texts`` write (``10.0.0.0/8``); raises ``BadValue`` of ``trusted_proxies``."""
    try:
        return tuple(map(ip_network, texts))
    except ValueError as error:
        raise BadValue("trusted_proxies", ", ".join(texts), f"networks such as 10.0.0.0/8 ({error})") from None


def origins(texts: Sequence[str]) -> tuple[str, ...]:
    """``texts``, each an origin (RFC 6454) as browsers send it; raises ``BadValue`` of ``cors_origins``."""
    for text in texts:
        if not ORIGIN.fullmatch(text):
            raise BadValue("cors_origins", text, "origins such as https://shop.example, without a path")
    return tuple(texts)


def _log(method: str, route: str | None, state: dict[str, Any], status: int, took_s: float) -> None:
    """One line for a request: never its body, its query, its headers or what stands in its path.

    Written by hand, and without looking for who called: the usual ways take as long as a small request.
    """
    if not LOG.isEnabledFor(logging.INFO):
        return
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = (
        f'{{"at": "{at}", "request_id": "{state["request_id"]}", "method": {json.dumps(method)}, '
        f'"route": {json.dumps(route)}, "status": {status}, "ms": {took_s * 1000:.1f}, '
        f'"caller": {json.dumps(state.get("caller"))}}}'
    )
    LOG.handle(logging.LogRecord(LOG.name, logging.INFO, __file__, 0, line, None, None))


def _log_failure(error: Exception, request_id: str) -> None:
    """Where it failed; not what the error says, which may be somebody's secret."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    LOG.error(json.dumps({"request_id": request_id, "error": type(error).__name__, "places": places[-20:]}))
