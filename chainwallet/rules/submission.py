"""The life of a submission: one transaction of ours on its way to the chain.

A submission is stored before anything is signed, its signed bytes are stored before they are sent, and only a receipt
ends it. The table below is all there is; every other pair of stage and event is refused by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, Receipt


@dataclass(frozen=True)
class Queued:
    """Stored; nothing is signed, no nonce is taken."""


@dataclass(frozen=True)
class Signed:
    """The signed bytes are stored; whether they were ever sent is unknown after a crash, so they are sent again."""

    nonce: int
    tx: Hash32
    raw: bytes


@dataclass(frozen=True)
class Sent:
    """A node has taken the bytes, or its answer left that open: the chain is asked for the receipt."""

    nonce: int
    tx: Hash32
    raw: bytes


@dataclass(frozen=True)
class Mined:
    """The chain carried it out."""

    tx: Hash32
    block: BlockNumber
    gas_used: int
    contract: Address | None


@dataclass(frozen=True)
class Failed:
    """It can have no effect any more; ``reason`` is for a person.

    It was never signed (``tx`` is None), or it reverted, or its nonce is finally another transaction's.
    """

    tx: Hash32 | None
    reason: str


Stage = Queued | Signed | Sent | Mined | Failed


@dataclass(frozen=True)
class Submission:
    """One transaction of ours.

    ``key`` is its idempotency key on ``chain``: the same key is the same submission until that has failed.
    """

    id: int
    chain: str
    key: str
    sender: Address
    to: Address | None
    data: bytes
    stage: Stage

    @property
    def is_under_way(self) -> bool:
        """Its signed bytes may be anywhere, and nothing is known of what became of them."""
        return isinstance(self.stage, Signed | Sent)


Deliver = Callable[[Sequence[int]], tuple[Mined, ...]]
"""Carries the stored submissions with these ids to the chain and answers when all are mined."""

# ------------------------------------------------------------------------------------------------ what happens to it


@dataclass(frozen=True)
class WasSigned:
    """Bytes were signed with this nonce, and are stored together with this event."""

    nonce: int
    tx: Hash32
    raw: bytes


@dataclass(frozen=True)
class WasSent:
    """The bytes went to a node."""


@dataclass(frozen=True)
class WasRefused:
    """The node's simulation refused it before anything was signed."""

    reason: str


@dataclass(frozen=True)
class WasMined:
    """A receipt was found; ``reason`` says why where it reverted."""

    receipt: Receipt
    reason: str


@dataclass(frozen=True)
class WasDisplaced:
    """A final block of the chain has another transaction with its sender and nonce: it can never be mined."""


Happening = WasSigned | WasSent | WasRefused | WasMined | WasDisplaced

TRANSITIONS: dict[tuple[type[Stage], type[Happening]], type[Stage]] = {
    (Queued, WasSigned): Signed,
    (Queued, WasRefused): Failed,
    (Signed, WasSent): Sent,
    (Signed, WasMined): Mined,  # sent before a crash, mined before we looked again
    (Sent, WasMined): Mined,
    (Sent, WasDisplaced): Failed,
}
"""What may happen in a stage, and where it leads; ``WasMined`` leads to ``Failed`` where the receipt says reverted."""


def after(stage: Stage, happening: Happening) -> Stage:
    """The stage that follows; raises ``BadValue`` for a pair that is not in ``TRANSITIONS``."""
    if (type(stage), type(happening)) not in TRANSITIONS:
        pairs = f"one of {sorted(s.__name__ for s, h in TRANSITIONS if h is type(happening))}"
        raise BadValue(f"stage for {type(happening).__name__}", type(stage).__name__, pairs)
    match happening:
        case WasSigned(nonce, tx, raw):
            return Signed(nonce, tx, raw)
        case WasSent():
            assert isinstance(stage, Signed)  # noqa: S101 - the table says so; this tells the type checker
            return Sent(stage.nonce, stage.tx, stage.raw)
        case WasRefused(reason):
            return Failed(None, reason)
        case WasMined(receipt, reason):
            if not receipt.succeeded:
                return Failed(receipt.tx, reason)
            return Mined(receipt.tx, receipt.block, receipt.gas_used, receipt.contract)
        case WasDisplaced():
            assert isinstance(stage, Sent)  # noqa: S101 - as above
            return Failed(stage.tx, f"its nonce {stage.nonce} was used by another transaction of the sender")
    assert_never(happening)


# ------------------------------------------------------------------------------------------------ what to do next


@dataclass(frozen=True)
class Sign:
    """Choose nonce and fees, simulate, sign, store."""


@dataclass(frozen=True)
class Broadcast:
    """Send ``raw``, then ask for the receipt of ``tx``."""

    tx: Hash32
    raw: bytes


@dataclass(frozen=True)
class AskReceipt:
    """Ask the chain what became of ``tx``."""

    tx: Hash32
    raw: bytes


@dataclass(frozen=True)
class Rest:
    """Nothing is left to do."""


Step = Sign | Broadcast | AskReceipt | Rest


def next_step(stage: Stage) -> Step:
    """What the relayer does with a submission in ``stage``."""
    match stage:
        case Queued():
            return Sign()
        case Signed(_, tx, raw):
            return Broadcast(tx, raw)
        case Sent(_, tx, raw):
            return AskReceipt(tx, raw)
        case Mined() | Failed():
            return Rest()
    assert_never(stage)


def next_nonce(stored: int | None, on_chain: int) -> int:
    """The nonce for a sender's next transaction: above every stored one, and never one the chain has seen.

    ``stored`` is the highest nonce in stored signed bytes, ``on_chain`` the account's transaction count.
    """
    return on_chain if stored is None else max(stored + 1, on_chain)
