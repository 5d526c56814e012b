"""The teller: payments for somebody who has wallets here, asked for by handle or address, in single calls.

What is asked for becomes an order and its promise; nothing is carried here. A payer whose key is not here signs in two
steps: the document goes out with its nonce stored, the signature comes in. ``accept`` is the one seam through which a
payment is accepted, so that those who ask at the same time can be accepted together.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import as_typed_data
from chainwallet.errors import BadValue, ChainwalletError, NotFound, TooLate
from chainwallet.evm import Address
from chainwallet.keys.signer import Signer
from chainwallet.payments.accepting import offer, take_signature
from chainwallet.payments.deciding import Desk, decide, id_in_use
from chainwallet.payments.directory import Directory, Named, payee_of, payees_of
from chainwallet.payments.ending import cancel, cancel_document
from chainwallet.payments.order import Order
from chainwallet.payments.showing import Shown, show, waits_for
from chainwallet.rpc import Node
from chainwallet.rules.fees import Market
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.promise import Canceled, Carried, Executed, Expired, Final, Offered, Queued
from chainwallet.rules.quote import GOOD_FOR_S, Quote, relayer_cost
from chainwallet.store import costs, lanes, purses, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.promises import Promise

Accept = Callable[[Desk, Order, Signer], Promise]
"""Accepts an order whose payer's key is here, signed and queued. Raises as ``payments.accept``."""
AcceptSoon = Callable[[Desk, Order, Signer], "Future[Promise | None]"]
"""The same for who must not wait for it."""


@dataclass(frozen=True)
class Wish:
    """What a payer asks for: ``id`` is the payer's own, ``payee`` a handle (with or without @) or an address."""

    id: str
    payee: str
    amount: Money
    memo: str | None = None


@dataclass(frozen=True)
class Petition:
    """A wish of somebody who owns ``wallets``, one of which is ``payer``."""

    payer: Address
    wallets: Collection[Address]
    wish: Wish


@dataclass(frozen=True)
class Asked:
    """A wish as an order at a desk; ``signer`` is None where the payer's key is elsewhere."""

    desk: Desk
    order: Order
    signer: Signer | None


@dataclass(frozen=True)
class Told:
    """A payment without its story, and what it waits for."""

    promise: Promise
    waits: str


