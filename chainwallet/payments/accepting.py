"""Accepting: an order becomes a promise. Balance, freezes and nonces come from the verified facts, in one transaction.

The document is stored with its nonce before anybody can sign it; the amount is kept back from the payer's balance from
then on. The same order again is the same payment. An order whose execution is on the chain already, as after a loss of
the database, is not signed again: that execution is taken in as its own.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from chainwallet import promises
from chainwallet.abi.calls import payment_ref
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Payment, as_typed_data
from chainwallet.errors import BadValue, Expired, InsufficientFunds, NotFound
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.keys.signer import Signer
from chainwallet.payments.order import Order
from chainwallet.promises import Begun, Intent, Moment
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import amount_text
from chainwallet.rules.promise import Executed, Execution, Offered
from chainwallet.store import evidence, facts, recoveries
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Database, Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.locks import lock_payer
from chainwallet.store.promises import Promise

ORDERS_AT_ONCE = 200  # of one ``accept_many`` in one transaction


@dataclass(frozen=True)
class Desk:
    """Where orders on one ledger are accepted: ``confirmations`` is how deep is final, ``lifetime_s`` how long a
    document is good.
    """

    database: Database
    cash: Cash
    confirmations: int
    lifetime_s: int


def offer(desk: Desk, order: Order, memo_salt: bytes, now_s: int) -> Begun:
    """The promise of ``order`` with the document that its payer must sign; the same order again gives the same.

    Raises ``BadValue`` for an order that cannot be, a frozen account or an id used for something else,
    ``InsufficientFunds`` for more than the payer's available balance, ``Recovering`` while the chain knows more than
    the database, and ``NotFound`` where the ledger's history is not followed yet. Then nothing is stored.
    """
    checked = order.checked(desk.cash)
    return desk.database.write(lambda tx: _offer(tx, desk, checked, memo_salt, _horizon(tx, desk), now_s))


def take_signature(desk: Desk, payer: Address, payment_id: str, signature: bytes, now_s: int) -> Promise:
    """The payer's signature over the document that ``offer`` gave; from then on the payment is queued.

    Raises ``NotFound``, ``BadSignature`` for somebody else's, and ``Expired`` where the document's time is over: then
    the same order is offered again, under the same nonce.
    """
    with desk.database.read() as tx:
        promise = promise_rows.by_id(tx, desk.cash.token, payer, "payment", payment_id)
        at = _horizon(tx, desk)
    if promise is None:
        raise NotFound("payment", payment_id, f"none of {checksum(payer)} has this id")
    time_s = max(now_s, at.timestamp_s)
    if isinstance(promise.stage, Offered) and time_s >= promise.valid_before:
        raise Expired(f"the document of payment {payment_id}", promise.valid_before, time_s)
    begun = Begun(promise, promises.document_of(promise))
    return promises.take_signature(desk.database, desk.cash, begun, signature, now_s).promise


def accept(desk: Desk, order: Order, signer: Signer, memo_salt: bytes, now_s: int) -> Promise:
    """The promise of ``order``, signed by ``signer`` and queued. Raises as ``offer``, and what the signer raises."""
    begun = offer(desk, order, memo_salt, now_s)
    return promises.signed(desk.database, desk.cash, begun, signer, now_s).promise


def accept_many(
    desk: Desk, orders: Sequence[Order], signer_of: Callable[[Address], Signer], salt: Callable[[], bytes], now_s: int
) -> list[Promise]:
    """As ``accept`` for each of ``orders``, many in one transaction.

    What one raises ends it; those before it in ``orders`` may have been accepted, and are the same when asked again.
    """
    accepted: list[Promise] = []
    waiting = iter([order.checked(desk.cash) for order in orders])
    while some := list(islice(waiting, ORDERS_AT_ONCE)):
        offered = desk.database.write(partial(_offer_all, desk=desk, orders=some, salt=salt, now_s=now_s))
        accepted += promises.signed_all(desk.database, desk.cash, offered, signer_of, now_s)
    return accepted


# ------------------------------------------------------------------------------------------------ in one transaction


def _offer_all(
    tx: Transaction, desk: Desk, orders: Sequence[Order], salt: Callable[[], bytes], now_s: int
) -> list[Begun]:
    at = _horizon(tx, desk)
    return [_offer(tx, desk, order, salt(), at, now_s) for order in orders]


def _offer(tx: Transaction, desk: Desk, order: Order, memo_salt: bytes, at: Horizon, now_s: int) -> Begun:
    cash = desk.cash
    made = _moment(desk, at, now_s)
    intent = Intent("payment", order.id, order.content_hash, order.memo, memo_salt)
    value, ref = order.amount.token_units, payment_ref(order.payer, cash.address, order.id)
    lock_payer(tx, cash.token, order.payer)  # from here on nobody else decides about this payer
    known = promises.find(tx, cash, order.payer, intent)
    if known is None:
        found = _execution(tx, cash, order, ref)
        if found is not None:
            return _adopt(tx, cash, order, intent, ref, found, made)
        _require_not_recovering(tx, cash, order.payer, at)
        require_able(tx, cash, order.payer, order.payee, value)
    return promises.reserve(
        tx,
        cash,
        order.payer,
        intent,
        lambda nonce: Payment(order.payer, order.payee, value, ref, nonce, made.expiry),
        made,
    )


def _horizon(tx: Transaction, desk: Desk) -> Horizon:
    at = evidence.horizon(tx, desk.cash.token, desk.confirmations)
    if at is None:
        raise NotFound("history", desk.cash.token, "it is not followed yet; see `chainwallet index run`")
    return at


def moment_of(tx: Transaction, desk: Desk, now_s: int) -> Moment:
    """Now, by the later of the verified history's clock and ours."""
    return _moment(desk, _horizon(tx, desk), now_s)


