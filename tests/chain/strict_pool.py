"""The replacement rule of geth's pool, for tests of fee bumps: Anvil itself takes a replacement one wei higher.

    bench.ask("evm_setAutomine", False)          # transactions stay in the pool
    proxy.rule = StrictPool(bench.url)           # a FaultProxy that judges as geth does
    Node(proxy.url).send_raw(first)              # ACCEPTED
    Node(proxy.url).send_raw(one_wei_higher)     # UNDERPRICED; Anvil never sees it
    Node(proxy.url).send_raw(ten_percent_more)   # ACCEPTED, and Anvil replaces the first
    bench.ask("evm_mine")                        # the replacement is mined

Source: go-ethereum ``core/txpool/legacypool/list.go`` (``list.Add``) and ``core/txpool/errors.go``.
"""

import threading
from dataclasses import dataclass, field

import rlp
from eth_account import Account

from tests.conftest import ask

PRICE_BUMP_PERCENT = 10  # geth --txpool.pricebump
UNDERPRICED = (-32000, "replacement transaction underpriced")


@dataclass(frozen=True)
class Offer:
    """What a transaction in the pool pays."""

    raw: str
    max_fee_wei: int
    tip_wei: int

    def is_replaced_by(self, other: "Offer") -> bool:
        """Both fees must be higher, and by the bump at least."""
        pairs = ((self.max_fee_wei, other.max_fee_wei), (self.tip_wei, other.tip_wei))
        return all(new > old and new * 100 >= old * (100 + PRICE_BUMP_PERCENT) for old, new in pairs)


@dataclass
class StrictPool:
    """The pool in front of the node at ``url``: the transactions that it let through and that are not mined yet."""

    url: str
    _offers: dict[tuple[str, int], Offer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(self, raw: str) -> tuple[int, str] | None:
        """``UNDERPRICED`` for a replacement that pays too little more; None for everything else."""
        try:
            sender = str(Account.recover_transaction(raw))
            values = rlp.decode(bytes.fromhex(raw[4:]))
        except Exception:
            return None
        nonce, tip_wei, max_fee_wei = (int.from_bytes(value) for value in values[1:4])
        offer = Offer(raw, max_fee_wei, tip_wei)
        with self._lock:
            held = self._offers.get((sender, nonce))
            if held is None or held.raw == raw or self._is_mined(sender, nonce) or held.is_replaced_by(offer):
                self._offers[sender, nonce] = offer
                return None
        return UNDERPRICED

    def _is_mined(self, sender: str, nonce: int) -> bool:
        return int(str(ask(self.url, "eth_getTransactionCount", sender, "latest")), 16) > nonce
