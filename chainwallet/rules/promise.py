"""The life of a promise: a document that its payer signs, from its nonce to the proof that ends it.

A promise owns one nonce for life. Nothing ends it but the chain: a final execution, a nonce that is finally gone, or a
final block past its document's time. A deeper reorg can undo any end; the table below has a recorded event for that,
and nothing else leads back from one.
"""

from dataclasses import dataclass
from typing import assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import BlockNumber, Hash32


@dataclass(frozen=True)
class Execution:
    """Where the chain carried a promise out: matched on payer, payee, value, reference and nonce."""

    tx: Hash32
    block: BlockNumber
    block_hash: Hash32


# ------------------------------------------------------------------------------------------------ stages


@dataclass(frozen=True)
class Offered:
    """The document is stored with its nonce; the payer's signature over it is not here."""


@dataclass(frozen=True)
class Queued:
    """Signed; waits for a transaction to carry it."""


@dataclass(frozen=True)
class Carried:
    """In a transaction of ours that is on its way; ``submission_id`` names it."""

    submission_id: int


@dataclass(frozen=True)
class Canceling:
    """The payer has signed that the nonce shall be useless; no transaction takes the promise up any more."""


@dataclass(frozen=True)
class Executed:
    """On the chain, in whosever transaction; confirmations are missing."""

    execution: Execution


@dataclass(frozen=True)
class Final:
    """On the chain, as deep as was asked for."""

    execution: Execution


@dataclass(frozen=True)
class Canceled:
    """Its nonce is gone without it, as deep as was asked for: it can never be carried out."""


@dataclass(frozen=True)
class Expired:
    """A block as deep as was asked for is past its document's time: this document can never be carried out."""


Stage = Offered | Queued | Carried | Canceling | Executed | Final | Canceled | Expired


def stage_name(kind: type[Stage]) -> str:
    """What a stage of this ``kind`` is called where it is stored and shown."""
    return kind.__name__.lower()


OPEN = (Offered, Queued, Carried, Canceling)
"""What may still take the payer's money, and is therefore kept back from the available balance."""
LIVE = (*OPEN, Executed)
"""What must not lose its nonce: an execution that is not final can be undone, and then goes out again."""
CARRIED_OUT = (Executed, Final)
"""What the facts show on the chain."""

# ------------------------------------------------------------------------------------------------ what happens to it


@dataclass(frozen=True)
class WasSigned:
    """The payer's signature over the document was verified and stored."""


@dataclass(frozen=True)
class WasTakenUp:
    """A submission of ours carries it from now on."""

    submission_id: int


@dataclass(frozen=True)
class WasReturned:
    """Our transaction does not carry it, or did so without effect; ``reason`` is a hint, never a fact about it."""

    reason: str


@dataclass(frozen=True)
class WasRenewed:
    """The document was made again with a later time, under the same nonce."""

    reason: str


@dataclass(frozen=True)
class WasWithdrawn:
    """The payer asked for a cancel of the nonce."""


@dataclass(frozen=True)
class WasExecuted:
    """The facts show its execution."""

    execution: Execution


@dataclass(frozen=True)
class WasConfirmed:
    """Its execution is as deep as was asked for."""


@dataclass(frozen=True)
class WasCanceled:
    """The facts show its nonce used otherwise, cancelled or overtaken, as deep as was asked for."""

    reason: str


@dataclass(frozen=True)
class WasOutlived:
    """The facts show no execution up to a block, as deep as was asked for, that is past the document's time."""

    reason: str


@dataclass(frozen=True)
class WasUndone:
    """A reorg took away what the facts showed."""

    reason: str


Happening = (
    WasSigned
    | WasTakenUp
    | WasReturned
    | WasRenewed
    | WasWithdrawn
    | WasExecuted
    | WasConfirmed
    | WasCanceled
    | WasOutlived
    | WasUndone
)

