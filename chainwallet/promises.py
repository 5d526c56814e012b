"""Keeping a promise's rules in one place: its nonce is stored before it is signed, and it keeps that nonce for life."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from chainwallet.abi.calls import WINDOW_NONCE_END, call_data, uint_of
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Document, as_typed_data, from_typed_data
from chainwallet.errors import BadValue
from chainwallet.evm import Address, Hash32
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.store import promises
from chainwallet.store.database import Database
from chainwallet.store.promises import Kind, Promise

DOCUMENT_LIFETIME_S = 86_400  # a document not delivered within a day of chain time is dead


@dataclass(frozen=True)
class AccountState:
    """An account of ``Cash`` as ``ICash.AccountState`` has it; ``balance`` is in token units."""

    balance: int
    window: int
    window_base: int
    permit_nonce: int
    is_frozen: bool


def account_state(node: Node, cash: Cash, owner: Address) -> AccountState:
    """The account of ``owner`` at the head."""
    answer = node.call(cash.address, call_data("accountState(address)", owner))
    words = [uint_of(answer[at : at + 32]) for at in range(0, 160, 32)]
    return AccountState(words[0], words[1], words[2], words[3], bool(words[4]))


def expiry(node: Node) -> int:
    """``validBefore`` of a document made now, by the chain's clock."""
    return node.block("latest").timestamp_s + DOCUMENT_LIFETIME_S


@dataclass(frozen=True)
class Intent:
    """What a payer promises: ``id`` is the client's, ``content_hash`` stands for everything but the nonce."""

    id: str
    kind: Kind
    content_hash: Hash32
    memo: str | None = None
    memo_salt: bytes | None = None


def reserve(
    database: Database,
    cash: Cash,
    payer: Address,
    window_base: int,
    intent: Intent,
    document_with: Callable[[int], Document],
    now_s: int,
) -> tuple[Promise, Document]:
    """The promise with ``intent.id`` and its document: the stored one, or a new one under the payer's next nonce.

    Raises ``BadValue`` where the same id stands for other content.
    """
    with database.transaction() as tx:
        known = promises.by_id(tx, cash.token, payer, intent.id)
        if known is not None:
            if known.content_hash != intent.content_hash:
                raise BadValue("id", intent.id, "the same payment as when this id was first used")
            return known, from_typed_data(json.loads(known.document))[0]
        nonce = promises.next_window_nonce(tx, cash.token, payer, window_base)
        if nonce >= WINDOW_NONCE_END:
            raise BadValue("nonce", nonce, f"below {WINDOW_NONCE_END}")
        document = document_with(nonce)
        promise = Promise(
            token=cash.token,
            payer=payer,
            id=intent.id,
            kind=intent.kind,
            nonce=nonce,
            content_hash=intent.content_hash,
            document=json.dumps(as_typed_data(document, domain_of(cash))),
            signature=None,
            memo=intent.memo,
            submission_id=None,
        )
        promises.add(tx, promise, intent.memo_salt, now_s)
        return promise, document


def signed(database: Database, cash: Cash, promise: Promise, document: Document, signer: Signer) -> Promise:
    """The promise with its payer's signature, made now unless it was made before, verified and stored.

    Raises ``BadSignature`` where the signer did not sign as the payer.
    """
    if promise.signature is not None:
        return promise
    signature = signer.sign(document, domain_of(cash))
    verify_signature(document, domain_of(cash), signature, promise.payer)
    with database.transaction() as tx:
        promises.set_signature(tx, promise, signature)
    return replace(promise, signature=signature)
