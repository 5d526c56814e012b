"""A model of a chain with one ``Cash`` on it: blocks, a pool, reorgs; written by the interface, not by our rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from chainwallet.evm import Address, BlockNumber, Hash32, Receipt, keccak256

WIDTH, MAX_SLIDE, NONCE_END = 64, 1_024, 2**56  # ICash
BASE_FEE_WEI = 1_000


@dataclass(frozen=True)
class Document:
    """A payment that its payer has signed."""

    payer: Address
    payee: Address
    value: int
    ref: Hash32
    nonce: int
    valid_before: int


@dataclass(frozen=True)
class Tx:
    """A signed transaction: payments, or the cancel of one nonce, or nothing."""

    hash: Hash32
    sender: Address
    nonce: int
    fee_wei: int
    items: tuple[Document, ...] = ()
    cancels: tuple[Address, int] | None = None


@dataclass(frozen=True)
class Event:
    """``Paid`` with what its ``Transfer`` says, ``Skipped`` or ``Canceled``."""

    kind: str
    payer: Address
    nonce: int
    tx: Hash32
    payee: Address = Address(bytes(20))  # noqa: RUF009 - immutable
    value: int = 0
    ref: Hash32 = Hash32(bytes(32))  # noqa: RUF009 - as above


@dataclass(frozen=True)
class State:
    """What the chain holds after a block."""

    balances: dict[Address, int]
    used: dict[Address, frozenset[int]]
    counts: dict[Address, int]

    def is_good(self, payer: Address, nonce: int) -> bool:
        used = self.used.get(payer, frozenset())
        if nonce in used:
            return False
        if nonce >= NONCE_END:
            return True
        highest = max((one for one in used if one < NONCE_END), default=-1)
        base = max(0, highest - WIDTH + 1)
        return base <= nonce <= base + WIDTH - 1 + MAX_SLIDE


@dataclass(frozen=True)
class ModelBlock:
    number: int
    hash: Hash32
    parent: Hash32
    timestamp_s: int
    txs: tuple[Tx, ...]
    events: tuple[Event, ...]
    state: State


@dataclass
class ModelChain:
    """The chain, its pool, and its clock."""

    dice: Random
    balances: dict[Address, int]
    now_s: int = 1_000_000
    base_fee_wei: int = BASE_FEE_WEI
    blocks: list[ModelBlock] = field(default_factory=list)
    pool: dict[tuple[Address, int], Tx] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        genesis = State(dict(self.balances), {}, {})
        self.blocks.append(ModelBlock(0, self._hash(), Hash32(bytes(32)), self.now_s, (), (), genesis))

    def _hash(self) -> Hash32:
        self._made += 1
        return Hash32(keccak256(b"block" + self._made.to_bytes(8, "big")))

    @property
    def head(self) -> ModelBlock:
        return self.blocks[-1]

    def send(self, tx: Tx) -> str:
        """Takes a transaction into the pool, as geth does: known ones again, replacements only for an eighth more."""
        if tx.nonce < self.head.state.counts.get(tx.sender, 0):
            return "nonce too low"
        held = self.pool.get((tx.sender, tx.nonce))
        if held is not None and held.hash != tx.hash and tx.fee_wei * 10 < held.fee_wei * 11:
            return "underpriced"
        self.pool[tx.sender, tx.nonce] = tx
        return "taken"

    def mine(self, *, is_empty: bool = False) -> ModelBlock:
        before = self.head.state
        state = State(dict(before.balances), dict(before.used), dict(before.counts))
        events: list[Event] = []
        mined: list[Tx] = []
        for (sender, nonce), tx in () if is_empty else sorted(self.pool.items()):
            if nonce == state.counts.get(sender, 0) and tx.fee_wei >= self.base_fee_wei:
                mined.append(tx)
                state.counts[sender] = nonce + 1
                events += self._carried_out(state, tx)
        self.pool = {at: tx for at, tx in self.pool.items() if at[1] >= state.counts.get(at[0], 0)}
        head = self.head
        timestamp_s = max(head.timestamp_s + 1, self.now_s)
        block = ModelBlock(head.number + 1, self._hash(), head.hash, timestamp_s, tuple(mined), tuple(events), state)
        self.blocks.append(block)
        return block

    def _carried_out(self, state: State, tx: Tx) -> Iterable[Event]:
        timestamp_s = max(self.head.timestamp_s + 1, self.now_s)
        if tx.cancels is not None and state.is_good(*tx.cancels):
            payer, nonce = tx.cancels
            # a cancel takes its bit; like a use, it slides the window
            state.used[payer] = state.used.get(payer, frozenset()) | {nonce}
            yield Event("Canceled", payer, nonce, tx.hash)
        for item in tx.items:
            is_good = state.is_good(item.payer, item.nonce) and timestamp_s < item.valid_before
            if not is_good or state.balances.get(item.payer, 0) < item.value:
                yield Event("Skipped", item.payer, item.nonce, tx.hash)
                continue
            state.used[item.payer] = state.used.get(item.payer, frozenset()) | {item.nonce}
            state.balances[item.payer] -= item.value
            state.balances[item.payee] = state.balances.get(item.payee, 0) + item.value
            yield Event("Paid", item.payer, item.nonce, tx.hash, item.payee, item.value, item.ref)

    def reorg(self, depth: int) -> None:
        """Takes ``depth`` blocks back and mines as many others; what they carried is dropped, or waits in the pool."""
        depth = min(depth, len(self.blocks) - 1)
        gone = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        if self.dice.random() < 0.5:
            for block in gone:
                for tx in block.txs:
                    self.pool.setdefault((tx.sender, tx.nonce), tx)
        for _ in range(depth):
            self.mine(is_empty=True)

    def receipt(self, tx: Hash32, up_to: int) -> Receipt | None:
        for block in reversed(self.blocks[: up_to + 1]):
            for index, one in enumerate(block.txs):
                if one.hash == tx:
                    return Receipt(tx, BlockNumber(block.number), block.hash, True, 1, 1, None, (), index)
        return None
