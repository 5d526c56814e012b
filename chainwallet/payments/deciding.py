"""Deciding about orders, many in one transaction: what is known of their payers is asked for once for all of them.

Each order has an outcome of its own. One that is refused changes nothing and holds no other one up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from chainwallet import promises
from chainwallet.abi.calls import payment_ref
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Domain, Payment
from chainwallet.errors import BadValue, ChainwalletError, InsufficientFunds, NotFound
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.keys.signer import Signer, verify_signature
from chainwallet.payments.order import Order
from chainwallet.promises import Begun, Intent, Moment
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import amount_text
from chainwallet.rules.promise import OPEN, Executed, Execution, Queued
from chainwallet.store import account_wallets, evidence, facts, payers, purses, recoveries
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Database, Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.locks import lock_payers, lock_payment_ids
from chainwallet.store.payers import Standing
from chainwallet.store.promises import Promise

Outcome = Begun | ChainwalletError
"""What became of an order: its promise, or why there is none."""
NO_SIGNERS: Mapping[Address, Signer] = MappingProxyType({})
_Key = tuple[Address, str]


@dataclass(frozen=True)
class Desk:
    """Where orders on one ledger are accepted: ``confirmations`` is how deep is final, ``lifetime_s`` how long a
    document is good.
    """

    database: Database
    cash: Cash
    confirmations: int
    lifetime_s: int

    def horizon(self, tx: Transaction) -> Horizon:
        """How far the ledger's history goes; raises ``NotFound`` before its first verified block."""
        at = evidence.horizon(tx, self.cash.token, self.confirmations)
        if at is None:
            raise NotFound("history", self.cash.token, "it is not followed yet; see `chainwallet index run`")
        return at

    def moment(self, tx: Transaction, now_s: int) -> Moment:
        """Now, by the later of the verified history's clock and ours."""
        return self.moment_at(self.horizon(tx), now_s)

    def moment_at(self, at: Horizon, now_s: int) -> Moment:
        """As ``moment``, for the horizon that was read."""
        return Moment(at.number, max(at.timestamp_s, now_s), self.lifetime_s)


def decide(
    tx: Transaction,
    desk: Desk,
    orders: Sequence[tuple[Order, bytes]],
    now_s: int,
    signers: Mapping[Address, Signer] = NO_SIGNERS,
) -> list[Outcome]:
    """The outcome of each of ``orders``, which were checked and come with the salts of their memos.

    New promises are stored; signed at once where the payer's signer, among ``signers``, has its key in this process:
    nobody sees such a signature before it is stored with its nonce. Raises ``NotFound`` where the history is not
    followed yet.
    """
    at = desk.horizon(tx)
    made = desk.moment_at(at, now_s)
    who = {order.payer for order, _ in orders}
    accounts = account_wallets.accounts_of(tx, who)
    lock_payment_ids(tx, desk.cash.chain.key, accounts.values())
    lock_payers(tx, desk.cash.token, who)  # nobody else decides about them now
    known = promise_rows.by_ids(tx, desk.cash.token, "payment", [(order.payer, order.id) for order, _ in orders])
    new = [order for order, _ in orders if (order.payer, order.id) not in known]
    deciding = _Deciding(tx, desk, new, accounts, at, made, signers) if new else None
    outcomes: list[Outcome | _Key] = []
    for order, salt in orders:
        key = (order.payer, order.id)
        try:
            if key in known:
                outcomes.append(_again(tx, desk.cash, known[key], order, salt, made))
            else:
                assert deciding is not None  # noqa: S101 - this one is new
                deciding.take(order, salt)
                outcomes.append(key)
        except ChainwalletError as refused:
            outcomes.append(refused)
    begun = deciding.stored() if deciding is not None else {}
    return [begun[one] if isinstance(one, tuple) else one for one in outcomes]


def require_able(tx: Transaction, cash: Cash, payer: Address, payee: Address, value: int, kept: int = 0) -> None:
    """Raises where the payment would be left out now, by the facts and what is promised already.

    ``kept`` of what is promised is kept back for this very promise.
    """
    _require_unfrozen(evidence.frozen(tx, cash.token, [payer, payee]), payer, payee)
    held = facts.balance(tx, cash.token, payer)
    _require_covered(cash, payer, held - payers.standing(tx, cash.token, [payer])[payer].reserved + kept, value)


