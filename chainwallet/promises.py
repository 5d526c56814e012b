"""Keeping a promise's rules in one place: its nonce is stored before anybody sees it, and its own for life."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from chainwallet.abi.calls import call_data, uints_of
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Consent, Payment, as_json, from_typed_data, struct_hash
from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, keccak256
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.nonces import PayerNonces, can_be_renewed, next_window_nonce, wide_nonce
from chainwallet.rules.promise import Expired, Offered, Queued, WasRenewed, WasSigned
from chainwallet.rules.submission import Final, Submission
from chainwallet.rules.window import WIDTH
from chainwallet.store import evidence, payers, promises, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.locks import lock_payer
from chainwallet.store.payers import Standing
from chainwallet.store.promises import Kind, Promise

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
    """When a document is made: the head's number then, the later of the chain's clock and ours, and for how long."""

    block: BlockNumber
    time_s: int
    lifetime_s: int

    @property
    def expiry(self) -> int:
        """``validBefore`` of a document made now."""
        return self.time_s + self.lifetime_s


def moment(node: Node, now_s: int, lifetime_s: int) -> Moment:
    """Now. ``now_s`` counts beside the head's time because a chain without traffic may have had its head days ago."""
    head = node.block("latest")
    return Moment(head.number, max(head.timestamp_s, now_s), lifetime_s)


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
    """A stored promise, its document, and the submission that took it up last, if one did."""

    promise: Promise
    document: Promised
    carrier: Submission | None = None

    @property
    def is_under_way(self) -> bool:
        """Signed bytes that carry it may be anywhere."""
        return self.carrier is not None and self.carrier.is_under_way

    @property
    def carried(self) -> Final | None:
        """The final transaction that carried it, whatever became of it there."""
        stage = self.carrier.stage if self.carrier is not None else None
        return stage if isinstance(stage, Final) else None


def find(tx: Transaction, cash: Cash, payer: Address, intent: Intent) -> Begun | None:
    """The promise that was begun with ``intent``; raises ``BadValue`` where its id stands for other content."""
    promise = promises.by_id(tx, cash.token, payer, intent.kind, intent.id)
    return None if promise is None else begun_as(tx, promise, intent)


def require_same(promise: Promise, intent: Intent) -> None:
    """Raises ``BadValue`` where ``promise``, which was found by ``intent``'s id, stands for other content."""
    if promise.content_hash != intent.content_hash:
        raise BadValue("id", intent.id, f"the same {intent.kind} as when this id was first used")


def begun_as(tx: Transaction, promise: Promise, intent: Intent) -> Begun:
    """``promise``, which was found by ``intent``'s id; raises as ``require_same``."""
    require_same(promise, intent)
    carrier = submissions.by_id(tx, promise.submission_id) if promise.submission_id is not None else None
    return Begun(promise, document_of(promise), carrier)


def document_of(promise: Promise) -> Promised:
    """What the payer signs."""
    document, _ = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Payment | Consent)  # noqa: S101 - no other document is stored
    return document


def reserve(
    tx: Transaction,
    cash: Cash,
    payer: Address,
    intent: Intent,
    document_with: Callable[[int], Promised],
    made: Moment,
    unused: int = 0,
) -> Begun:
    """The promise of ``intent``: the stored one, or a new one under the payer's next nonce, not below ``unused``.

    A stored document that expired, and that nothing under way carries, is made again under the same nonce: at most one
    of the two can be carried out. Raises ``BadValue`` where the same id stands for other content.
    """
    known = find(tx, cash, payer, intent)
    if known is None:
        return _add(tx, cash, payer, intent, document_with, made, unused)
    return renewed_if_expired(tx, cash, known, document_with, made)


def renewed_if_expired(
    tx: Transaction, cash: Cash, known: Begun, document_with: Callable[[int], Promised], made: Moment
) -> Begun:
    """``known``, or the same promise with a new document where its own expired and nothing under way carries it."""
    is_waiting = isinstance(known.promise.stage, Offered | Queued) and not known.is_under_way
    if is_waiting and made.time_s >= known.promise.valid_before:
        return renew(tx, known, document_with(known.promise.nonce), cash, "the last one expired", made.time_s)
    return known


def renew(tx: Transaction, begun: Begun, document: Promised, cash: Cash, reason: str, now_s: int) -> Begun:
    """The same promise, under the same nonce, with a new document that nobody has signed yet.

    A payment's content is the same; what a consent takes is what its new settlement says. Raises ``BadValue`` where a
    later document could take its nonce away before it is delivered.
    """
    promise = begun.promise
    known = nonces_of(tx, cash.token, promise.payer)
    if isinstance(promise.stage, Expired) and not can_be_renewed(promise.nonce, known):
        raise BadValue("id", promise.id, f"a new id: later payments have overtaken nonce {promise.nonce}")
    value, ref, valid_before = _terms(document, promise.payer)
    promises.set_document(tx, promise, as_json(document, domain_of(cash)), valid_before, None, ref)
    promises.move(tx, promise, WasRenewed(reason), now_s)
    if value != promise.value:
        assert promise.kind == "consent"  # noqa: S101 - a payment's content is the same
        promises.set_value(tx, [promise.number], value)
    renewed = promises.by_number(tx, promise.number)
    assert renewed is not None  # noqa: S101 - promises are never removed
    return replace(begun, promise=renewed, document=document)


