"""Promises: the documents that payers sign. A promise owns one nonce for life and is stored before it is signed."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select, update

from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.store.database import Transaction
from chainwallet.store.locks import lock_payer
from chainwallet.store.schema import promises

Kind = Literal["payment", "consent"]


@dataclass(frozen=True)
class Promise:
    """One document of ``payer`` on ``token`` (``<chain>/<address>``).

    ``id`` is the client's, scoped to token, payer and kind; ``content_hash`` stands for what was promised, so that the
    same id with other content is noticed; ``document`` is the typed data as JSON. ``signature`` is None until it is
    made. No event of the promise is older than ``made_at_block``, the head when it was made.
    """

    token: str
    payer: Address
    kind: Kind
    id: str
    nonce: int
    content_hash: Hash32
    document: str
    signature: bytes | None
    memo: str | None
    submission_id: int | None
    made_at_block: BlockNumber


def next_nonce(tx: Transaction, token: str, payer: Address, first_unused: int) -> int:
    """The lowest nonce above every promise of ``payer`` on ``token``, and not below the chain's ``first_unused``."""
    lock_payer(tx, token, payer)
    owned = (promises.c.token == token) & (promises.c.payer == to_hex(payer))
    highest = tx.execute(select(func.max(promises.c.nonce)).where(owned)).scalar_one_or_none()
    return max(first_unused, int(highest, 16) + 1 if highest is not None else 0)


def by_id(tx: Transaction, token: str, payer: Address, kind: Kind, promise_id: str) -> Promise | None:
    """The promise of ``kind`` with ``promise_id``."""
    row = tx.execute(select(promises).where(_is(token, payer, kind, promise_id))).one_or_none()
    return _promise(row) if row else None


def add(tx: Transaction, promise: Promise, memo_salt: bytes | None, now_s: int) -> None:
    """Stores a new promise with its nonce, before its document leaves the house or is signed."""
    tx.execute(
        insert(promises).values(
            token=promise.token,
            payer=to_hex(promise.payer),
            kind=promise.kind,
            id=promise.id,
            nonce=f"{promise.nonce:064x}",
            content_hash=to_hex(promise.content_hash),
            document=promise.document,
            signature=promise.signature,
            memo=promise.memo,
            memo_salt=memo_salt,
            submission_id=promise.submission_id,
            made_at_block=promise.made_at_block,
            created_at_s=now_s,
        )
    )


def set_document(tx: Transaction, promise: Promise, document: str, signature: bytes | None) -> None:
    """Stores the promise's document, the same promise under the same nonce, and its payer's signature over it."""
    tx.execute(update(promises).where(_same(promise)).values(document=document, signature=signature))


def set_submission(tx: Transaction, promise: Promise, submission_id: int) -> None:
    """Notes which submission carries the promise."""
    tx.execute(update(promises).where(_same(promise)).values(submission_id=submission_id))


def _same(promise: Promise) -> Any:
    return _is(promise.token, promise.payer, promise.kind, promise.id)


def _is(token: str, payer: Address, kind: Kind, promise_id: str) -> Any:
    key = (promises.c.token == token) & (promises.c.payer == to_hex(payer))
    return key & (promises.c.kind == kind) & (promises.c.id == promise_id)


def _promise(row: Row[Any]) -> Promise:
    return Promise(
        token=row.token,
        payer=Address(from_hex(row.payer)),
        kind=row.kind,
        id=row.id,
        nonce=int(row.nonce, 16),
        content_hash=Hash32(from_hex(row.content_hash)),
        document=row.document,
        signature=row.signature,
        memo=row.memo,
        submission_id=row.submission_id,
        made_at_block=BlockNumber(row.made_at_block),
    )
