"""Time passes: blocks come twice a second, as on a chain where others are busy; they stop where they are told to."""

import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.conftest import ask

BEAT_S = 0.5


class Pulse:
    """Mines a block every ``BEAT_S`` on the node at ``url``, beside those that Anvil mines for transactions."""

    def __init__(self, url: str) -> None:
        self.url = url
        """May be changed while it is held."""
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No block comes by itself until the end of the block."""
        with self._lock:
            yield

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with self._lock, contextlib.suppress(OSError):  # a busy node; the next beat comes
                ask(self.url, "evm_mine")
