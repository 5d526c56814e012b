"""Submissions and their attempts: the signed bytes stand here before they are sent anywhere."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import Row, Select, func, insert, select, update

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.rules.story import told_of_submission
from chainwallet.rules.submission import (
    Attempt,
    Conflict,
    Failed,
    Final,
    Happening,
    Kind,
    Mined,
    Queued,
    Sent,
    Signed,
    Stage,
    Submission,
    WasSent,
    WasSigned,
    after,
)
from chainwallet.store import happenings
from chainwallet.store.database import Transaction
from chainwallet.store.locks import held_rows, lock_sender, take_turns
from chainwallet.store.schema import attempts, blocks, submissions
from chainwallet.store.words import address_or_none, hex_or_none

UNFINISHED = ("queued", "signed", "sent", "mined")
ENDED_WITHOUT_EFFECT = (Failed, Conflict)


def put(
    tx: Transaction,
    chain: str,
    key: str,
    sender: Address,
    to: Address | None,
    data: bytes,
    now_s: int,
    *,
    kind: Kind = "call",
    again: bool = False,
) -> int:
    """The id of the submission with ``key`` on ``chain``, queued now unless it is there already.

    One that ended without effect gives its key up: a new one is queued under it. So does a final one where ``again``
    says that it did not have the effect for which it was made. A batch of payments gets its call data when it is
    signed; one that a reorg took back is its own sender's still, whoever asks. Raises ``BadValue`` where the same key
    stands for another sender, receiver or call data.
    """
    take_turns(tx, "submission", chain, key)
    found = by_key(tx, chain, key)
    if found is not None and (
        isinstance(found.stage, ENDED_WITHOUT_EFFECT) or (again and isinstance(found.stage, Final))
    ):
        tx.execute(update(submissions).where(submissions.c.id == found.id).values(key=f"{key} (until {found.id})"))
        found = None
    if found is None:
        values = {"chain": chain, "key": key, "kind": kind, "sender": to_hex(sender), "to": hex_or_none(to)}
        row = insert(submissions).values(**values, data=data, stage="queued", waits="", sent_at_s=0, created_at_s=now_s)
        return int(tx.execute(row.returning(submissions.c.id)).scalar_one())
    if kind != "payments" and (found.sender, found.to, found.data) != (sender, to, data):
        raise BadValue("submission", key, "the content this key stood for when it was first used")
    return found.id


def by_key(tx: Transaction, chain: str, key: str) -> Submission | None:
    """The submission with ``key`` on ``chain``."""
    return _one(tx, (submissions.c.chain == chain) & (submissions.c.key == key))


def by_id(tx: Transaction, submission_id: int) -> Submission | None:
    """The submission with this id."""
    return _one(tx, submissions.c.id == submission_id)


def every(tx: Transaction, ids: Iterable[int]) -> tuple[Submission, ...]:
    """The submissions with these ids that there are."""
    wanted = list(ids)
    return _many(tx, select(submissions).where(submissions.c.id.in_(wanted))) if wanted else ()


def unfinished(tx: Transaction, chain: str, senders: Iterable[Address], limit: int) -> tuple[Submission, ...]:
    """The oldest ``limit`` submissions of ``senders`` on ``chain`` that have not ended."""
    theirs = submissions.c.sender.in_([to_hex(sender) for sender in senders])
    is_open = submissions.c.stage.in_(UNFINISHED)
    query = select(submissions).where((submissions.c.chain == chain) & theirs & is_open)
    return _many(tx, query.order_by(submissions.c.id).limit(limit))


def senders_under_way(tx: Transaction, chain: str) -> tuple[Address, ...]:
    """Whose signed bytes on ``chain`` may be anywhere."""
    under_way = (submissions.c.chain == chain) & submissions.c.stage.in_(("signed", "sent", "mined"))
    rows = tx.execute(select(submissions.c.sender).where(under_way).distinct())
    return tuple(Address(from_hex(sender)) for (sender,) in rows)


def count_unfinished(tx: Transaction, chain: str, sender: Address) -> int:
    """How many submissions of ``sender`` have not ended."""
    theirs = (submissions.c.chain == chain) & (submissions.c.sender == to_hex(sender))
    query = select(func.count()).where(theirs & submissions.c.stage.in_(UNFINISHED))
    return int(tx.execute(query).scalar_one())


def left_behind(tx: Transaction, chain: str, but: Iterable[Address], before_s: int) -> tuple[Submission, ...]:
    """Queued batches of other senders than ``but``, made before ``before_s``: their relayer signed nothing of them."""
    is_ours = submissions.c.sender.in_([to_hex(sender) for sender in but])
    query = select(submissions).where(
        submissions.c.chain == chain,
        submissions.c.kind == "payments",
        submissions.c.stage == "queued",
        submissions.c.created_at_s < before_s,
        ~is_ours,
    )
    return _many(tx, query.order_by(submissions.c.id))


@dataclass(frozen=True)
class InBlock:
    """An ended submission and the block in which its transaction was."""

    submission: Submission
    block: BlockNumber
    block_hash: Hash32


def ended_in_blocks(tx: Transaction, chain: str, below: InBlock | None, limit: int) -> tuple[InBlock, ...]:
    """The first ``limit`` ended submissions with a block, the highest block first, after ``below`` in that order."""
    query = select(submissions).where(submissions.c.chain == chain, _HAS_ENDED, submissions.c.block.is_not(None))
    if below is not None:
        earlier = (submissions.c.block == below.block) & (submissions.c.id < below.submission.id)
        query = query.where((submissions.c.block < below.block) | earlier)
    return _in_blocks(tx, query.order_by(submissions.c.block.desc(), submissions.c.id.desc()).limit(limit))


def ended_in_lost_blocks(tx: Transaction, chain: str, since_s: int) -> tuple[InBlock, ...]:
    """The ended submissions whose block a reorg took from the chain, as we learned at ``since_s`` or later."""
    its_block = (blocks.c.number == submissions.c.block) & (blocks.c.hash == submissions.c.block_hash)
    lost = (submissions.c.chain == chain) & (blocks.c.chain == chain) & (blocks.c.orphaned_at_s >= since_s)
    some = select(submissions.c.id).join(blocks, its_block).where(_HAS_ENDED, lost)
    return _in_blocks(tx, select(submissions).where(submissions.c.id.in_(some)).order_by(submissions.c.id))


_HAS_ENDED = submissions.c.stage.in_(("final", "failed"))


def _in_blocks(tx: Transaction, query: Select[Any]) -> tuple[InBlock, ...]:
    return tuple(
        InBlock(_submission(row, ()), BlockNumber(row.block), Hash32(from_hex(row.block_hash)))
        for row in tx.execute(query)
    )


def conflicts(tx: Transaction, chain: str) -> tuple[Submission, ...]:
    """The submissions in conflict, which a person must look at."""
    query = select(submissions).where(submissions.c.chain == chain, submissions.c.stage == "conflict")
    return _many(tx, query.order_by(submissions.c.id))


def highest_nonce(tx: Transaction, chain: str, sender: Address) -> int | None:
    """The highest nonce of ``sender`` in any stored signed bytes on ``chain``."""
    query = select(func.max(attempts.c.nonce)).where(
        (attempts.c.chain == chain) & (attempts.c.sender == to_hex(sender))
    )
    return tx.execute(query).scalar_one_or_none()


def is_nonce_signed(tx: Transaction, chain: str, sender: Address, nonce: int) -> bool:
    """Whether signed bytes of ``sender`` with ``nonce`` are stored for ``chain``."""
    theirs = (attempts.c.chain == chain) & (attempts.c.sender == to_hex(sender))
    return tx.execute(select(attempts.c.tx).where(theirs, attempts.c.nonce == nonce).limit(1)).first() is not None


# ------------------------------------------------------------------------------------------------ moves


def move(tx: Transaction, submission: Submission, happening: Happening, now_s: int, data: bytes | None = None) -> bool:
    """Stores what happened to ``submission``; signed bytes, and the ``data`` they carry, in the same step.

    False, and nothing is changed, where somebody else moved it first or took the nonce for another submission: then
    bytes signed for this move must not be sent.
    """
    found = _one(tx, submissions.c.id == submission.id, held=True)
    if found is None or _state(found) != _state(submission):
        return False
    stage = after(submission.stage, happening)
    if isinstance(happening, WasSigned) and not _store_attempt(tx, submission, happening):
        return False
    columns = {**_stage_columns(stage), "waits": ""}
    if data is not None:
        columns["data"] = data
    match happening:
        case WasSigned(nonce, _):
            columns["nonce"] = nonce
        case WasSent():
            columns["sent_at_s"] = now_s
    tx.execute(update(submissions).where(submissions.c.id == submission.id).values(**columns))
    if not (isinstance(happening, WasSent) and isinstance(submission.stage, Sent)):  # the same bytes again: no news
        line = {"at_s": now_s, "chain": submission.chain, "submission_id": submission.id}
        words = told_of_submission(happening)
        happenings.note(tx, [{**line, "name": type(happening).__name__, "words": words}])
    return True


def wait(tx: Transaction, submission_id: int, why: str) -> None:
    """Notes what a submission waits for."""
    changed = (submissions.c.id == submission_id) & (submissions.c.waits != why)
    tx.execute(update(submissions).where(changed).values(waits=why))


def _state(submission: Submission) -> tuple[object, ...]:
    """What must not have changed for a move to be valid."""
    return submission.stage, submission.nonce, [attempt.tx for attempt in submission.attempts], submission.data


def _store_attempt(tx: Transaction, submission: Submission, signed: WasSigned) -> bool:
    lock_sender(tx, submission.chain, submission.sender)
    if submission.nonce is None:
        if is_nonce_signed(tx, submission.chain, submission.sender, signed.nonce):
            return False
    elif submission.nonce != signed.nonce:
        raise BadValue("nonce", signed.nonce, f"{submission.nonce}, which the submission has for life")
    attempt = signed.attempt
    tx.execute(
        insert(attempts).values(
            tx=to_hex(attempt.tx),
            submission_id=submission.id,
            chain=submission.chain,
            sender=to_hex(submission.sender),
            nonce=signed.nonce,
            raw=attempt.raw,
            gas_limit=attempt.gas_limit,
            max_fee_per_gas_wei=attempt.max_fee_per_gas_wei,
            max_priority_fee_per_gas_wei=attempt.max_priority_fee_per_gas_wei,
            created_at_s=attempt.signed_at_s,
        )
    )
    return True


def _stage_columns(stage: Stage) -> dict[str, object]:
    match stage:
        case Queued():
            return {"stage": "queued"}
        case Signed():
            return {"stage": "signed"}
        case Sent():
            return {"stage": "sent", "tx": None, "block": None, "block_hash": None, "reason": None}
        case Mined(tx, block, block_hash, gas_used, contract, reason):
            mined = {"tx": to_hex(tx), "block": block, "block_hash": to_hex(block_hash), "gas_used": gas_used}
            return {**mined, "stage": "mined", "contract": hex_or_none(contract), "reason": reason}
        case Final():
            return {"stage": "final"}
        case Failed(_, reason):
            return {"stage": "failed", "reason": reason}
        case Conflict(reason):
            return {"stage": "conflict", "reason": reason}
    assert_never(stage)


# ------------------------------------------------------------------------------------------------ rows


def _one(tx: Transaction, condition: Any, *, held: bool = False) -> Submission | None:
    query = select(submissions).where(condition)
    found = _many(tx, held_rows(query, submissions) if held else query)
    return found[0] if found else None


def _many(tx: Transaction, query: Any) -> tuple[Submission, ...]:
    rows = tx.execute(query).all()
    signed = _attempts(tx, [row.id for row in rows if row.stage in UNFINISHED and row.nonce is not None])
    return tuple(_submission(row, signed.get(row.id, ())) for row in rows)


def _attempts(tx: Transaction, ids: Sequence[int]) -> dict[int, tuple[Attempt, ...]]:
    found: defaultdict[int, tuple[Attempt, ...]] = defaultdict(tuple)
    if ids:
        query = select(attempts).where(attempts.c.submission_id.in_(ids))
        in_order = query.order_by(attempts.c.created_at_s, attempts.c.max_fee_per_gas_wei)
        for row in tx.execute(in_order):
            found[row.submission_id] += (_attempt(row),)
    return found


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        Hash32(from_hex(row.tx)),
        row.raw,
        row.gas_limit,
        row.max_fee_per_gas_wei,
        row.max_priority_fee_per_gas_wei,
        row.created_at_s,
    )


def attempts_of(tx: Transaction, submission_id: int) -> tuple[Attempt, ...]:
    """All signed bytes of a submission, also of one that has ended, oldest first."""
    return _attempts(tx, [submission_id]).get(submission_id, ())


def _submission(row: Row[Any], signed: tuple[Attempt, ...]) -> Submission:
    return Submission(
        row.id,
        row.chain,
        row.key,
        row.kind,
        Address(from_hex(row.sender)),
        address_or_none(row.to),
        row.data,
        _stage(row),
        row.nonce,
        signed,
        row.sent_at_s,
        row.waits,
    )


def _stage(row: Row[Any]) -> Stage:
    tx = Hash32(from_hex(row.tx)) if row.tx else None
    match row.stage:
        case "queued":
            return Queued()
        case "signed":
            return Signed()
        case "sent":
            return Sent()
        case "failed":
            return Failed(tx, row.reason)
        case "conflict":
            return Conflict(row.reason)
    assert tx is not None  # noqa: S101 - a mined submission has its transaction
    contract, block_hash = address_or_none(row.contract), Hash32(from_hex(row.block_hash))
    if row.stage == "mined":
        return Mined(tx, BlockNumber(row.block), block_hash, row.gas_used, contract, row.reason or "")
    return Final(tx, BlockNumber(row.block), block_hash, row.gas_used, contract)
