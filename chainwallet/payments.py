"""Payments: one payer, one payee, one amount, carried to the chain exactly once."""

from dataclasses import dataclass
from itertools import pairwise

from chainwallet import evm, promises
from chainwallet.abi.calls import pay_data, pay_item, payment_ref
from chainwallet.abi.events import PAID_TOPIC, Event, Paid, Skipped, SkipReason, Transfer, decode_event
from chainwallet.abi.typed_data import Payment, struct_hash
from chainwallet.errors import BadValue, InsufficientFunds, OutcomeUnknown, Reverted
from chainwallet.evm import ZERO_ADDRESS, Address, Hash32, checksum, keccak256, to_hex
from chainwallet.keys.signer import Signer, to_compact
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money, amount_text
from chainwallet.rules.submission import Deliver, Mined
from chainwallet.store import promises as promise_rows
from chainwallet.store import submissions
from chainwallet.store.database import Database

MAX_MEMO_CHARS = 280
MAX_ID_CHARS = 100


@dataclass(frozen=True)
class Order:
    """What the payer asks for. ``id`` is the client's idempotency key; the memo never leaves the database."""

    id: str
    payer: Address
    payee: Address
    amount: Money
    memo: str | None

    def checked(self, cash: Cash) -> "Order":
        """This order; raises ``BadValue`` for what no payment on ``cash`` can be."""
        if not 0 < len(self.id) <= MAX_ID_CHARS:
            raise BadValue("id", self.id, f"1 to {MAX_ID_CHARS} characters")
        if self.amount.amount_minor <= 0:
            raise BadValue("amount", str(self.amount), f"more than 0 {self.amount.currency}")
        if self.amount.currency != cash.currency:
            raise BadValue("amount", str(self.amount), f"an amount in {cash.currency}")
        if self.payee in (ZERO_ADDRESS, cash.address):
            raise BadValue("payee", checksum(self.payee), "an account that can spend again")
        if self.payee == self.payer:
            raise BadValue("payee", checksum(self.payee), "somebody else than the payer")
        if self.memo is not None and len(self.memo) > MAX_MEMO_CHARS:
            raise BadValue("memo", f"{len(self.memo)} characters", f"at most {MAX_MEMO_CHARS} characters")
        for field, text in (("id", self.id), ("memo", self.memo or "")):
            if any("\ud800" <= char <= "\udfff" for char in text):
                raise BadValue(field, text, "a text that UTF-8 can write")
        return self

    @property
    def content_hash(self) -> Hash32:
        """Stands for payee, amount and memo: the same id with another hash is another payment."""
        parts = (checksum(self.payee), str(self.amount), self.memo or "")
        return keccak256(b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts))


@dataclass(frozen=True)
class Receipt:
    """How a payment went: its reference on the chain and the transaction that carried it out."""

    payment_ref: Hash32
    tx: Hash32
    block: int
    gas_used: int


def pay(
    node: Node,
    database: Database,
    deliver: Deliver,
    relayer: Address,
    cash: Cash,
    order: Order,
    signer: Signer,
    memo_salt: bytes,
    now_s: int,
) -> Receipt:
    """Makes and delivers the payment that ``order`` asks for; the same order again is the same payment.

    It is paid when the chain's events say so, whoever's transaction it was. Raises ``BadValue`` for an order that
    cannot be, a frozen account or an id used for something else, ``InsufficientFunds``, what ``deliver`` raises, and
    ``Reverted`` where the chain left the payment out: the same order again delivers it again, same nonce.
    """
    order = order.checked(cash)
    intent = promises.Intent("payment", order.id, order.content_hash, order.memo, memo_salt)
    with database.transaction() as tx:
        known = promises.find(tx, cash, order.payer, intent)
    done = _execution(node, cash, known) if known is not None else None
    if done is not None:
        return done
    left_out = known is not None and known.carried is not None  # mined before we looked, and not there
    state = promises.account_state(node, cash, order.payer)
    if known is None or not known.is_under_way:
        _require_able(node, cash, order, state)
    value, ref = order.amount.token_units, payment_ref(order.payer, cash.address, order.id)
    made = promises.moment(node, now_s)
    with database.transaction() as tx:
        begun = promises.reserve(
            tx,
            cash,
            order.payer,
            state.first_unused_nonce,
            intent,
            lambda nonce: Payment(order.payer, order.payee, value, ref, nonce, made.expiry),
            made,
        )
    begun = promises.signed(database, cash, begun, signer)
    submission_id = _submit(database, relayer, cash, begun, now_s, again=left_out)
    (mined,) = deliver([submission_id])
    return _outcome(node, cash, begun, mined)


