"""Payments: one payer, one payee, one amount, carried to the chain exactly once."""

from dataclasses import dataclass

from chainwallet import promises
from chainwallet.abi.calls import pay_data, pay_item, payment_ref
from chainwallet.abi.events import Paid, decode_event
from chainwallet.abi.typed_data import Payment
from chainwallet.errors import BadValue, InsufficientFunds, Reverted, TooPrecise
from chainwallet.evm import ZERO_ADDRESS, Address, Hash32, checksum, keccak256, to_hex
from chainwallet.keys.signer import Signer, to_compact
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money, from_token_units, token_text
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

    Raises ``BadValue`` for an order that cannot be, a frozen account or an id used for something else,
    ``InsufficientFunds``, what ``deliver`` raises, and ``Reverted`` where the chain left the payment out.
    """
    order = order.checked(cash)
    state = _require_able(node, database, cash, order)
    value, ref = order.amount.token_units, payment_ref(order.payer, cash.address, order.id)
    valid_before = promises.expiry(node)
    intent = promises.Intent(order.id, "payment", order.content_hash, order.memo, memo_salt)
    promise, document = promises.reserve(
        database,
        cash,
        order.payer,
        state.window_base,
        intent,
        lambda nonce: Payment(order.payer, order.payee, value, ref, nonce, valid_before),
        now_s,
    )
    assert isinstance(document, Payment)  # noqa: S101 - reserve gives back what it was given, or its stored twin
    promise = promises.signed(database, cash, promise, document, signer)
    r, vs = to_compact(promise.signature or b"")
    data = pay_data([pay_item(document, r + vs)])
    with database.transaction() as tx:
        key = f"pay:{to_hex(ref)}"
        submission_id = submissions.put(tx, cash.chain.key, key, relayer, cash.address, data, now_s)
        promise_rows.set_submission(tx, promise, submission_id)
    (mined,) = deliver([submission_id])
    _require_paid(node, mined, ref)
    return Receipt(ref, mined.tx, mined.block, mined.gas_used)


def _require_able(node: Node, database: Database, cash: Cash, order: Order) -> promises.AccountState:
    """The payer's account, after checking that the payment can go through; a known id was checked when it was new."""
    state = promises.account_state(node, cash, order.payer)
    with database.transaction() as tx:
        if promise_rows.by_id(tx, cash.token, order.payer, order.id) is not None:
            return state
    for role, address in (("payer", order.payer), ("payee", order.payee)):
        if promises.account_state(node, cash, address).is_frozen:
            raise BadValue(role, checksum(address), "an account that is not frozen")
    if state.balance < order.amount.token_units:
        available = f"{token_text(state.balance)} {cash.currency}"
        raise InsufficientFunds(checksum(order.payer), available, str(order.amount))
    return state


def _require_paid(node: Node, mined: Mined, ref: Hash32) -> None:
    """Raises ``Reverted`` unless the transaction's events say that the payment with ``ref`` was carried out."""
    receipt = node.receipt(mined.tx)
    events = [decode_event(log) for log in receipt.logs] if receipt else []
    if not any(isinstance(event, Paid) and event.payment_ref == ref for event in events):
        raise Reverted(to_hex(mined.tx), "the payment left out; the chain does not have it")


def balance_text(node: Node, cash: Cash, owner: Address) -> str:
    """What ``owner`` holds at the head: with the currency's decimals, or all 6 where a part of a minor unit is held."""
    units = promises.account_state(node, cash, owner).balance
    try:
        return from_token_units(units, cash.currency).decimal
    except TooPrecise:
        return token_text(units)
