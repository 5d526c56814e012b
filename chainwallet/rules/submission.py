"""The life of a submission: one transaction of ours on its way to the chain.

A submission is stored before anything is signed, and its signed bytes before they are sent. It may be signed several
times, always with the same nonce, so that at most one of its attempts is ever mined. The answer to a send tells
nothing: a receipt as deep as was asked for ends it, or its nonce used, as deep as that, by none of its attempts. The
table below is all there is; every other pair of stage and event is refused by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, Receipt


@dataclass(frozen=True)
class Attempt:
    """One signed transaction. All attempts of a submission share its nonce; fees are wei for each unit of gas."""

    tx: Hash32
    raw: bytes
    gas_limit: int
    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int
    signed_at_s: int


# ------------------------------------------------------------------------------------------------ stages


@dataclass(frozen=True)
class Queued:
    """Stored; nothing is signed, no nonce is taken."""


@dataclass(frozen=True)
class Signed:
    """The last attempt is stored; whether it was ever sent is unknown after a crash, so it is sent again."""


@dataclass(frozen=True)
class Sent:
    """A node has taken the last attempt, or its answer left that open: the chain is asked for receipts."""


@dataclass(frozen=True)
class Mined:
    """One of the attempts is in a block; confirmations are missing. ``reason`` says why where it reverted."""

    tx: Hash32
    block: BlockNumber
    block_hash: Hash32
    gas_used: int
    contract: Address | None
    reason: str
    """Empty where it succeeded."""


@dataclass(frozen=True)
class Final:
    """The chain carried it out, as deep as was asked for."""

    tx: Hash32
    block: BlockNumber
    block_hash: Hash32
    gas_used: int
    contract: Address | None


@dataclass(frozen=True)
class Failed:
    """It has no effect; ``reason`` is for a person. It was never signed (``tx`` is None), or it reverted for good."""

    tx: Hash32 | None
    reason: str


@dataclass(frozen=True)
class Conflict:
    """Its nonce was used, for good, by a transaction that is none of its attempts. A person must look why."""

    reason: str


Stage = Queued | Signed | Sent | Mined | Final | Failed | Conflict

UNDER_WAY = (Signed, Sent, Mined)
"""Signed bytes may be anywhere, and nothing final is known of them."""
UNFINISHED = (Queued, *UNDER_WAY)

Kind = Literal["call", "payments"]
"""``payments``: a batch that is packed anew from its promises when it is signed; ``call``: its data is fixed."""


@dataclass(frozen=True)
class Submission:
    """One transaction of ours.

    ``key`` is its idempotency key on ``chain``: the same key is the same submission until that has ended without
    effect. ``attempts`` are read, oldest first, while it is unfinished. ``waits`` says to a person what it waits for.
    """

    id: int
    chain: str
    key: str
    kind: Kind
    sender: Address
    to: Address | None
    data: bytes
    stage: Stage
    nonce: int | None = None
    attempts: tuple[Attempt, ...] = ()
    sent_at_s: int = 0
    """When bytes of it last went to a node."""
    waits: str = ""

    @property
    def is_under_way(self) -> bool:
        """Its signed bytes may be anywhere, and nothing final is known of what became of them."""
        return isinstance(self.stage, UNDER_WAY)

    @property
    def progress(self) -> object:
        """What changes only when it comes nearer to its end: sending or signing again is no progress."""
        return Sent() if isinstance(self.stage, Signed) else self.stage

    @property
    def is_cancel(self) -> bool:
        """It makes nonces useless and does nothing else: it may be signed while nothing else may."""
        return self.key.startswith(CANCEL)


CANCEL = "cancel:"
"""What the keys of submissions begin with that make nonces useless and do nothing else."""

Deliver = Callable[[Sequence[int]], tuple[Final, ...]]
"""Carries the stored submissions with these ids to the chain and answers when all are final."""

# ------------------------------------------------------------------------------------------------ what happens to it


@dataclass(frozen=True)
class WasSigned:
    """An attempt was signed with this nonce, and is stored together with this event."""

    nonce: int
    attempt: Attempt


@dataclass(frozen=True)
class WasSent:
    """The last attempt went to a node, which answered with these words: a hint."""

    answer: str


@dataclass(frozen=True)
class WasRefused:
    """The simulation refused it before anything was signed."""

    reason: str


@dataclass(frozen=True)
class WasMined:
    """A receipt of an attempt was found; ``reason`` says why where it reverted."""

    receipt: Receipt
    reason: str


@dataclass(frozen=True)
class WasConfirmed:
    """The block with its receipt is as deep as was asked for, and still the same."""


@dataclass(frozen=True)
class WasReorged:
    """The block with its receipt is no longer on the chain: it is sent again."""

    reason: str


@dataclass(frozen=True)
class WasOvertaken:
    """The sender's nonce went past it, as deep as was asked for, and no attempt has a receipt."""

    reason: str


Happening = WasSigned | WasSent | WasRefused | WasMined | WasConfirmed | WasReorged | WasOvertaken