TRANSITIONS: dict[tuple[type[Stage], type[Happening]], type[Stage]] = {
    (Offered, WasSigned): Queued,
    (Offered, WasRenewed): Offered,
    (Offered, WasWithdrawn): Canceling,
    (Offered, WasExecuted): Executed,  # an owner who signs elsewhere may deliver it too
    (Offered, WasCanceled): Canceled,
    (Offered, WasOutlived): Expired,
    (Queued, WasTakenUp): Carried,
    (Queued, WasReturned): Queued,  # set aside
    (Queued, WasRenewed): Offered,
    (Queued, WasWithdrawn): Canceling,
    (Queued, WasExecuted): Executed,
    (Queued, WasCanceled): Canceled,
    (Queued, WasOutlived): Expired,
    (Carried, WasReturned): Queued,
    (Carried, WasWithdrawn): Canceling,
    (Carried, WasExecuted): Executed,
    (Carried, WasCanceled): Canceled,
    (Carried, WasOutlived): Expired,
    (Canceling, WasExecuted): Executed,  # the cancel came too late
    (Canceling, WasCanceled): Canceled,
    (Canceling, WasOutlived): Expired,
    (Executed, WasConfirmed): Final,
    (Executed, WasUndone): Queued,
    (Final, WasUndone): Queued,
    (Canceled, WasUndone): Queued,
    (Expired, WasUndone): Queued,
    (Expired, WasRenewed): Offered,  # asked for again by its owner: the same promise, the same nonce
}
"""What may happen in a stage, and where it leads. Nothing else may."""


def after(stage: Stage, happening: Happening) -> Stage:
    """The stage that follows; raises ``BadValue`` for a pair that is not in ``TRANSITIONS``."""
    follower = TRANSITIONS.get((type(stage), type(happening)))
    if follower is None:
        pairs = f"one of {sorted(s.__name__ for s, h in TRANSITIONS if h is type(happening))}"
        raise BadValue(f"stage for {type(happening).__name__}", type(stage).__name__, pairs)
    match happening:
        case WasTakenUp(submission_id):
            return Carried(submission_id)
        case WasExecuted(execution):
            return Executed(execution)
        case WasConfirmed():
            assert isinstance(stage, Executed)  # noqa: S101 - the table says so; this tells the type checker
            return Final(stage.execution)
        case WasSigned() | WasReturned() | WasUndone():
            return Queued()
        case WasRenewed():
            return Offered()
        case WasWithdrawn():
            return Canceling()
        case WasCanceled():
            return Canceled()
        case WasOutlived():
            return Expired()
    assert_never(happening)


# ------------------------------------------------------------------------------------------------ what the facts prove


@dataclass(frozen=True)
class Evidence:
    """What verified facts say about one promise, all read at one position of the indexer.

    ``nonce_gone`` says how the nonce was lost to anything but this promise, by the final block; empty where it was not.
    """

    execution: Execution | None
    nonce_gone: str
    final_block: BlockNumber
    final_timestamp_s: int


def verdict(stage: Stage, valid_before: int, evidence: Evidence) -> Happening | None:
    """What the evidence makes happen next, None where nothing. Apply it until None: an end may take two steps."""
    match stage:
        case Offered() | Queued() | Carried() | Canceling():
            return _verdict_on_open(valid_before, evidence)
        case Executed(execution):
            if evidence.execution != execution:
                return WasUndone(_moved(execution, evidence))
            return WasConfirmed() if execution.block <= evidence.final_block else None
        case Final(execution):
            return None if evidence.execution == execution else WasUndone(_moved(execution, evidence))
        case Canceled():
            return (
                None if evidence.nonce_gone and evidence.execution is None else WasUndone("a reorg gave its nonce back")
            )
        case Expired():
            is_proven = evidence.execution is None and evidence.final_timestamp_s >= valid_before
            return None if is_proven else WasUndone("a reorg took away the block that was past its time")
    assert_never(stage)


def _verdict_on_open(valid_before: int, evidence: Evidence) -> Happening | None:
    if evidence.execution is not None:
        return WasExecuted(evidence.execution)
    if evidence.nonce_gone:
        return WasCanceled(evidence.nonce_gone)
    if evidence.final_timestamp_s >= valid_before:  # ICash: good while block.timestamp < validBefore
        return WasOutlived(f"block {evidence.final_block} is final and past its time, and it was not carried out")
    return None


def _moved(execution: Execution, evidence: Evidence) -> str:
    if evidence.execution is None:
        return f"block {execution.block} was taken back by a reorg, and its execution with it"
    return f"a reorg moved its execution from block {execution.block} to block {evidence.execution.block}"
