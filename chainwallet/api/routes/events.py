"""The stream of the caller's events (server-sent events: WHATWG HTML, section 9.2)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from chainwallet.accounts import Caller, require
from chainwallet.api.callers import bearer_token, signed_in
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts, Parts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.events import EventDocument
from chainwallet.errors import BadValue, ChainwalletError
from chainwallet.notifier import Stream
from chainwallet.rules.scope import Scope
from chainwallet.store.account_events import AccountEvent

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2_000  # how long a listener waits before it comes back
HEARTBEAT_S = 15.0
"""So often something is sent, and the listener's credentials are looked at again."""
SENDING_S = 30.0  # a listener who takes longer to read what was sent has gone, or comes back
LIFE_S = 3_600.0  # a stream ends then, and the listener comes back
MOST_EVENT_ID = 2**62

_EXAMPLE = """retry: 2000
:
id: 4711
event: payment.final
data: {"id":4711,"kind":"payment.final", ...}

"""

router = Router(tags=["events"])

_Number = Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]
LastEvent = Annotated[
    _Number | SkipJsonSchema[None],  # a header that is not sent is none, and never null
    Header(
        alias="Last-Event-ID",
        description="The last event that you have; 0 for all. A browser sends it by itself when it comes back",
        examples=["4711"],
    ),
]
After = Annotated[
    int | None,
    Query(ge=0, lt=MOST_EVENT_ID, description="As `Last-Event-ID`, for the first connection", examples=[0]),
]


@router.get(
    "/v1/events",
    response_class=Response,
    responses={
        **refusals(BadValue),
        HTTPStatus.OK: {
            "description": "Events as they happen, each with its id, kind and, as data, the document of an event",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
    },
)
async def events(
    request: Request,
    parts: GivenParts,
    caller: Annotated[Caller, Depends(signed_in("history:read"))],
    last_event_id: LastEvent = None,
    after: After = None,
) -> Response:
    """What happens to your payments, what comes in, and what is done in your groups: each event once, in the order of
    their ids, as it happens.

    What is done in groups is told to tokens with the scope `groups:read`, what you are asked for (`request.asked` and
    the like) to those with `payments:read`. Where the connection breaks, come back with the id of the last event that
    you have, and none is lost. Without one the stream begins now. A line with a colon alone is a sign of life.
    """
    last = after if last_event_id is None else int(last_event_id)
    woken, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended, and its streams with it
            loop.call_soon_threadsafe(woken.set)

    stream = await run_in_threadpool(parts.streams.open, caller.account_id, last, wake)
    token = bearer_token(request.headers.get("authorization"))
    return EventStream(parts, stream, woken, partial(_still_good, parts, token), partial(_hears, caller.scopes))


def _hears(scopes: Collection[Scope], event: AccountEvent) -> bool:
    """Whether a token with ``scopes`` is told of ``event``."""
    if event.done is None:
        return True
    return ("payments:read" if event.kind.startswith("request.") else "groups:read") in scopes


def _still_good(parts: Parts, token: str) -> None:
    """Raises ``NotSignedIn`` or ``Forbidden`` where the stream's credentials are not good any more."""
    require(parts.caller_of(token), "history:read")


class EventStream(Response):
    """The answer that goes on: ends with the connection, the credentials, the process, or its time.

    ``check`` raises where the credentials are not good any more; ``hears`` says of which events they are told.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        parts: Parts,
        stream: Stream,
        woken: asyncio.Event,
        check: Callable[[], None],
        hears: Callable[[AccountEvent], bool],
    ) -> None:
        self.status_code = HTTPStatus.OK
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})  # nginx would hold events back
        self._parts = parts
        self._stream = stream
        self._woken = woken
        self._check = check
        self._hears = hears

    async def __call__(self, _scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Sends events until the stream ends."""
        gone = asyncio.ensure_future(_gone(receive, self._woken))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            with suppress(TimeoutError, ChainwalletError):
                async for part in self._parts_of_body(gone):
                    async with asyncio.timeout(SENDING_S):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
            if not gone.done():
                async with asyncio.timeout(SENDING_S):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (OSError, TimeoutError):
            pass  # the listener has gone
        finally:
            gone.cancel()
            self._stream.close()

    async def _parts_of_body(self, gone: "asyncio.Future[None]") -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + LIFE_S
        ledgers = {cash.token: cash for cash in self._parts.chronicle.ledgers}
        yield b"retry: %d\n" % RETRY_MS  # no empty line: it belongs to the first event, and is none by itself
        while loop.time() < ends_at_s and not gone.done() and not self._parts.streams.is_closed:
            self._woken.clear()
            found = await run_in_threadpool(self._stream.take)
            if found:
                told = [event for event in found if self._hears(event)]
                yield b"".join(_written(EventDocument.of(event, ledgers)) for event in told)
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._woken.wait()
            except TimeoutError:
                await run_in_threadpool(self._check)
                yield b":\n"


async def _gone(receive: Receive, woken: asyncio.Event) -> None:
    """Returns when the listener has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    woken.set()


def _written(event: EventDocument) -> bytes:
    return f"id: {event.id}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n".encode()
