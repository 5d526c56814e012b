"""Hot routes: what apps ask for hundreds of times a second, without what the framework does for every request.

Looking through all routes and taking a request apart in general ways takes longer than the work itself. A request of
the ordinary form is handed to its route's function from here; any other, whatever is unusual or wrong about it, goes
the general way and is answered there. So the framework's word counts wherever the two could differ.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chainwallet.api.callers import SignedIn
from chainwallet.api.problems import problem_of
from chainwallet.errors import ChainwalletError

Given = dict[str, Any]
"""What a route's function is given, by the names of its parameters."""
Ordinary = Callable[[bytes, bytes], Given | None]
"""What query and body give, where they are of the ordinary form; else None."""


@dataclass(frozen=True)
class Hot:
    """The route at ``path``, for callers who have what ``signed_in`` needs.

    ``answer`` is called with the ``parts``, the ``readers``, the ``caller`` and what is ``ordinary``.
    """

    path: str
    signed_in: SignedIn
    ordinary: Ordinary
    answer: Callable[..., Awaitable[Response]]


HotRoutes = Mapping[tuple[str, str], Hot]
"""By method and path."""


class Shortcut:
    """Answers what is ordinary of ``routes``, and has ``app`` answer all else."""

    def __init__(self, app: ASGIApp, *, routes: HotRoutes) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        hot = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if hot is None:
            await self._app(scope, receive, send)
            return
        body = b""
        if scope["method"] == "POST":
            message = await receive()
            receive = _again(message, receive)
            body = message.get("body", b"")
        given = hot.ordinary(scope["query_string"], body)
        if given is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = hot  # what the log and the metrics call it
        answer = await _answer(hot, scope, given)
        await answer(scope, receive, send)


async def _answer(hot: Hot, scope: Scope, given: Given) -> Response:
    state, noted = scope["app"].state, scope["state"]
    try:
        caller = await hot.signed_in.caller(state, noted, _authorization(scope))
        return await hot.answer(parts=state.parts, readers=state.readers, caller=caller, **given)
    except ChainwalletError as error:
        return problem_of(error).response(noted["request_id"])


def _authorization(scope: Scope) -> str | None:
    """The first header of this name, as the framework has it."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), None)


def _again(message: Message, receive: Receive) -> Receive:
    """As ``receive`` was before it gave ``message``."""
    is_told = False

    async def receive_again() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return message

    return receive_again