def _moment(desk: Desk, at: Horizon, now_s: int) -> Moment:
    return Moment(at.number, max(at.timestamp_s, now_s), desk.lifetime_s)


def _require_not_recovering(tx: Transaction, cash: Cash, payer: Address, at: Horizon) -> None:
    blocked = recoveries.blocked(tx, cash.chain.key, payer, at.final_timestamp_s)
    if blocked is not None:
        raise blocked


def require_able(tx: Transaction, cash: Cash, payer: Address, payee: Address, value: int) -> None:
    """Raises where the payment would be left out now, by the facts and what is promised already."""
    for role, account in (("payer", payer), ("payee", payee)):
        if evidence.is_frozen(tx, cash.token, account):
            raise BadValue(role, checksum(account), "an account that is not frozen")
    held = facts.balance(tx, cash.token, payer)
    available = max(0, held - promise_rows.reserved(tx, cash.token, payer))
    if available < value:
        amounts = [f"{amount_text(units, cash.currency)} {cash.currency}" for units in (available, value)]
        raise InsufficientFunds(checksum(payer), *amounts)


def _execution(tx: Transaction, cash: Cash, order: Order, ref: Hash32) -> facts.Execution | None:
    """The fact that carried out a payment of this payer with this id; raises ``BadValue`` where its content differs."""
    for one in facts.executions(tx, cash.token, [ref]).get(ref, ()):
        if one.fact.payer != order.payer:
            continue  # anybody can pay with our reference
        if (one.fact.payee, one.fact.value) != (order.payee, order.amount.token_units):
            raise BadValue("id", order.id, f"the payment that block {one.block} carried out under this id")
        return one
    return None


def _adopt(
    tx: Transaction, cash: Cash, order: Order, intent: Intent, ref: Hash32, found: facts.Execution, made: Moment
) -> Begun:
    nonce = found.fact.nonce
    assert nonce is not None  # noqa: S101 - a Paid fact has its payment's
    document = Payment(order.payer, order.payee, order.amount.token_units, ref, nonce, 0)
    promise = Promise(
        token=cash.token,
        payer=order.payer,
        kind="payment",
        id=order.id,
        nonce=nonce,
        content_hash=intent.content_hash,
        document=json.dumps(as_typed_data(document, domain_of(cash))),
        signature=None,
        memo=order.memo,
        payee=order.payee,
        value=document.value,
        ref=ref,
        valid_before=0,
        made_at_block=found.block,
        created_at_s=made.time_s,
        stage=Executed(Execution(found.tx, found.block, found.block_hash)),
        adopted_at_s=made.time_s,
    )
    return Begun(promise_rows.add(tx, promise, intent.memo_salt), document)
