"""The bell between API and worker: who changed something rings, and the worker looks at once instead of at its time.

A pipe that the supervisor made. Nobody depends on it: an unheard ring costs one pause of the worker.
"""

import os
from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = ("GET", "HEAD", "OPTIONS")
MOST_RINGS = 4096  # read at once; more are as good as one


def make_bell() -> tuple[int, int]:
    """Two descriptors: the one that hears and the one that rings; neither blocks."""
    hears, rings = os.pipe()
    os.set_blocking(hears, False)
    os.set_blocking(rings, False)
    return hears, rings


def ring(rings: int) -> None:
    """Rings; where nobody has listened for long, that is enough."""
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(rings, b"!")


def hear(hears: int) -> None:
    """Takes all rings until now."""
    with suppress(BlockingIOError):
        os.read(hears, MOST_RINGS)


class Ringing:
    """``app``, ringing after each answer that may have changed something."""

    def __init__(self, app: ASGIApp, rings: Callable[[], None]) -> None:
        self._app = app
        self._rings = rings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as ``app`` does."""
        if scope["type"] != "http" or scope["method"] in READING:
            await self._app(scope, receive, send)
            return

        async def send_and_ring(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                self._rings()

        await self._app(scope, receive, send_and_ring)
