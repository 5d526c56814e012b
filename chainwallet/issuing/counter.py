"""The counter: where an issuer is asked for money against a bank's reference, and what it may make now."""

from dataclasses import dataclass

from chainwallet.abi.calls import call_data, uint_of, uints_of
from chainwallet.errors import BadValue, QuotaExceeded
from chainwallet.evm import ZERO_ADDRESS, Address, Hash32, checksum
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.issue import Call, Done
from chainwallet.rules.money import Money, amount_text
from chainwallet.store import bank_refs, submissions
from chainwallet.store.database import Database, Transaction

DAY_S = 86_400


@dataclass(frozen=True)
class Counter:
    """Where ``issuer``, a service of this installation, issues on a ledger; ``confirmations`` is how deep is final."""

    database: Database
    cash: Cash
    issuer: Address
    confirmations: int


@dataclass(frozen=True)
class Quota:
    """What an issuer may make, in token units: ``level`` now, more with every second up to ``capacity``."""

    capacity: int
    refill_per_s: int
    level: int


def quota_of(node: Node, counter: Counter, now_s: int) -> Quota:
    """The issuer's quota at ``now_s``: a chain without traffic may have had its head days ago."""
    answer = node.call(counter.cash.address, call_data("quotaOf(address)", counter.issuer))
    capacity, refill, level, at_s = uints_of(answer, 4)
    return Quota(capacity, refill, min(capacity, level + refill * max(0, now_s - at_s)))


def is_used_on_chain(node: Node, counter: Counter, ref: Hash32) -> bool:
    """Whether the chain, at its head, has accepted ``ref`` before."""
    return bool(uint_of(node.call(counter.cash.address, call_data("isBankRefUsed(bytes32)", ref))))


def require_within(quota: Quota, waiting: int, value: int, counter: Counter) -> None:
    """Raises ``QuotaExceeded`` for more than is left when all that waits (``waiting`` token units) is made."""
    available = max(0, quota.level - waiting)
    if value <= available:
        return
    currency = counter.cash.currency
    available_text, required, capacity, refill = (
        f"{amount_text(units, currency)} {currency}"
        for units in (available, value, quota.capacity, quota.refill_per_s * DAY_S)
    )
    raise QuotaExceeded(checksum(counter.issuer), available_text, required, capacity, refill)


def checked_amount(amount: Money, cash: Cash) -> int:
    """The token units of ``amount``; raises ``BadValue`` for what cannot be issued on ``cash``."""
    if amount.currency != cash.currency:
        raise BadValue("amount", str(amount), f"an amount in {cash.currency}")
    if amount.amount_minor <= 0:
        raise BadValue("amount", str(amount), f"more than 0 {amount.currency}")
    return amount.token_units


def checked_payee(payee: Address, cash: Cash) -> Address:
    """``payee``; raises ``BadValue`` for one that could not spend again."""
    if payee in (ZERO_ADDRESS, cash.address):
        raise BadValue("payee", checksum(payee), "an account that can spend again")
    return payee


def call_of(tx: Transaction, submission_id: int | None) -> Call | None:
    """How far the issuer's call has come."""
    found = submissions.by_id(tx, submission_id) if submission_id is not None else None
    return None if found is None else Call(found.stage, found.waits)


def done_of(found: bank_refs.Used | None) -> Done | None:
    """What the facts say was done under a reference."""
    return None if found is None else Done(found.tx, found.block, found.is_final)
