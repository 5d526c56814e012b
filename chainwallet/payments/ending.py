"""Retrying and cancelling. Neither ends a payment: only the chain does, and both keep its nonce.

A document may be public as soon as it was signed, so a cancel is itself a signed document that uses the nonce up on
the chain. Whichever of the two the chain takes first counts. Even a payment that nobody has signed yet is cancelled
this way: the database alone could not prove to anybody that it never will be.
"""

from dataclasses import replace

from chainwallet import promises
from chainwallet.abi.calls import call_data
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import CancelAuthorization, Payment
from chainwallet.errors import BadValue, NotPaid
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.payments.deciding import Desk, require_able
from chainwallet.promises import Begun, Moment
from chainwallet.rules.promise import (
    OPEN,
    Canceled,
    Canceling,
    Carried,
    Executed,
    Expired,
    Final,
    Offered,
    Queued,
    WasWithdrawn,
    stage_name,
)
from chainwallet.rules.submission import CANCEL
from chainwallet.rules.window import TAG, is_window
from chainwallet.store import promises as promise_rows
from chainwallet.store import submissions
from chainwallet.store.database import Transaction
from chainwallet.store.locks import lock_payer
from chainwallet.store.promises import Promise


def retry(desk: Desk, promise: Promise, signer: Signer | None, now_s: int) -> Promise:
    """Lets a waiting payment be taken up at once; one whose document expired is made again under the same nonce.

    ``signer`` None leaves a new document to be signed by an external owner. A payment that is paid, or on its way, is
    left as it is. Raises ``NotPaid`` for one whose nonce is gone (a new payment needs a new id), ``BadValue`` for one
    that is being cancelled or was overtaken, and ``InsufficientFunds`` where an expired one is no longer covered.
    """

    def again(tx: Transaction) -> Begun:
        lock_payer(tx, promise.token, promise.payer)
        found = promise_rows.hold(tx, promise)
        assert found is not None  # noqa: S101 - promises are never removed
        begun = Begun(found, promises.document_of(found))
        match found.stage:
            case Canceled():
                raise NotPaid(found.id, found.reason or "its nonce is gone; use a new id")
            case Canceling():
                raise BadValue("payment", found.id, "one that is not being cancelled")
            case Expired():
                require_able(tx, desk.cash, found.payer, _payment(begun).payee, found.value)
                begun = replace(begun, promise=promise_rows.hurry(tx, found))
                return _renewed(tx, desk, begun, desk.moment(tx, now_s))
            case Offered() | Queued():
                made = desk.moment(tx, now_s)
                begun = replace(begun, promise=promise_rows.hurry(tx, found))
                return _renewed(tx, desk, begun, made) if made.time_s >= found.valid_before else begun
            case Carried() | Executed() | Final():
                return begun

    begun = desk.database.write(again)
    if signer is None:
        return begun.promise
    return promises.signed(desk.database, desk.cash, begun, signer, now_s).promise


def cancel_document(promise: Promise) -> CancelAuthorization:
    """What the payer signs to make the payment's nonce useless: that nonce alone, whatever others there are."""
    nonce = TAG << 56 | promise.nonce if is_window(promise.nonce) else promise.nonce
    return CancelAuthorization(promise.payer, Hash32(nonce.to_bytes(32, "big")))


def cancel(desk: Desk, promise: Promise, signature: bytes, relayer: Address, now_s: int) -> int:
    """Takes the payment out of delivery, and queues the signed cancel of its nonce; the submission that carries it.

    Raises ``BadSignature`` where it is not the payer's, and ``BadValue`` for a payment that has ended or is paid.
    """
    document = cancel_document(promise)
    verify_signature(document, domain_of(desk.cash), signature, promise.payer)

    def withdraw(tx: Transaction) -> int:
        found = promise_rows.hold(tx, promise)
        assert found is not None  # noqa: S101 - promises are never removed
        if not isinstance(found.stage, OPEN):
            raise BadValue("payment", found.id, f"one that is open; it is {stage_name(type(found.stage))}")
        if not isinstance(found.stage, Canceling):
            promise_rows.move(tx, found, WasWithdrawn(), now_s)
        promise_rows.withdraw(tx, found, now_s)
        chain, _, contract = found.token.partition("/")
        key = f"{CANCEL}{contract}:{checksum(found.payer)}:{found.nonce:x}"
        data = call_data("cancelAuthorization(address,bytes32,bytes)", found.payer, document.nonce, signature)
        return submissions.put(tx, chain, key, relayer, desk.cash.address, data, now_s)

    return desk.database.write(withdraw)


def _renewed(tx: Transaction, desk: Desk, begun: Begun, made: Moment) -> Begun:
    payment = _payment(begun)
    document = Payment(payment.payer, payment.payee, payment.value, payment.payment_ref, payment.nonce, made.expiry)
    return promises.renew(tx, begun, document, desk.cash, "the last one expired", made.time_s)


def _payment(begun: Begun) -> Payment:
    assert isinstance(begun.document, Payment)  # noqa: S101 - payments and consents are kept apart
    return begun.document
