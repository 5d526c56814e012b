"""Paying: an order is accepted and seen through to the end, by a process that carries it itself if nobody else does."""

from dataclasses import dataclass

from chainwallet.errors import NotFound
from chainwallet.evm import Address, Hash32, to_hex
from chainwallet.keys.signer import Signer
from chainwallet.payments.accepting import accept
from chainwallet.payments.deciding import Desk
from chainwallet.payments.ending import retry
from chainwallet.payments.order import Order
from chainwallet.payments.teller import Accept
from chainwallet.promises import account_state
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import amount_text
from chainwallet.rules.promise import Expired, Final, Queued
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker


@dataclass(frozen=True)
class Receipt:
    """How a payment went: its reference on the chain and the transaction that carried it out, whoever sent it."""

    payment_ref: Hash32
    tx: Hash32
    block: int
    gas_used: int


def pay(desk: Desk, worker: Worker, order: Order, signer: Signer, memo_salt: bytes, now_s: int) -> Receipt:
    """Makes and delivers the payment that ``order`` asks for; the same order again is the same payment.

    It is paid when the facts say so, as deep as was asked for, whoever's transaction it was. Raises what ``accept``
    and ``retry`` raise, ``FeeAboveCap`` before anything is stored, and what ``Worker.settle`` raises: then the same
    order again goes on with it.
    """
    order = order.checked(desk.cash)
    worker.catch_up()
    worker.relayer.check_fees()
    promise = accept(desk, order, signer, memo_salt, now_s)
    if isinstance(promise.stage, Expired | Queued):  # its owner asks for it again
        promise = retry(desk, promise, signer, now_s)
    return receipt_of(worker.tools.node, worker.settle(promise.number))


def accept_or_retry(desk: Desk, accept: Accept, order: Order, signer: Signer, now_s: int) -> Promise:
    """The promise of ``order`` as ``accept`` gives it; one that expired unpaid is signed anew, under the same nonce.

    For who asks again until it is paid. Raises what ``accept`` and ``retry`` raise.
    """
    promise = accept(desk, order, signer)
    return retry(desk, promise, signer, now_s) if isinstance(promise.stage, Expired) else promise


def receipt_of(node: Node, promise: Promise) -> Receipt:
    """The receipt of a payment that is final; raises ``NotFound`` where the node does not have its transaction."""
    assert isinstance(promise.stage, Final)  # noqa: S101 - the caller waited for it
    execution = promise.stage.execution
    found = node.receipt(execution.tx)
    if found is None:
        raise NotFound("receipt", to_hex(execution.tx), "the node lost it; run the same command again")
    return Receipt(promise.ref, execution.tx, execution.block, found.gas_used)


def balance_text(node: Node, cash: Cash, owner: Address) -> str:
    """What ``owner`` holds at the head: with the currency's decimals, or all 6 where a part of a minor unit is held."""
    return amount_text(account_state(node, cash, owner).balance, cash.currency)
