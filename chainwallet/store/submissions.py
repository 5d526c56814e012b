"""Submissions and their attempts: the signed bytes stand here before they are sent anywhere."""

from collections.abc import Iterable
from typing import Any, assert_never

from sqlalchemy import Row, func, insert, select, update

from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.rules.submission import Failed, Mined, Queued, Sent, Signed, Stage, Submission
from chainwallet.store.database import Transaction
from chainwallet.store.locks import held_rows, lock_sender, take_turns
from chainwallet.store.schema import attempts, submissions


def put(
    tx: Transaction,
    chain: str,
    key: str,
    sender: Address,
    to: Address | None,
    data: bytes,
    now_s: int,
    *,
    again: bool = False,
) -> int:
    """The id of the submission with ``key`` on ``chain``, queued now unless it is there already.

    One that failed gives its key up: a new one is queued under it. So does a mined one where ``again`` says that it did
    not have the effect for which it was made. Raises ``BadValue`` where the same key stands for another sender,
    receiver or call data.
    """
    take_turns(tx, "submission", chain, key)
    found = by_key(tx, chain, key)
    if found is not None and (isinstance(found.stage, Failed) or (again and isinstance(found.stage, Mined))):
        tx.execute(update(submissions).where(submissions.c.id == found.id).values(key=f"{key} (until {found.id})"))
        found = None
    if found is None:
        values = {"chain": chain, "key": key, "sender": to_hex(sender), "to": to and to_hex(to), "data": data}
        row = insert(submissions).values(**values, stage="queued", created_at_s=now_s)
        return int(tx.execute(row.returning(submissions.c.id)).scalar_one())
    if (found.sender, found.to, found.data) != (sender, to, data):
        raise BadValue("submission", key, "the content this key stood for when it was first used")
    return found.id


def by_key(tx: Transaction, chain: str, key: str) -> Submission | None:
    """The submission with ``key`` on ``chain``."""
    return _one(tx, (submissions.c.chain == chain) & (submissions.c.key == key))


def by_id(tx: Transaction, submission_id: int) -> Submission | None:
    """The submission with this id."""
    return _one(tx, submissions.c.id == submission_id)


def unfinished(tx: Transaction, chain: str, senders: Iterable[Address], limit: int) -> tuple[Submission, ...]:
    """The oldest ``limit`` submissions of ``senders`` on ``chain`` that are neither mined nor failed."""
    theirs = submissions.c.sender.in_([to_hex(sender) for sender in senders])
    is_open = submissions.c.stage.in_(("queued", "signed", "sent"))
    rows = tx.execute(
        _joined().where((submissions.c.chain == chain) & theirs & is_open).order_by(submissions.c.id).limit(limit)
    )
    return tuple(map(_submission, rows))


def highest_nonce(tx: Transaction, chain: str, sender: Address) -> int | None:
    """The highest nonce of ``sender`` in any stored signed bytes on ``chain``."""
    query = select(func.max(attempts.c.nonce)).where(
        (attempts.c.chain == chain) & (attempts.c.sender == to_hex(sender))
    )
    return tx.execute(query).scalar_one_or_none()


def move(tx: Transaction, submission: Submission, stage: Stage, now_s: int) -> bool:
    """Moves ``submission`` to ``stage``; signed bytes are stored with the move to ``Signed``.

    False, and nothing is changed, where somebody else moved it first or took the nonce for another submission: then
    bytes signed for this move must not be sent.
    """
    if _one(tx, submissions.c.id == submission.id, held=True) != submission:
        return False
    if isinstance(stage, Signed):
        lock_sender(tx, submission.chain, submission.sender)
        taken = highest_nonce(tx, submission.chain, submission.sender)
        if taken is not None and taken >= stage.nonce:
            return False
        tx.execute(
            insert(attempts).values(
                tx=to_hex(stage.tx),
                submission_id=submission.id,
                chain=submission.chain,
                sender=to_hex(submission.sender),
                nonce=stage.nonce,
                raw=stage.raw,
                created_at_s=now_s,
            )
        )
    tx.execute(update(submissions).where(submissions.c.id == submission.id).values(**_stage_columns(stage)))
    return True


def _stage_columns(stage: Stage) -> dict[str, object]:
    match stage:
        case Queued():
            return {"stage": "queued"}
        case Signed(nonce, tx):
            return {"stage": "signed", "nonce": nonce, "tx": to_hex(tx)}
        case Sent():
            return {"stage": "sent"}
        case Mined(_, block, gas_used, contract):
            return {"stage": "mined", "block": block, "gas_used": gas_used, "contract": contract and to_hex(contract)}
        case Failed(_, reason):
            return {"stage": "failed", "reason": reason}
    assert_never(stage)


def _joined() -> Any:
    return select(submissions, attempts.c.raw).join(attempts, attempts.c.tx == submissions.c.tx, isouter=True)


def _one(tx: Transaction, condition: Any, *, held: bool = False) -> Submission | None:
    query = _joined().where(condition)
    row = tx.execute(held_rows(query, submissions) if held else query).one_or_none()
    return _submission(row) if row else None


def _submission(row: Row[Any]) -> Submission:
    to = Address(from_hex(row.to)) if row.to else None
    return Submission(row.id, row.chain, row.key, Address(from_hex(row.sender)), to, row.data, _stage(row))


def _stage(row: Row[Any]) -> Stage:
    if row.stage == "queued":
        return Queued()
    if row.stage == "failed":
        return Failed(Hash32(from_hex(row.tx)) if row.tx else None, row.reason)
    tx = Hash32(from_hex(row.tx))
    if row.stage == "mined":
        contract = Address(from_hex(row.contract)) if row.contract else None
        return Mined(tx, BlockNumber(row.block), row.gas_used, contract)
    return (Signed if row.stage == "signed" else Sent)(row.nonce, tx, row.raw)
