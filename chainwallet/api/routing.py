"""The router of all routes: one that is a plain function is called in a thread, once, and not for its parts.

FastAPI goes to a thread for the call and again for the check of what it returned; each way costs more than a small
request itself.
"""

import asyncio
import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

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


def _threaded(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def in_thread(**given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, partial(endpoint, **given))

    return in_thread