def nonces_of(tx: Transaction, token: str, payer: Address, unused: int = 0) -> PayerNonces:
    """What is known of a payer's window nonces; ``unused`` is what a node says, where one was asked.

    From here to its end ``tx`` is alone in what it decides about them.
    """
    lock_payer(tx, token, payer)
    known = payers.standing(tx, token, [payer])[payer]
    return payer_nonces(known, max(unused, evidence.first_unused_nonces(tx, token, [payer])[payer]))


def payer_nonces(known: Standing, unused: int) -> PayerNonces:
    """What is known of a payer's window nonces; ``unused`` is the lowest above all that the chain has seen used."""
    return PayerNonces(max(0, unused - WIDTH), unused, known.highest, known.lowest_live)


def _add(
    tx: Transaction,
    cash: Cash,
    payer: Address,
    intent: Intent,
    document_with: Callable[[int], Promised],
    made: Moment,
    unused: int,
) -> Begun:
    known = nonces_of(tx, cash.token, payer, unused)
    document = document_with(next_nonce(known, cash, payer, intent))
    promise = new_promise(cash, payer, intent, document, made)
    return Begun(promises.add(tx, promise, intent.memo_salt), document)


def next_nonce(known: PayerNonces, cash: Cash, payer: Address, intent: Intent) -> int:
    """The nonce of a new promise: the payer's next in the window, or a wide one where that could kill a live one."""
    nonce = next_window_nonce(known)
    return wide_nonce(_name(cash, payer, intent)) if nonce is None else nonce


def new_promise(cash: Cash, payer: Address, intent: Intent, document: Promised, made: Moment) -> Promise:
    """The promise that ``document`` is, to be stored."""
    value, ref, valid_before = _terms(document, payer)
    return Promise(
        token=cash.token,
        payer=payer,
        kind=intent.kind,
        id=intent.id,
        nonce=document.nonce,
        content_hash=intent.content_hash,
        document=as_json(document, domain_of(cash)),
        signature=None,
        memo=intent.memo,
        payee=document.payee if isinstance(document, Payment) else None,
        value=value,
        ref=ref,
        valid_before=valid_before,
        made_at_block=made.block,
        created_at_s=made.time_s,
    )


def _name(cash: Cash, payer: Address, intent: Intent) -> Hash32:
    """What a promise is called, wherever it is asked for again: token, payer, kind and id."""
    return keccak256(b"\0".join((cash.token.encode(), payer, intent.kind.encode(), intent.id.encode())))


def signed(database: Database, cash: Cash, begun: Begun, signer: Signer, now_s: int) -> Begun:
    """The promise with its payer's signature, made now unless it was made before, verified and stored.

    Raises ``BadSignature`` where the signer did not sign as the payer, and ``BadValue`` where the document was made
    again while it was signed.
    """
    if not isinstance(begun.promise.stage, Offered):
        return begun
    signature = signer.sign(begun.document, domain_of(cash))
    return take_signature(database, cash, begun, signature, now_s)


def take_signature(database: Database, cash: Cash, begun: Begun, signature: bytes, now_s: int) -> Begun:
    """The offered promise with ``signature``, verified and stored; from then on it is queued. Raises as ``signed``."""
    verify_signature(begun.document, domain_of(cash), signature, begun.promise.payer)
    (outcome,) = store_signatures(database, [(begun.promise, signature)], now_s)
    if isinstance(outcome, BadValue):
        raise outcome
    return replace(begun, promise=outcome)


def keep_signature(tx: Transaction, promise: Promise, signature: bytes, now_s: int) -> Promise:
    """The offered promise, which ``tx`` holds, with ``signature``, which was verified; queued."""
    promises.set_document(tx, promise, promise.document, promise.valid_before, signature, promise.ref)
    return promises.move(tx, replace(promise, signature=signature), WasSigned(), now_s)


def store_signatures(
    database: Database, signed: Sequence[tuple[Promise, bytes]], now_s: int
) -> list[Promise | BadValue]:
    """Each offered promise with its verified signature, queued; all are stored in one transaction.

    Where another process stored a signature, that one counts. ``BadValue`` stands for one whose document was made again
    while it was signed: nothing is stored of it.
    """
    return database.write(lambda tx: _store_signatures(tx, signed, now_s))


def _store_signatures(tx: Transaction, signed: Sequence[tuple[Promise, bytes]], now_s: int) -> list[Promise | BadValue]:
    now: dict[int, Promise | BadValue] = {}
    now |= {one.number: one for one in promises.held(tx, [promise.number for promise, _ in signed])}
    moves = {}
    for promise, signature in signed:
        found = now.get(promise.number)
        if not isinstance(found, Promise) or found.document != promise.document:
            why = "one call at a time: its document was made again while it was signed"
            now[promise.number] = BadValue("id", promise.id, why)
        elif isinstance(found.stage, Offered) and promise.number not in moves:
            promises.set_document(tx, found, found.document, found.valid_before, signature, found.ref)
            moves[promise.number] = (replace(found, signature=signature), WasSigned())
    now |= {one.number: one for one in promises.move_all(tx, list(moves.values()), now_s)}
    return [now[promise.number] for promise, _ in signed]


def _terms(document: Promised, payer: Address) -> tuple[int, Hash32, int]:
    """What the payer pays, the reference on the chain, and until when."""
    match document:
        case Payment():
            return document.value, document.payment_ref, document.valid_before
        case Consent(settlement=settlement):
            value = sum(leg.amount for leg in settlement.debits if leg.account == payer)
            return value, struct_hash(settlement), settlement.valid_before
    assert_never(document)
