"""The router of all routes: one that is a plain function is called in a thread, once, and not for its parts.

FastAPI goes to a thread for the call and again for the check of what it returned; each way costs more than a small
request itself.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.responses import Response

from chainwallet.api.callers import SignedIn
from chainwallet.api.hot import Hot, HotRoutes, Ordinary

THREADS = 128
"""So many requests are worked on at once: as many as the store writes in one transaction."""


class Route(APIRoute):
    """A route whose plain function is called in a thread of the loop's executor."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint if inspect.iscoroutinefunction(endpoint) else _threaded(endpoint), **settings)


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


def _threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def in_thread(**given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(endpoint, **given))

    return in_thread
