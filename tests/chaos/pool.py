"""The product's fault proxy, and behind it a node whose pool is full, or gets nothing new, when it is told so."""

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from chainwallet.faults import Faults
from chainwallet.faults.proxy import _Answer

FULL = {"code": -32000, "message": "txpool is full"}  # go-ethereum core/txpool/errors.go


class Pool(Faults):
    """While ``is_full``, every transaction that is sent alone or in a batch is refused as go-ethereum refuses it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_full = False
        self.refused = 0
        self._sending = 0
        self._is_held = False
        self._moved = threading.Condition()  # guards the two above

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Whoever sends a transaction waits until the end of the block; what was sent before has been answered."""
        with self._moved:
            self._is_held = True
            self._moved.wait_for(lambda: self._sending == 0)
        try:
            yield
        finally:
            with self._moved:
                self._is_held = False
                self._moved.notify_all()

    def _ask(self, body: bytes) -> _Answer:
        if b"eth_sendRawTransaction" not in body:
            return super()._ask(body)
        with self._moved:
            self._moved.wait_for(lambda: not self._is_held)
            self._sending += 1
        try:
            return self._sent(body)
        finally:
            with self._moved:
                self._sending -= 1
                self._moved.notify_all()

    def _sent(self, body: bytes) -> _Answer:
        question = json.loads(body)
        calls: list[dict[str, Any]] = question if isinstance(question, list) else [question]
        sent = Counter(call["method"] for call in calls)
        if not self.is_full or sent.keys() != {"eth_sendRawTransaction"}:
            return super()._ask(body)
        self.refused += len(calls)
        told = [{"jsonrpc": "2.0", "id": call["id"], "error": FULL} for call in calls]
        return _Answer(200, json.dumps(told if isinstance(question, list) else told[0]).encode())
