"""How a payment stands, why it waits, and how it came there."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address, checksum
from chainwallet.rules.promise import Canceling, Carried, Executed, Offered, Queued
from chainwallet.rules.story import STAGES
from chainwallet.rules.submission import Submission
from chainwallet.store import evidence, happenings, lanes, promises, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.happenings import Happened
from chainwallet.store.lanes import LaneState
from chainwallet.store.promises import Promise


@dataclass(frozen=True)
class Shown:
    """A payment and its story; ``waits`` says what it waits for, and is empty where it waits for nothing."""

    promise: Promise
    carrier: Submission | None
    waits: str
    story: tuple[Happened, ...]

    @property
    def stage(self) -> str:
        """Where it stands, in words."""
        return STAGES[type(self.promise.stage)]


def find(database: Database, chain: str, payment_id: str, payer: Address | None) -> Promise:
    """The payment with this id on ``chain``; ``payer`` tells apart those of several payers.

    Raises ``NotFound``, and ``BadValue`` where several payers have one and none is named.
    """
    with database.read() as tx:
        found = [one for one in promises.with_id(tx, chain, payment_id) if payer in (None, one.payer)]
    if not found:
        raise NotFound("payment", payment_id, "see `chainwallet payments list`")
    if len(found) > 1:
        payers = ", ".join(sorted({checksum(one.payer) for one in found}))
        raise BadValue("payer", "none", f"one of the payers who have a payment with this id: {payers}")
    return found[0]


def show(database: Database, promise: Promise, confirmations: int) -> Shown:
    """How ``promise`` stands now."""
    with database.read() as tx:
        now = promises.by_number(tx, promise.number) or promise
        carrier = submissions.by_id(tx, now.submission_id) if now.submission_id is not None else None
        waits = waits_for(tx, now, carrier, confirmations)
        return Shown(now, carrier, waits, happenings.of_promise(tx, now.number))


def waits_for(
    tx: Transaction,
    promise: Promise,
    carrier: Submission | None,
    confirmations: int,
    known: Sequence[LaneState] | None = None,
) -> str:
    """What ``promise`` waits for, truthfully and now; empty where it has ended.

    ``known`` are the lanes at work on its chain, where they were read already.
    """
    match promise.stage:
        case Offered():
            return promise.reason or "the payer has not signed"
        case Queued():
            return _queue(promise, lanes.every(tx, promise.chain) if known is None else known)
        case Carried():
            return _on_its_way(tx, carrier) or "waiting to be signed, sent and mined"
        case Canceling():
            return "waiting until the chain has taken the cancel, or the payment before it"
        case Executed(execution):
            at = evidence.horizon(tx, promise.token, confirmations)
            seen = 0 if at is None else at.number - execution.block + 1
            return f"{seen} of {confirmations} confirmations"
    return ""


def _on_its_way(tx: Transaction, carrier: Submission | None) -> str:
    if carrier is None or carrier.waits:
        return "" if carrier is None else carrier.waits
    return next((lane.waits for lane in lanes.every(tx, carrier.chain) if lane.sender == carrier.sender), "")


def _queue(promise: Promise, known: Sequence[LaneState]) -> str:
    waiting = sorted({lane.waits for lane in known if lane.waits})
    if promise.reason or waiting:
        return "; ".join(filter(None, [promise.reason, *waiting]))
    return (
        "waiting for a free lane" if known else "no relayer has worked on this chain yet; see `chainwallet relayer run`"
    )