def _payment(begun: promises.Begun) -> Payment:
    assert isinstance(begun.document, Payment)  # noqa: S101 - payments and consents are kept apart
    return begun.document


def _require_able(node: Node, cash: Cash, order: Order, payer: promises.AccountState) -> None:
    """Raises where the payment would be left out now."""
    payee = promises.account_state(node, cash, order.payee)
    for role, address, state in (("payer", order.payer, payer), ("payee", order.payee, payee)):
        if state.is_frozen:
            raise BadValue(role, checksum(address), "an account that is not frozen")
    if payer.balance < order.amount.token_units:
        available = f"{amount_text(payer.balance, cash.currency)} {cash.currency}"
        raise InsufficientFunds(checksum(order.payer), available, str(order.amount))


def _submit(database: Database, relayer: Address, cash: Cash, begun: promises.Begun, now_s: int, *, again: bool) -> int:
    payment = _payment(begun)
    r, vs = to_compact(begun.promise.signature or b"")
    data = pay_data([pay_item(payment, r + vs)])
    key = f"pay:{to_hex(struct_hash(payment))}"
    with database.transaction() as tx:
        submission_id = submissions.put(tx, cash.chain.key, key, relayer, cash.address, data, now_s, again=again)
        promise_rows.set_submission(tx, begun.promise, submission_id)
    return submission_id


def _outcome(node: Node, cash: Cash, begun: promises.Begun, mined: Mined) -> Receipt:
    """The receipt of the payment that our transaction carried; raises ``Reverted`` where the chain does not have it."""
    payment = _payment(begun)
    ours = node.receipt(mined.tx)
    if ours is None:
        raise OutcomeUnknown(to_hex(mined.tx), 0)
    if _carries_out(ours, cash, payment):
        return Receipt(payment.payment_ref, mined.tx, mined.block, mined.gas_used)
    theirs = _execution(node, cash, begun)
    if theirs is None:
        raise Reverted(to_hex(mined.tx), _why_left_out(ours, cash, payment))
    return theirs


def _execution(node: Node, cash: Cash, begun: promises.Begun) -> Receipt | None:
    """The transaction that carried out the payment, be it ours or of somebody who copied the signed document."""
    payment = _payment(begun)
    topics = [PAID_TOPIC, payment.payment_ref]
    for log in node.logs(cash.address, begun.promise.made_at_block, node.block_number(), topics):
        receipt = node.receipt(log.tx)
        if receipt is not None and _carries_out(receipt, cash, payment):
            return Receipt(payment.payment_ref, receipt.tx, receipt.block, receipt.gas_used)
    return None


def _carries_out(receipt: evm.Receipt, cash: Cash, payment: Payment) -> bool:
    """Whether the transaction moved exactly this payment; anyone can make a ``Paid`` with its reference alone."""
    wanted = (Transfer(payment.payer, payment.payee, payment.value), Paid(payment.payment_ref, payment.nonce))
    return wanted in pairwise(_events(receipt, cash))


def _why_left_out(receipt: evm.Receipt, cash: Cash, payment: Payment) -> str:
    for event in _events(receipt, cash):
        if isinstance(event, Skipped) and (event.payer, event.nonce) == (payment.payer, payment.nonce):
            if event.reason == SkipReason.NONCE_UNAVAILABLE:
                return f"the payment left out: its nonce {payment.nonce} was used otherwise or cancelled; use a new id"
            names = {reason.value: reason.name.lower().replace("_", " ") for reason in SkipReason}
            return f"the payment left out: {names.get(event.reason, event.reason)}; the same id again goes on with it"
    return "the payment left out, without a reason"


def _events(receipt: evm.Receipt, cash: Cash) -> list[Event | None]:
    return [decode_event(log) if log.address == cash.address else None for log in receipt.logs]


def balance_text(node: Node, cash: Cash, owner: Address) -> str:
    """What ``owner`` holds at the head: with the currency's decimals, or all 6 where a part of a minor unit is held."""
    return amount_text(promises.account_state(node, cash, owner).balance, cash.currency)