class _Deciding:
    """Takes new orders one after the other; each sees what those before it promised."""

    def __init__(
        self,
        tx: Transaction,
        desk: Desk,
        new: Sequence[Order],
        accounts: Mapping[Address, int],
        at: Horizon,
        made: Moment,
        signers: Mapping[Address, Signer],
    ) -> None:
        cash = desk.cash
        who = sorted({order.payer for order in new})
        self._tx, self._cash, self._made, self._signers = tx, cash, made, signers
        self._domain = domain_of(cash)
        self._accounts = accounts
        names = {(accounts[order.payer], order.id) for order in new if order.payer in accounts}
        self._taken_ids = purses.taken_ids(tx, cash.chain.key, names) if names else set()
        self._refs = {(order.payer, order.id): payment_ref(order.payer, cash.address, order.id) for order in new}
        self._found = facts.executions(tx, cash.token, set(self._refs.values()))
        self._standing = payers.standing(tx, cash.token, who)
        self._unused = evidence.first_unused_nonces(tx, cash.token, who)
        self._held = facts.balances_of(tx, cash.token, who)
        self._frozen = evidence.frozen(tx, cash.token, {*who, *(order.payee for order in new)})
        self._recoveries = recoveries.open_ones(tx, cash.chain.key)
        self._final_s = at.final_timestamp_s
        self._taken: dict[_Key, tuple[Promise, Payment, bytes]] = {}

    def take(self, order: Order, salt: bytes) -> None:
        """Makes the promise of ``order``, or raises why there is none."""
        key = (order.payer, order.id)
        intent = intent_of(order, salt)
        if key in self._taken:
            promises.require_same(self._taken[key][0], intent)
            return
        self._require_unused(order)
        ref = self._refs[key]
        found = _execution(order, self._found.get(ref, ()))
        if found is not None:
            self._taken[key] = (*_adopted(self._cash, order, intent, ref, found, self._made), salt)
        else:
            self._require_able(order)
            promise, document = self._promised(order, intent, ref)
            self._taken[key] = (self._signed(promise, document), document, salt)
            self._standing[order.payer] = _after(self._standing[order.payer], promise)
        if order.payer in self._accounts:
            self._taken_ids.add((self._accounts[order.payer], order.id))

    def stored(self) -> dict[_Key, Begun]:
        """Stores what was taken; each by its order's payer and id."""
        added = promise_rows.add_all(self._tx, [(promise, salt) for promise, _, salt in self._taken.values()])
        taken = zip(self._taken.items(), added, strict=True)
        return {key: Begun(promise, document) for (key, (_, document, _)), promise in taken}

    def _require_unused(self, order: Order) -> None:
        """An account's id stands for one payment, whichever of its wallets pays, and in whichever currency."""
        if order.payer in self._accounts and (self._accounts[order.payer], order.id) in self._taken_ids:
            raise id_in_use(order.id)

    def _require_able(self, order: Order) -> None:
        blocked = recoveries.blocking(self._recoveries, order.payer, self._final_s)
        if blocked is not None:
            raise blocked
        _require_unfrozen(self._frozen, order.payer, order.payee)
        free = self._held[order.payer] - self._standing[order.payer].reserved
        _require_covered(self._cash, order.payer, free, order.amount.token_units)

    def _promised(self, order: Order, intent: Intent, ref: Hash32) -> tuple[Promise, Payment]:
        nonces = promises.payer_nonces(self._standing[order.payer], self._unused[order.payer])
        nonce = promises.next_nonce(nonces, self._cash, order.payer, intent)
        terms = (order.payer, order.payee, order.amount.token_units, ref)
        document = Payment(*terms, nonce, self._made.expiry)
        return promises.new_promise(self._cash, order.payer, intent, document, self._made), document

    def _signed(self, promise: Promise, document: Payment) -> Promise:
        signer = self._signers.get(promise.payer)
        if signer is None or not signer.is_here:
            return promise
        return replace(promise, signature=signed_by(signer, document, self._domain), stage=Queued())


def id_in_use(payment_id: str) -> BadValue:
    """What is raised for an id that stands for a payment from another wallet of the account, or in another currency."""
    return BadValue("id", payment_id, "an id that none of your other payments has")


def signed_by(signer: Signer, document: Payment, domain: Domain) -> bytes:
    """The payer's signature over ``document``. Raises ``BadSignature`` where ``signer`` did not sign as the payer."""
    signature = signer.sign(document, domain)
    verify_signature(document, domain, signature, document.payer)
    return signature


def intent_of(order: Order, salt: bytes) -> Intent:
    """What the payer of ``order`` promises."""
    return Intent("payment", order.id, order.content_hash, order.memo, salt)


def _after(standing: Standing, promise: Promise) -> Standing:
    return payers.with_live(standing, promise.value if isinstance(promise.stage, OPEN) else 0, promise.nonce)


def _again(tx: Transaction, cash: Cash, known: Promise, order: Order, salt: bytes, made: Moment) -> Begun:
    """A promise that is asked for again; its document made again where it expired and nobody carries it."""
    intent = intent_of(order, salt)

    def document_with(nonce: int) -> Payment:
        return Payment(order.payer, order.payee, known.value, known.ref, nonce, made.expiry)

    return promises.renewed_if_expired(tx, cash, promises.begun_as(tx, known, intent), document_with, made)


def _require_unfrozen(frozen: frozenset[Address], payer: Address, payee: Address) -> None:
    for role, account in (("payer", payer), ("payee", payee)):
        if account in frozen:
            raise BadValue(role, checksum(account), "an account that is not frozen")


def _require_covered(cash: Cash, payer: Address, free: int, value: int) -> None:
    if free < value:
        amounts = [f"{amount_text(units, cash.currency)} {cash.currency}" for units in (max(0, free), value)]
        raise InsufficientFunds(checksum(payer), *amounts)


def _execution(order: Order, with_its_ref: Sequence[facts.Execution]) -> facts.Execution | None:
    """The fact that carried out a payment of this payer with this id; raises ``BadValue`` where its content differs."""
    for one in with_its_ref:
        if one.fact.payer != order.payer:
            continue  # anybody can pay with our reference
        if (one.fact.payee, one.fact.value) != (order.payee, order.amount.token_units):
            raise BadValue("id", order.id, f"the payment that block {one.block} carried out under this id")
        return one
    return None


def _adopted(
    cash: Cash, order: Order, intent: Intent, ref: Hash32, found: facts.Execution, made: Moment
) -> tuple[Promise, Payment]:
    nonce = found.fact.nonce
    assert nonce is not None  # noqa: S101 - a Paid fact has its payment's
    document = Payment(order.payer, order.payee, order.amount.token_units, ref, nonce, 0)
    promise = replace(
        promises.new_promise(cash, order.payer, intent, document, made),
        made_at_block=found.block,
        stage=Executed(Execution(found.tx, found.block, found.block_hash)),
        adopted_at_s=made.time_s,
    )
    return promise, document
