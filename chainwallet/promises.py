"""Keeping a promise's rules in one place: its nonce is stored before it is signed, and it keeps that nonce for life."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from chainwallet.abi.calls import WINDOW_NONCE_END, call_data, uints_of
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Consent, Payment, as_typed_data, from_typed_data
from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.submission import Mined, Submission
from chainwallet.store import promises, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.locks import lock_payer
from chainwallet.store.promises import Kind, Promise

DOCUMENT_LIFETIME_S = 86_400  # a document not delivered within a day of chain time is dead

Promised = Payment | Consent
"""The documents that promises are."""


@dataclass(frozen=True)
class AccountState:
    """An account of ``Cash`` as ``ICash.AccountState`` has it; ``balance`` is in token units."""

    balance: int
    window: int
    window_base: int
    permit_nonce: int
    is_frozen: bool

    @property
    def first_unused_nonce(self) -> int:
        """The lowest nonce above every one that the chain has seen used or cancelled."""
        return self.window_base + self.window.bit_length()


def account_state(node: Node, cash: Cash, owner: Address) -> AccountState:
    """The account of ``owner`` at the head."""
    answer = node.call(cash.address, call_data("accountState(address)", owner))
    balance, window, window_base, permit_nonce, frozen = uints_of(answer, 5)
    return AccountState(balance, window, window_base, permit_nonce, bool(frozen))


@dataclass(frozen=True)
class Moment:
    """When a document is made: the head's number then, and the later of the chain's clock and ours."""

    block: BlockNumber
    time_s: int

    @property
    def expiry(self) -> int:
        """``validBefore`` of a document made now."""
        return self.time_s + DOCUMENT_LIFETIME_S


def moment(node: Node, now_s: int) -> Moment:
    """Now. ``now_s`` counts beside the head's time because a chain without traffic may have had its head days ago."""
    head = node.block("latest")
    return Moment(head.number, max(head.timestamp_s, now_s))


@dataclass(frozen=True)
class Intent:
    """What a payer promises: ``id`` is the client's, ``content_hash`` stands for all but nonce and time."""

    kind: Kind
    id: str
    content_hash: Hash32
    memo: str | None = None
    memo_salt: bytes | None = None


@dataclass(frozen=True)
class Begun:
    """A stored promise, its document, and the submission that carries it, if one was made."""

    promise: Promise
    document: Promised
    carrier: Submission | None = None

    @property
    def is_under_way(self) -> bool:
        """Signed bytes that carry it may be anywhere."""
        return self.carrier is not None and self.carrier.is_under_way

    @property
    def carried(self) -> Mined | None:
        """The mined transaction that carried it, whatever became of it there."""
        stage = self.carrier.stage if self.carrier is not None else None
        return stage if isinstance(stage, Mined) else None


def find(tx: Transaction, cash: Cash, payer: Address, intent: Intent) -> Begun | None:
    """The promise that was begun with ``intent``; raises ``BadValue`` where its id stands for other content."""
    promise = promises.by_id(tx, cash.token, payer, intent.kind, intent.id)
    if promise is None:
        return None
    if promise.content_hash != intent.content_hash:
        raise BadValue("id", intent.id, f"the same {intent.kind} as when this id was first used")
    document, _ = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Payment | Consent)  # noqa: S101 - no other document is stored
    carrier = submissions.by_id(tx, promise.submission_id) if promise.submission_id is not None else None
    return Begun(promise, document, carrier)


def reserve(
    tx: Transaction,
    cash: Cash,
    payer: Address,
    first_unused_nonce: int,
    intent: Intent,
    document_with: Callable[[int], Promised],
    made: Moment,
) -> Begun:
    """The promise of ``intent``: the stored one, or a new one under the payer's next nonce.

    A stored document that expired, and that nothing under way carries, is made again under the same nonce: at most one
    of the two can be carried out. Raises ``BadValue`` where the same id stands for other content.
    """
    lock_payer(tx, cash.token, payer)
    known = find(tx, cash, payer, intent)
    if known is None:
        return _add(tx, cash, payer, first_unused_nonce, intent, document_with, made)
    if known.is_under_way or made.time_s < _valid_before(known.document):
        return known
    document = document_with(known.promise.nonce)
    promise = replace(known.promise, document=_as_json(document, cash), signature=None)
    promises.set_document(tx, promise, promise.document, None)
    return replace(known, promise=promise, document=document)


def _add(
    tx: Transaction,
    cash: Cash,
    payer: Address,
    first_unused_nonce: int,
    intent: Intent,
    document_with: Callable[[int], Promised],
    made: Moment,
) -> Begun:
    nonce = promises.next_nonce(tx, cash.token, payer, first_unused_nonce)
    if nonce >= WINDOW_NONCE_END:
        raise BadValue("nonce", nonce, f"below {WINDOW_NONCE_END}")
    document = document_with(nonce)
    promise = Promise(
        token=cash.token,
        payer=payer,
        kind=intent.kind,
        id=intent.id,
        nonce=nonce,
        content_hash=intent.content_hash,
        document=_as_json(document, cash),
        signature=None,
        memo=intent.memo,
        submission_id=None,
        made_at_block=made.block,
    )
    promises.add(tx, promise, intent.memo_salt, made.time_s)
    return Begun(promise, document)


def signed(database: Database, cash: Cash, begun: Begun, signer: Signer) -> Begun:
    """The promise with its payer's signature, made now unless it was made before, verified and stored.

    Raises ``BadSignature`` where the signer did not sign as the payer, and ``BadValue`` where the document was made
    again while it was signed.
    """
    promise = begun.promise
    if promise.signature is not None:
        return begun
    signature = signer.sign(begun.document, domain_of(cash))
    verify_signature(begun.document, domain_of(cash), signature, promise.payer)
    with database.transaction() as tx:
        lock_payer(tx, promise.token, promise.payer)
        stored = promises.by_id(tx, promise.token, promise.payer, promise.kind, promise.id)
        if stored is None or stored.document != promise.document:
            raise BadValue("id", promise.id, "one call at a time: its document was made again while it was signed")
        if stored.signature is None:  # another process may have stored one; the first counts
            promises.set_document(tx, promise, promise.document, signature)
            stored = replace(stored, signature=signature)
    return replace(begun, promise=stored)


def _as_json(document: Promised, cash: Cash) -> str:
    return json.dumps(as_typed_data(document, domain_of(cash)))


def _valid_before(document: Promised) -> int:
    match document:
        case Payment():
            return document.valid_before
        case Consent():
            return document.settlement.valid_before
    assert_never(document)
