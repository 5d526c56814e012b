"""A document made again: the same promise under the same nonce, with a later time. At most one of the two can count."""

import json
from dataclasses import replace

from chainwallet.abi.typed_data import Consent, Domain, Payment, as_typed_data, from_typed_data
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.rules.promise import WasRenewed, WasSigned
from chainwallet.store import promises
from chainwallet.store.database import Database, Transaction
from chainwallet.store.promises import Promise


def document_of(promise: Promise) -> tuple[Payment | Consent, Domain]:
    """What its payer signs, and for which domain."""
    document, domain = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Payment | Consent)  # noqa: S101 - no other document is stored
    return document, domain


def renewed(tx: Transaction, promise: Promise, valid_before: int, reason: str, now_s: int) -> Promise:
    """The payment ``promise``, which ``tx`` holds, with a new document that nobody has signed yet."""
    payment, domain = document_of(promise)
    assert isinstance(payment, Payment)  # noqa: S101 - a consent's document belongs to its settlement
    document = json.dumps(as_typed_data(replace(payment, valid_before=valid_before), domain))
    promises.set_document(tx, promise, document, valid_before, None, promise.ref)
    moved = promises.move(tx, promise, WasRenewed(reason), now_s)
    return replace(moved, document=document, valid_before=valid_before, signature=None)


def signed_again(database: Database, promise: Promise, signer: Signer, now_s: int) -> bool:
    """Has ``signer`` sign the offered ``promise``; False where it changed meanwhile, and the signature is forgotten."""
    document, domain = document_of(promise)
    signature = signer.sign(document, domain)
    verify_signature(document, domain, signature, promise.payer)
    with database.transaction() as tx:
        found = promises.hold(tx, promise)
        if found is None or found != promise:
            return False
        promises.set_document(tx, promise, promise.document, promise.valid_before, signature, promise.ref)
        promises.move(tx, promise, WasSigned(), now_s)
    return True
