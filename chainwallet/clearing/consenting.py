"""Consenting: who pays in a plan signs exactly its settlement; with the last signature it goes to the chain.

A debtor's consent to a plan and to all that replace it is one promise with one nonce. It is stored before its document
leaves the house; where the key is in this process it is signed in the same transaction (docs/decisions/0014). The
amount is kept back from the available balance from then on.
"""

from functools import partial

from chainwallet import promises
from chainwallet.abi.calls import settle_data
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Consent, Settlement, settlement_from_json
from chainwallet.clearing.planning import consent_id
from chainwallet.clearing.tools import Tools
from chainwallet.errors import Expired, TooLate
from chainwallet.evm import checksum, keccak256, to_hex
from chainwallet.keys.signer import Signer, to_compact, verify_signature
from chainwallet.payments import Desk
from chainwallet.payments.deciding import require_able
from chainwallet.promises import Begun, Intent
from chainwallet.rules.cash import Cash
from chainwallet.rules.promise import OPEN, Canceled, Canceling, Executed, Final, Offered, Queued
from chainwallet.rules.timestamp import time_text
from chainwallet.store import plans, recoveries, submissions
from chainwallet.store import promises as promise_rows
from chainwallet.store.database import Transaction
from chainwallet.store.locks import lock_payers
from chainwallet.store.plans import Leg, Plan
from chainwallet.store.promises import Promise


def offered(tx: Transaction, desk: Desk, plan: Plan, leg: Leg, now_s: int) -> Begun:
    """The consent of the debtor with ``leg``, for which ``tx`` has its turn in the group; the same when asked again.

    Raises ``Expired`` after the plan's deadline, ``TooLate`` where the consent's nonce is gone, ``InsufficientFunds``
    for more than is available, ``BadValue`` for a frozen account, ``Recovering`` and ``NotFound`` as payments do.
    """
    cash = desk.cash
    made = desk.moment(tx, now_s)
    if made.time_s >= plan.deadline_s:
        what = f"plan {plan.id}, which took signatures until {time_text(plan.deadline_s)}"
        raise Expired(what, plan.deadline_s, made.time_s)
    lock_payers(tx, cash.token, [leg.account])
    settlement = settlement_from_json(plan.document)
    document_with = partial(Consent, leg.account, settlement)
    intent = Intent("consent", consent_id(plan), keccak256(consent_id(plan).encode()))
    known = promises.find(tx, cash, leg.account, intent)
    if known is not None and known.promise.ref == plan.settlement_hash and not _is_gone(known.promise):
        return known
    blocked = recoveries.blocked(tx, cash.chain.key, leg.account, desk.horizon(tx).final_timestamp_s)
    if blocked is not None:
        raise blocked
    kept = known.promise.value if known is not None and isinstance(known.promise.stage, OPEN) else 0
    require_able(tx, cash, leg.account, leg.account, _value_of(settlement, leg), kept)
    if known is None:
        begun = promises.reserve(tx, cash, leg.account, intent, document_with, made)
    else:
        _require_free(plan, known.promise)
        document = document_with(known.promise.nonce)
        begun = promises.renew(tx, known, document, cash, "the plan was made anew", made.time_s)
    plans.set_promise(tx, plan.id, leg.member_id, begun.promise.number)
    return begun


def signed_here(tx: Transaction, desk: Desk, begun: Begun, signer: Signer | None, now_s: int) -> Promise:
    """The consent, signed where ``signer`` has its key in this process; otherwise as it is."""
    promise = begun.promise
    if signer is None or not signer.is_here or not isinstance(promise.stage, Offered):
        return promise
    signature = signer.sign(begun.document, domain_of(desk.cash))
    return taken(tx, desk, begun, signature, now_s)


def taken(tx: Transaction, desk: Desk, begun: Begun, signature: bytes, now_s: int) -> Promise:
    """The consent with its debtor's ``signature``; one that is signed already is as it is.

    Raises ``BadSignature`` for a signature of somebody else or over anything but this plan's settlement under this
    consent's nonce.
    """
    verify_signature(begun.document, domain_of(desk.cash), signature, begun.promise.payer)
    if not isinstance(begun.promise.stage, Offered):
        return begun.promise
    return promises.keep_signature(tx, begun.promise, signature, now_s)


def deliver_if_all_signed(tx: Transaction, tools: Tools, desk: Desk, plan: Plan, now_s: int) -> bool:
    """Queues the settlement for the chain where every debtor has signed it; whether it did.

    ``plan`` is as ``tx`` stored it.
    """
    consents = consents_of(tx, plan)
    if len(consents) < len(plan.debtors) or not all(isinstance(one.stage, Queued) for one in consents):
        return False
    submission_id = submit(tx, tools, desk.cash, plan, consents, now_s)
    plans.make_ready(tx, plan.id, submission_id)
    return True


def submit(tx: Transaction, tools: Tools, cash: Cash, plan: Plan, consents: tuple[Promise, ...], now_s: int) -> int:
    """The submission that carries the signed ``consents``, all of them: a new one, unless one is on its way."""
    settlement = settlement_from_json(plan.document)
    by_payer = {one.payer: one for one in consents}
    in_order = [by_payer[debit.account] for debit in settlement.debits]
    data = settle_data(settlement, [(one.nonce, _compact(one)) for one in in_order])
    key = f"settle:{checksum(cash.address)}:{to_hex(plan.settlement_hash)}"
    submission_id = submissions.put(tx, cash.chain.key, key, tools.relayer, cash.address, data, now_s, again=True)
    promise_rows.take_up(tx, consents, submission_id, now_s)
    return submission_id


def consents_of(tx: Transaction, plan: Plan) -> tuple[Promise, ...]:
    """The consents to this plan's own settlement that are signed. Who changes them has called ``hold`` first."""
    return tuple(one for one in promise_rows.every(tx, _numbers(plan)) if has_signed(one, plan))


def hold(tx: Transaction, plan: Plan) -> None:
    """Holds all consents to the plan until ``tx`` ends, in the order in which everybody holds them."""
    promise_rows.held(tx, _numbers(plan))


def has_signed(promise: Promise, plan: Plan) -> bool:
    """Whether it is a signed consent to this very plan, and not to one that it replaced, or that replaced it."""
    return promise.signature is not None and promise.ref == plan.settlement_hash


def _numbers(plan: Plan) -> list[int]:
    return [leg.promise for leg in plan.legs if leg.promise is not None]


def _is_gone(promise: Promise) -> bool:
    return isinstance(promise.stage, Canceling | Canceled)


def _require_free(plan: Plan, promise: Promise) -> None:
    """Raises where the nonce of a consent to an earlier plan of the lineage cannot be used for this one."""
    match promise.stage:
        case Canceling() | Canceled():
            raise TooLate(f"consent to plan {plan.id}", promise.reason or "its nonce is being cancelled")
        case Executed() | Final():
            raise TooLate(f"consent to plan {plan.id}", "the plan that it replaced was carried out")


def _value_of(settlement: Settlement, leg: Leg) -> int:
    return sum(debit.amount for debit in settlement.debits if debit.account == leg.account)


def _compact(promise: Promise) -> bytes:
    assert promise.signature is not None  # noqa: S101 - only who has signed is carried
    return b"".join(to_compact(promise.signature))
