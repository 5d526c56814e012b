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

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from chainwallet.evm import keccak256, to_hex
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
    """The pool in front of the node at ``url``: what it let through for each sender and nonce."""

    url: str
    _offers: dict[tuple[str, int], Offer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refusal(self, raw: str) -> tuple[int, str] | None:
        """``UNDERPRICED`` for a replacement that pays too little more; None for everything else."""
        try:
            sender = str(Account.recover_transaction(raw))
            fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        except Exception:  # whatever is wrong with it, the node says so
            return None
        place = sender, int(fields["nonce"])
        offer = Offer(raw, int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"]))
        with self._lock:
            held = self._offers.get(place)
            if held and held.raw != raw and self._is_waiting(held) and not held.is_replaced_by(offer):
                return UNDERPRICED
            self._offers[place] = offer
            return None

    def _is_waiting(self, held: Offer) -> bool:
        """Whether the node took it and has not mined it yet."""
        found = ask(self.url, "eth_getTransactionByHash", to_hex(keccak256(bytes.fromhex(held.raw[2:]))))
        return isinstance(found, dict) and found["blockNumber"] is None
