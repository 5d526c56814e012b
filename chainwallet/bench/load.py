"""Load: many clients of the HTTP service, in a process of their own that needs little of the machine.

Each client has a connection, asks, waits for the answer and asks again. HTTP is written and read by hand: a library
would take as long for an answer as the service.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

PATIENCE_S = 30  # for an answer
MOST_NOTES = 5  # of what went wrong
MOST_MINOR = 100  # of one payment; the least is 1


@dataclass(frozen=True)
class Person:
    """Somebody with an account: a handle, and the token of a session."""

    handle: str
    token: str


@dataclass
class Tally:
    """What the answers to one kind of requests were."""

    took_s: list[float] = field(default_factory=list)
    """Of those that succeeded."""
    failed: list[int] = field(default_factory=list)
    """The numbers of the others."""
    notes: list[str] = field(default_factory=list)

    def wrong(self, number: int, what: str) -> None:
        """Counts a request that did not succeed."""
        self.failed.append(number)
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"request {number}: {what}")


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._needs = 0  # so many bytes are a whole answer; 0 while that is not known
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # it is one, and not by its class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"the connection was closed: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._needs:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            _, _, length = head.partition(b"\r\ncontent-length:")
            self._needs = end + 4 + int(length.partition(b"\r\n")[0])
        if len(self._buffer) < self._needs or self._answer is None or self._answer.done():
            return
        status, body = int(self._buffer[9:12]), self._buffer[self._buffer.find(b"\r\n\r\n") + 4 :]
        self._buffer, self._needs = b"", 0
        self._answer.set_result((status, body))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; raises ``ConnectionError``."""
        assert self._transport is not None  # noqa: S101 - it was made
        if self._transport.is_closing():
            raise ConnectionError("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@dataclass(frozen=True)
class Ordered:
    """What the payment with some number is; ``payer`` and ``payee`` say who of the people."""

    id: str
    payer: int
    payee: int
    minor: int


def ordered(number: int, people: int) -> Ordered:
    """The payment with this number: each payee is another at each round."""
    turn, who = divmod(number, people)
    return Ordered(f"bench-{number}", who, (who + 1 + turn % (people - 1)) % people, 1 + number % MOST_MINOR)


@dataclass(frozen=True)
class Load:
    """``connections`` clients of the service at ``url``, who ask in the names of ``people`` by turns."""

    url: str
    people: list[Person]
    currency: str
    connections: int

    def payments(self, number: int) -> bytes:
        """The request for the payment with this number."""
        one = ordered(number, len(self.people))
        amount = {"amount": f"{one.minor // 100}.{one.minor % 100:02}", "currency": self.currency}
        payee = f"@{self.people[one.payee].handle}"
        body = json.dumps({"id": one.id, "payee": payee, "amount": amount, "memo": "bench"}).encode()
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return self._request("POST", "/v1/payments", self.people[one.payer], head) + body

    def reads(self, number: int) -> bytes:
        """The request for somebody's balances, or by turns for the latest page of their history."""
        turn, which = divmod(number, 2)
        path = ("/v1/balances", "/v1/history?limit=20")[which]
        return self._request("GET", path, self.people[turn % len(self.people)])

    def _request(self, method: str, path: str, who: Person, head: str = "") -> bytes:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(self.url).netloc}\r\n"
            f"Authorization: Bearer {who.token}\r\n{head}\r\n"
        ).encode()

    async def put_on(
        self, request: Callable[[int], bytes], wanted: int, seconds: float, per_s: int | None = None
    ) -> dict[str, Any]:
        """Asks for ``seconds``, each time with the next ``request``; ``wanted`` is the status of a success.

        At most ``per_s`` times a second; None: as often as there are answers.
        """
        tally, numbers = Tally(), iter(range(sys.maxsize))
        began_s, began_cpu_s = time.monotonic(), time.process_time()

        async def client() -> None:
            connection = await self._connected()
            while time.monotonic() < began_s + seconds:
                number = next(numbers)
                if per_s is not None:
                    await asyncio.sleep(began_s + number / per_s - time.monotonic())
                asked_s = time.monotonic()
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        status, body = await connection.ask(request(number))
                except (OSError, TimeoutError) as error:
                    tally.wrong(number, str(error) or type(error).__name__)
                    connection.close()
                    connection = await self._connected()
                    continue
                if status == wanted:
                    tally.took_s.append(time.monotonic() - asked_s)
                else:
                    tally.wrong(number, f"{status} {body.decode('utf-8', 'replace')}")
            connection.close()

        await asyncio.gather(*(client() for _ in range(self.connections)))
        lasted_s = time.monotonic() - began_s
        took_s = sorted(tally.took_s)
        return {
            "count": len(took_s),
            "began_s": began_s,
            "per_s": len(took_s) / lasted_s,
            "p50_s": took_s[len(took_s) // 2] if took_s else 0.0,
            "p99_s": took_s[len(took_s) * 99 // 100] if took_s else 0.0,
            "errors": len(tally.failed),
            "failed": tally.failed,
            "notes": tally.notes,
            "load_cpu_s": time.process_time() - began_cpu_s,
        }

    async def _connected(self) -> _Connection:
        where, loop = urlsplit(self.url), asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, str(where.hostname), where.port or 0)
        return connection


def run(kind: str, seconds: float, told: str) -> dict[str, Any]:
    """Puts ``kind`` of load on the service that ``told``, a JSON object, describes; what came of it.

    ``both`` kinds come at the same time, each at most ``per_s`` times a second.
    """
    asked = json.loads(told)
    people = [Person(**one) for one in asked["people"]]
    load = Load(asked["url"], people, asked["currency"], asked["connections"])
    kinds = {"payments": (load.payments, 202), "reads": (load.reads, 200)}

    async def both() -> dict[str, Any]:
        wanted = (load.put_on(*kinds[name], seconds, asked["per_s"]) for name in kinds)
        return dict(zip(kinds, await asyncio.gather(*wanted), strict=True))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(both() if kind == "both" else load.put_on(*kinds[kind], seconds))