@dataclass(frozen=True)
class Teller:
    """Takes payments on one chain; ``desks`` by the currency's code, ``relayer`` sends cancels.

    ``signer_of`` gives None for a payer who signs elsewhere. ``service_fee_minor`` stands in each quote.
    """

    database: Database
    node: Node
    chain: str
    desks: Mapping[str, Desk]
    directory: Directory
    accept: Accept
    signer_of: Callable[[Address], Signer | None]
    relayer: Address
    salt: Callable[[], bytes]
    now_s: Callable[[], int]
    service_fee_minor: int = 0
    accept_soon: AcceptSoon | None = None

    # ------------------------------------------------------------------------------------------------ asking

    def pay(self, payer: Address, wallets: Collection[Address], wish: Wish) -> Promise:
        """The payment that ``wish`` asks for, from ``payer``, one of its owner's ``wallets``; asked again, the same.

        For all wallets of an account, and in all currencies, an id stands for one payment: of several that are asked
        for in the same instant one is accepted. A handle is looked up when the payment is accepted: asked for again it
        means the wallet that it meant then. Queued, or, where the payer signs elsewhere, offered.
        Raises ``BadValue``, ``NotFound``, ``InsufficientFunds``, ``Recovering`` and what the signer raises; then
        nothing is stored.
        """
        return self.take(self.asked(payer, wallets, wish))

    def asked(self, payer: Address, wallets: Collection[Address], wish: Wish) -> Asked:
        """The first half of ``pay``, which only reads: what ``take`` takes."""
        (found,) = self.asked_by_each([Petition(payer, wallets, wish)])
        if isinstance(found, ChainwalletError):
            raise found
        return found

    def asked_by_each(self, some: Sequence[Petition]) -> list[Asked | ChainwalletError]:
        """As ``asked`` for each of ``some``, which are looked up together: what it gives, or what it would raise."""
        mine = {wallet for one in some for wallet in one.wallets}
        with self.database.read() as tx:
            found = purses.with_ids(tx, self.chain, mine, {one.wish.id for one in some})
        known = [_first(found, one) for one in some]
        payees = payees_of(
            self.directory,
            [Named(one.wish.payee, was.payee if was else None) for one, was in zip(some, known, strict=True)],
        )
        return [self._asked(*one) for one in zip(some, known, payees, strict=True)]

    def _asked(
        self, one: Petition, known: Promise | None, payee: Address | ChainwalletError
    ) -> Asked | ChainwalletError:
        try:
            desk = self.desk(one.wish.amount.currency)
            if known is not None and (known.token, known.payer) != (desk.cash.token, one.payer):
                return id_in_use(one.wish.id)
            if isinstance(payee, ChainwalletError):
                return payee
            order = Order(one.wish.id, one.payer, payee, one.wish.amount, one.wish.memo).checked(desk.cash)
            return Asked(desk, order, self.signer_of(one.payer))
        except ChainwalletError as refused:
            return refused

    def take(self, asked: Asked) -> Promise:
        """The payment that was asked for, stored; raises as ``pay``."""
        if asked.signer is None:
            return offer(asked.desk, asked.order, self.salt(), self.now_s()).promise
        return self.accept(asked.desk, asked.order, asked.signer)

    def take_in(self, tx: Transaction, asked: Asked) -> Promise:
        """The same in ``tx``, together with what its caller stores there; signed where the key is in this process.

        One that is offered though ``asked`` has a signer, ``take`` signs when ``tx`` is committed. Raises as ``offer``.
        """
        signers = {} if asked.signer is None else {asked.order.payer: asked.signer}
        order = asked.order.checked(asked.desk.cash)
        (outcome,) = decide(tx, asked.desk, [(order, self.salt())], self.now_s(), signers)
        if isinstance(outcome, ChainwalletError):
            raise outcome
        return outcome.promise

    def take_soon(self, asked: Asked) -> "Future[Promise | None] | None":
        """The same for who must not wait; None where that cannot be done and ``take`` must."""
        if asked.signer is None or self.accept_soon is None:
            return None
        return self.accept_soon(asked.desk, asked.order, asked.signer)

    def sign(self, wallets: Collection[Address], payment_id: str, signature: bytes) -> Promise:
        """The offered payment with its payer's ``signature``, queued.

        Raises ``NotFound``, ``BadSignature`` and ``Expired``: then the same payment is asked for again.
        """
        promise = self.find(wallets, payment_id)
        return take_signature(self._desk_of(promise), promise.payer, payment_id, signature, self.now_s())

    def cancel(self, wallets: Collection[Address], payment_id: str, signature: bytes | None = None) -> Promise:
        """The payment, being cancelled by ``signature``, or by the payer's key where that is here.

        One that has ended unpaid stays as it is, and so does one whose payer signs elsewhere and has not: then
        ``document_to_cancel`` is what to sign. Raises ``NotFound``, ``BadSignature``, and ``TooLate`` for a payment
        that is paid.
        """
        promise = self.find(wallets, payment_id)
        match promise.stage:
            case Executed() | Final():
                raise TooLate(f"payment {payment_id}", "it is paid, and only a payment back undoes it")
            case Canceled() | Expired():
                return promise
        desk = self._desk_of(promise)
        if signature is None:
            signer = self.signer_of(promise.payer)
            if signer is None:
                return promise
            signature = signer.sign(cancel_document(promise), domain_of(desk.cash))
        cancel(desk, promise, signature, self.relayer, self.now_s())
        return self.find(wallets, payment_id)

    def quote(self, payer: Address, payee: str, amount: Money) -> Quote:
        """What paying ``amount`` to ``payee`` costs now. Raises as ``pay`` for what no payment can be."""
        desk = self.desk(amount.currency)
        Order("quote", payer, payee_of(self.directory, payee, None), amount, None).checked(desk.cash)
        history = self.node.fee_history()
        market = Market(history.next_base_fee_per_gas_wei, history.tips_per_gas_wei)
        with self.database.read() as tx:
            cost = relayer_cost(market, costs.carried_lately(tx, self.chain))
        return Quote(amount, Money(self.service_fee_minor, amount.currency), cost, self.now_s() + GOOD_FOR_S)

    # ------------------------------------------------------------------------------------------------ telling

    def find(self, wallets: Collection[Address], payment_id: str) -> Promise:
        """The payment that any of ``wallets`` made under this id. Raises ``NotFound``."""
        promise = self._known(wallets, payment_id)
        if promise is None:
            raise NotFound("payment", payment_id, "you have made none with this id")
        return promise

    def show(self, wallets: Collection[Address], payment_id: str) -> Shown:
        """How it stands and how it came there. Raises ``NotFound``."""
        promise = self.find(wallets, payment_id)
        return show(self.database, promise, self._desk_of(promise).confirmations)

    def told(self, some: Collection[Promise]) -> list[Told]:
        """What each of ``some`` waits for."""
        with self.database.read() as tx:
            carrying = {one.submission_id for one in some if one.submission_id is not None}
            carriers = {one.id: one for one in submissions.every(tx, carrying)} if carrying else {}
            known = lanes.every(tx, self.chain)
            return [
                Told(
                    one,
                    waits_for(tx, one, carriers.get(one.submission_id or 0), self._desk_of(one).confirmations, known),
                )
                for one in some
            ]

    def listed(self, wallets: Collection[Address], below: int | None, limit: int) -> list[Told]:
        """The latest ``limit`` payments of ``wallets`` numbered under ``below``, the newest first."""
        with self.database.read() as tx:
            found = purses.listed(tx, self.chain, wallets, below, limit)
        return self.told(found)

    def document_to_sign(self, promise: Promise) -> Mapping[str, Any] | None:
        """The typed data (EIP-712) that the payer signs to pay; None where they have signed, or it has ended."""
        if not isinstance(promise.stage, Offered):
            return None
        document: dict[str, Any] = json.loads(promise.document)
        return document

    def document_to_cancel(self, promise: Promise) -> Mapping[str, Any] | None:
        """The typed data that the payer signs to cancel; None where it is being cancelled, is paid, or has ended."""
        if not isinstance(promise.stage, Offered | Queued | Carried):
            return None
        return as_typed_data(cancel_document(promise), domain_of(self._desk_of(promise).cash))

    def desk(self, currency: Currency) -> Desk:
        """Where payments in ``currency`` are accepted. Raises ``BadValue`` for one that has no ledger here."""
        found = self.desks.get(currency.code)
        if found is None:
            raise BadValue("currency", currency.code, f"one that has a ledger here: {', '.join(sorted(self.desks))}")
        return found

    def currency_of(self, promise: Promise) -> Currency:
        """In which currency it pays."""
        return self._desk_of(promise).cash.currency

    # ------------------------------------------------------------------------------------------------ looking up

    def _known(self, wallets: Collection[Address], payment_id: str) -> Promise | None:
        with self.database.read() as tx:
            found = purses.with_id(tx, self.chain, wallets, payment_id)
        return found[0] if found else None

    def _desk_of(self, promise: Promise) -> Desk:
        for desk in self.desks.values():
            if desk.cash.token == promise.token:
                return desk
        raise NotFound("ledger", promise.token, "its contract is in none of this home's manifests")


def _first(found: Sequence[Promise], one: Petition) -> Promise | None:
    return next((was for was in found if was.id == one.wish.id and was.payer in one.wallets), None)