TRANSITIONS: dict[tuple[type[Stage], type[Happening]], type[Stage]] = {
    (Queued, WasSigned): Signed,
    (Queued, WasRefused): Failed,
    (Signed, WasSent): Sent,
    (Signed, WasMined): Mined,  # sent before a crash, mined before we looked again
    (Signed, WasOvertaken): Conflict,
    (Sent, WasSent): Sent,  # the same bytes again
    (Sent, WasSigned): Signed,  # the same nonce with higher fees
    (Sent, WasMined): Mined,
    (Sent, WasOvertaken): Conflict,
    (Mined, WasConfirmed): Final,
    (Mined, WasReorged): Sent,
    (Final, WasReorged): Sent,  # a reorg deeper than was asked for
    (Failed, WasReorged): Sent,  # its revert was undone
}
"""What may happen in a stage, and where it leads; ``WasConfirmed`` leads to ``Failed`` where it reverted."""


def after(stage: Stage, happening: Happening) -> Stage:
    """The stage that follows; raises ``BadValue`` for a pair that is not in ``TRANSITIONS``."""
    if (type(stage), type(happening)) not in TRANSITIONS:
        pairs = f"one of {sorted(s.__name__ for s, h in TRANSITIONS if h is type(happening))}"
        raise BadValue(f"stage for {type(happening).__name__}", type(stage).__name__, pairs)
    match happening:
        case WasSigned():
            return Signed()
        case WasSent() | WasReorged():
            return Sent()
        case WasRefused(reason):
            return Failed(None, reason)
        case WasMined(receipt, reason):
            return Mined(
                receipt.tx,
                receipt.block,
                receipt.block_hash,
                receipt.gas_used,
                receipt.contract,
                "" if receipt.succeeded else reason or "no reason given",
            )
        case WasConfirmed():
            assert isinstance(stage, Mined)  # noqa: S101 - the table says so; this tells the type checker
            if stage.reason:
                return Failed(stage.tx, stage.reason)
            return Final(stage.tx, stage.block, stage.block_hash, stage.gas_used, stage.contract)
        case WasOvertaken(reason):
            return Conflict(reason)
    assert_never(happening)


# ------------------------------------------------------------------------------------------------ what to do next


@dataclass(frozen=True)
class Patience:
    """How deep is deep enough, and how long is long."""

    confirmations: int
    """Blocks from the one with the receipt to the head, both counted."""
    resend_after_s: int
    """Sent bytes without receipt go out again after this time: a node may have forgotten them."""
    bump_after_s: int
    """An attempt without receipt for this time is followed by one with higher fees."""


@dataclass(frozen=True)
class Facts:
    """What one look at the chain says about one submission."""

    now_s: int
    head: BlockNumber
    spent: int = 0
    """The sender's transaction count at the last block that is as deep as was asked for, asked before the receipts."""
    receipt: Receipt | None = None
    """Of whichever attempt has one."""
    hash_there: Hash32 | None = None
    """Of a mined one: the hash of the block that is now where its receipt was; None where the node has none yet."""


@dataclass(frozen=True)
class Sign:
    """Simulate, choose nonce and fees, sign, store."""


@dataclass(frozen=True)
class Send:
    """Send these stored bytes, perhaps again."""

    attempt: Attempt


@dataclass(frozen=True)
class Bump:
    """Sign again with the same nonce and fees above those of ``attempt``; at the cap, send that again."""

    attempt: Attempt


@dataclass(frozen=True)
class Look:
    """A receipt of ours is there: note it."""

    receipt: Receipt


@dataclass(frozen=True)
class Note:
    """Store what the facts say happened."""

    happening: WasConfirmed | WasReorged | WasOvertaken


@dataclass(frozen=True)
class Wait:
    """Nothing can be done now; ``why`` is for a person."""

    why: str


@dataclass(frozen=True)
class Rest:
    """Nothing is left to do."""


Step = Sign | Send | Bump | Look | Note | Wait | Rest


def next_step(submission: Submission, facts: Facts, patience: Patience) -> Step:
    """What the relayer does with ``submission``, given what the chain says."""
    match submission.stage:
        case Queued():
            return Sign()
        case Signed():
            return _unless_decided(submission, facts, patience) or Send(submission.attempts[-1])
        case Sent():
            return _unless_decided(submission, facts, patience) or _hanging(submission, facts, patience)
        case Mined(_, block, block_hash):
            if facts.hash_there is None:
                return Wait(f"the node is behind: it has no block {block} now")
            if facts.hash_there != block_hash:
                return Note(WasReorged(f"block {block} was taken back by a reorg"))
            confirmations = facts.head - block + 1
            if confirmations >= patience.confirmations:
                return Note(WasConfirmed())
            return Wait(f"{confirmations} of {patience.confirmations} confirmations")
        case Final() | Failed() | Conflict():
            return Rest()
    assert_never(submission.stage)


def _unless_decided(submission: Submission, facts: Facts, patience: Patience) -> Step | None:
    """The step where the chain shows what became of signed bytes; None where it does not."""
    if facts.receipt is not None:
        return Look(facts.receipt)
    assert submission.nonce is not None  # noqa: S101 - stored with the first attempt
    if facts.spent > submission.nonce:
        depth = f"{patience.confirmations} block" + ("s" if patience.confirmations > 1 else "")
        return Note(WasOvertaken(f"nonce {submission.nonce} was used by a transaction that is not ours, {depth} deep"))
    return None


def _hanging(submission: Submission, facts: Facts, patience: Patience) -> Step:
    last = submission.attempts[-1]
    if facts.now_s - last.signed_at_s >= patience.bump_after_s:
        return Bump(last)
    if not 0 <= facts.now_s - submission.sent_at_s < patience.resend_after_s:  # or our clock was put back
        return Send(last)
    return Wait("sent, waits for a block")
