"""Top-ups: an issuer makes money for somebody, against money that a bank received under a reference.

A request stores what is asked for together with the submission that carries it; the worker does the rest. The same
reference again is the same top-up, here and on the chain, also after a loss of the database.
"""

from dataclasses import dataclass, replace

from chainwallet.abi.calls import bank_ref
from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.issuing.counter import (
    Counter,
    Quota,
    call_of,
    checked_amount,
    checked_payee,
    done_of,
    is_used_on_chain,
    quota_of,
    require_within,
)
from chainwallet.issuing.minting import queue_mint
from chainwallet.rpc import Node
from chainwallet.rules.issue import Refused, Stage, checked_reference, topup_stage
from chainwallet.rules.money import Money, from_token_units
from chainwallet.store import bank_refs, topups
from chainwallet.store.database import Transaction
from chainwallet.store.topups import TopUp


@dataclass(frozen=True)
class ShownTopUp:
    """A top-up and how it stands now."""

    topup: TopUp
    amount: Money
    stage: Stage


def request_topup(
    counter: Counter, node: Node, reference: str, payee: Address, amount: Money, asked_by: str, now_s: int
) -> ShownTopUp:
    """Asks for ``amount`` for ``payee`` against the bank's ``reference``; the same again is the same top-up.

    One that the chain refused is tried again. Raises ``BadValue`` for an amount, payee or reference that cannot be and
    for a reference that stands for something else, here or on the chain, ``QuotaExceeded``, and ``NodeTrouble`` where
    nobody can say what the quota is. Then nothing is stored.
    """
    reference, payee = checked_reference(reference), checked_payee(payee, counter.cash)
    asked = TopUp(
        token=counter.cash.token,
        reference=reference,
        ref=bank_ref(reference),
        issuer=counter.issuer,
        payee=payee,
        value=checked_amount(amount, counter.cash),
        asked_by=asked_by,
        created_at_s=now_s,
        submission_id=None,
    )
    with counter.database.read() as tx:
        known = _known(tx, counter, asked)
    if known is not None and not isinstance(known.stage, Refused):
        return known
    quota, is_used = quota_of(node, counter, now_s), is_used_on_chain(node, counter, asked.ref)
    return counter.database.write(lambda tx: _ask(tx, counter, asked, quota, is_used=is_used))


def find_topup(counter: Counter, reference: str) -> ShownTopUp:
    """The top-up with the bank's ``reference``. Raises ``NotFound``."""
    with counter.database.read() as tx:
        found = topups.by_reference(tx, counter.cash.token, reference)
        if found is None:
            raise NotFound("top-up", reference, "none was asked for with this bank reference")
        return _shown(tx, counter, found)


# ------------------------------------------------------------------------------------------------ in one transaction


def _ask(tx: Transaction, counter: Counter, asked: TopUp, quota: Quota, *, is_used: bool) -> ShownTopUp:
    if bank_refs.use(tx, asked.token, asked.reference) == "withdrawal":
        raise BadValue("reference", asked.reference, "a reference that no withdrawal has")
    known = _known(tx, counter, asked)
    if known is not None and not isinstance(known.stage, Refused):
        return known
    done = bank_refs.used(tx, asked.token, asked.ref, counter.confirmations)
    if done is not None:  # before this database knew of it
        _require_same(asked, done.payee, done.value)
        topups.add(tx, asked)
        return _shown(tx, counter, asked)
    if is_used:
        raise BadValue("reference", asked.reference, "a reference that the chain has not accepted before")
    require_within(quota, topups.to_be_minted(tx, asked.token, asked.issuer), asked.value, counter)
    made_at_s = asked.created_at_s
    queued = queue_mint(tx, counter.cash, asked.issuer, asked.payee, asked.value, asked.ref, made_at_s)
    if queued is None:
        raise BadValue("reference", asked.reference, "a reference that no other top-up used")
    if known is None:
        topups.add(tx, replace(asked, submission_id=queued))
        return _shown(tx, counter, replace(asked, submission_id=queued))
    topups.carry(tx, known.topup, queued)
    return _shown(tx, counter, replace(known.topup, submission_id=queued))


def _known(tx: Transaction, counter: Counter, asked: TopUp) -> ShownTopUp | None:
    found = topups.by_reference(tx, asked.token, asked.reference)
    if found is None:
        return None
    _require_same(asked, found.payee, found.value)
    return _shown(tx, counter, found)


def _require_same(asked: TopUp, payee: Address | None, value: int) -> None:
    if (asked.payee, asked.value) != (payee, value):
        whom = "nobody" if payee is None else checksum(payee)
        expected = f"the same payee ({whom}) and amount as when this bank reference was first used"
        raise BadValue("reference", asked.reference, expected)


def _shown(tx: Transaction, counter: Counter, topup: TopUp) -> ShownTopUp:
    done = done_of(_made(tx, counter, topup.ref))
    stage = topup_stage(call_of(tx, topup.submission_id), done)
    return ShownTopUp(topup, from_token_units(topup.value, counter.cash.currency), stage)


def _made(tx: Transaction, counter: Counter, ref: Hash32) -> bank_refs.Used | None:
    found = bank_refs.used(tx, counter.cash.token, ref, counter.confirmations)
    return found if found is not None and found.payee is not None else None
