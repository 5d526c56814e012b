"""Accepting: an order becomes a promise. Balance, freezes and nonces come from the verified facts, in one transaction.

The document is stored with its nonce before anybody else can see it or its signature; the amount is kept back from the
payer's balance from then on. The same order again is the same payment. An order whose execution is on the chain
already, as after a loss of the database, is not signed again: that execution is taken in as its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from chainwallet import promises
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Payment
from chainwallet.errors import ChainwalletError, Expired, NotFound
from chainwallet.evm import Address, checksum
from chainwallet.keys.signer import Signer
from chainwallet.payments.deciding import Desk, Outcome, decide, signed_by
from chainwallet.payments.order import Order
from chainwallet.promises import Begun
from chainwallet.rules.promise import Offered
from chainwallet.store import promises as promise_rows
from chainwallet.store.promises import Promise

SignerOf = Callable[[Address], Signer]
ORDERS_AT_ONCE = 250  # in one transaction


def offer(desk: Desk, order: Order, memo_salt: bytes, now_s: int) -> Begun:
    """The promise of ``order`` with the document that its payer must sign; the same order again gives the same.

    Raises ``BadValue`` for an order that cannot be, a frozen account or an id used for something else,
    ``InsufficientFunds`` for more than the payer's available balance, ``Recovering`` while the chain knows more than
    the database, and ``NotFound`` where the ledger's history is not followed yet. Then nothing is stored.
    """
    checked = order.checked(desk.cash)
    (outcome,) = desk.database.write(lambda tx: decide(tx, desk, [(checked, memo_salt)], now_s))
    return _begun(outcome)


def take_signature(desk: Desk, payer: Address, payment_id: str, signature: bytes, now_s: int) -> Promise:
    """The payer's signature over the document that ``offer`` gave; from then on the payment is queued.

    Raises ``NotFound``, ``BadSignature`` for somebody else's, and ``Expired`` where the document's time is over: then
    the same order is offered again, under the same nonce.
    """
    with desk.database.read() as tx:
        promise = promise_rows.by_id(tx, desk.cash.token, payer, "payment", payment_id)
        at = desk.horizon(tx)
    if promise is None:
        raise NotFound("payment", payment_id, f"none of {checksum(payer)} has this id")
    time_s = max(now_s, at.timestamp_s)
    if isinstance(promise.stage, Offered) and time_s >= promise.valid_before:
        raise Expired(f"the document of payment {payment_id}", promise.valid_before, time_s)
    begun = Begun(promise, promises.document_of(promise))
    return promises.take_signature(desk.database, desk.cash, begun, signature, now_s).promise


def accept(desk: Desk, order: Order, signer: Signer, memo_salt: bytes, now_s: int) -> Promise:
    """The promise of ``order``, signed by ``signer`` and queued. Raises as ``offer``, and what the signer raises."""
    (outcome,) = accept_each(desk, [order], lambda _: signer, lambda: memo_salt, now_s)
    if isinstance(outcome, ChainwalletError):
        raise outcome
    return outcome


def accept_many(
    desk: Desk, orders: Sequence[Order], signer_of: SignerOf, salt: Callable[[], bytes], now_s: int
) -> list[Promise]:
    """As ``accept`` for each of ``orders``; what the first refused one raises is raised when all were asked for.

    The others are accepted, and are the same when they are asked for again.
    """
    accepted: list[Promise] = []
    for outcome in accept_each(desk, orders, signer_of, salt, now_s):
        if isinstance(outcome, ChainwalletError):
            raise outcome
        accepted.append(outcome)
    return accepted


def accept_each(
    desk: Desk, orders: Sequence[Order], signer_of: SignerOf, salt: Callable[[], bytes], now_s: int
) -> list[Promise | ChainwalletError]:
    """What became of each of ``orders``: its promise, signed and queued, or what ``accept`` would raise.

    Many are accepted in one transaction; raises what concerns all of them, such as ``StoreTrouble`` and ``NotFound``.
    """
    accepted: list[Promise | ChainwalletError] = []
    waiting = iter(orders)
    while some := list(islice(waiting, ORDERS_AT_ONCE)):
        signers: dict[Address, Signer] = {}
        checked = [_checked(order, desk, signer_of, signers) for order in some]
        good = [(order, salt()) for order in checked if isinstance(order, Order)]
        decided = desk.database.write(partial(decide, desk=desk, orders=good, now_s=now_s, signers=signers))
        outcomes = iter(_signed(desk, decided, signers, now_s))
        accepted += [next(outcomes) if isinstance(order, Order) else order for order in checked]
    return accepted


def _checked(order: Order, desk: Desk, signer_of: SignerOf, signers: dict[Address, Signer]) -> Order | ChainwalletError:
    """The order, its payer's signer among ``signers``: keys are looked for before anybody is held up."""
    try:
        checked = order.checked(desk.cash)
        if order.payer not in signers:
            signers[order.payer] = signer_of(order.payer)
    except ChainwalletError as refused:
        return refused
    return checked


def _signed(
    desk: Desk, decided: Sequence[Outcome], signers: Mapping[Address, Signer], now_s: int
) -> Iterator[Promise | ChainwalletError]:
    """Signs what a key elsewhere must sign, or what was offered before; all that are stored in one transaction."""
    signed: list[tuple[Promise, bytes]] = []
    now: dict[int, Promise | ChainwalletError] = {}
    for one in decided:
        if isinstance(one, Begun) and isinstance(one.promise.stage, Offered):
            assert isinstance(one.document, Payment)  # noqa: S101 - payments and consents are kept apart
            try:
                signature = signed_by(signers[one.promise.payer], one.document, domain_of(desk.cash))
                signed.append((one.promise, signature))
            except ChainwalletError as trouble:
                now[one.promise.number] = trouble
    if signed:
        stored = promises.store_signatures(desk.database, signed, now_s)
        now |= {promise.number: outcome for (promise, _), outcome in zip(signed, stored, strict=True)}
    for outcome in decided:
        if isinstance(outcome, ChainwalletError):
            yield outcome
        else:
            yield now.get(outcome.promise.number, outcome.promise)


def _begun(outcome: Outcome) -> Begun:
    if isinstance(outcome, ChainwalletError):
        raise outcome
    return outcome
