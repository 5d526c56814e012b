"""The product's fault proxy, and behind it a node whose pool is full when it is told to be."""

import json
from collections import Counter
from typing import Any

from chainwallet.faults import Faults
from chainwallet.faults.proxy import _Answer

FULL = {"code": -32000, "message": "txpool is full"}  # go-ethereum core/txpool/errors.go


class FullPool(Faults):
    """While ``is_full``, every transaction that is sent alone or in a batch is refused as go-ethereum refuses it."""

    is_full = False
    refused = 0

    def _ask(self, body: bytes) -> _Answer:
        if not self.is_full or b"eth_sendRawTransaction" not in body:
            return super()._ask(body)
        question = json.loads(body)
        calls: list[dict[str, Any]] = question if isinstance(question, list) else [question]
        sent = Counter(call["method"] for call in calls)
        if sent.keys() != {"eth_sendRawTransaction"}:
            return super()._ask(body)
        self.refused += len(calls)
        told = [{"jsonrpc": "2.0", "id": call["id"], "error": FULL} for call in calls]
        return _Answer(200, json.dumps(told if isinstance(question, list) else told[0]).encode())
