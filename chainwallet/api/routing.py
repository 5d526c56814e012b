"""The router of all routes: what all of them do alike.

One that is a plain function is called in a thread, once, and not for its parts: FastAPI goes to a thread for the call
and again for the check of what it returned, and each way costs more than a small request itself.

Parameters of the query that a route does not have are refused, as unknown fields of a body are, and so is one that
comes twice: FastAPI ignores the one, and of the other all but the last.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial, wraps
from typing import Any

from fastapi import APIRouter, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.responses import Response

from chainwallet.api.callers import SignedIn
from chainwallet.api.hot import Hot, HotRoutes, Ordinary
from chainwallet.api.openapi import scope_of

THREADS = 128
"""So many requests are worked on at once: as many as the store writes in one transaction."""


class Route(APIRoute):
    """A route whose plain function is called in a thread of the loop's executor, and that knows its parameters."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint if inspect.iscoroutinefunction(endpoint) else _threaded(endpoint), **settings)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request. It raises ``RequestValidationError`` for parameters that the route does not have; who
        may not use the route is told that first.
        """
        handle, may_use = super().get_route_handler(), scope_of(self)
        query = [field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, Query)]

        async def handle_known(request: Request) -> Response:
            wrong = _wrong_parameters(request, query) if request.scope["query_string"] else []
            if wrong:
                if may_use is not None:
                    await may_use(request)
                raise RequestValidationError(wrong)
            return await handle(request)

        return handle_known


class Router(APIRouter):
    """A router of such routes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(route_class=Route, **settings)
        self.hot: dict[tuple[str, str], Hot] = {}

    def shortcut(
        self, method: str, path: str, signed_in: SignedIn, ordinary: Ordinary
    ) -> Callable[[Callable[..., Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
        """Makes the function of the route at ``path`` a hot one."""

        def marked(answer: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
            self.hot[method, path] = Hot(path, signed_in, ordinary, answer)
            return answer

        return marked


def hot_routes_of(router: APIRouter) -> HotRoutes:
    """Those of ``router``; none where it is one of the framework's own."""
    return router.hot if isinstance(router, Router) else {}


def _wrong_parameters(request: Request, query: Sequence[str]) -> list[dict[str, object]]:
    wrong: list[dict[str, object]] = []
    seen = set()
    for name, value in request.query_params.multi_items():
        if name not in query:
            limit = f"one of this route's parameters: {', '.join(query)}" if query else "a route that has parameters"
            wrong.append({"type": "extra_forbidden", "loc": ("query", name), "msg": limit, "input": value})
        elif name in seen:
            wrong.append({"type": "given_twice", "loc": ("query", name), "msg": "given once", "input": value})
        seen.add(name)
    return wrong


def _threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def in_thread(**given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(endpoint, **given))

    return in_thread
