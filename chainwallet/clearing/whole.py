"""A whole group's debts cleared at once, by whoever has all debtors' keys: one settlement that each of them signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from chainwallet import promises
from chainwallet.abi.calls import settle_data
from chainwallet.abi.typed_data import Consent, Leg, Settlement, struct_hash
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import BadValue, CurrencyMismatch
from chainwallet.evm import Address, Hash32, checksum, to_hex
from chainwallet.keys.signer import Signer, to_compact
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.plan import Plan, PlanLeg
from chainwallet.rules.promise import Queued
from chainwallet.rules.submission import Deliver, Final
from chainwallet.store import promises as promise_rows
from chainwallet.store import submissions
from chainwallet.store.database import Database


@dataclass(frozen=True)
class Clearing:
    """A plan carried out: the settlement that everybody signed and the transaction that made it true."""

    settlement: Settlement
    settlement_hash: Hash32
    mined: Final


def settlement_of(
    plan: Plan, members: Mapping[str, Address], context: Hash32, operator: Address, valid_before: int
) -> Settlement:
    """The document that clears ``plan``: legs in token units, ascending by account as the contract wants them.

    Raises ``BadValue`` where a person of the plan is no member, or two members share an address.
    """
    people = [leg.person for leg in (*plan.debits, *plan.credits)]
    strangers = [person for person in people if person not in members]
    if strangers:
        raise BadValue("members", ", ".join(members), f"a wallet for {', '.join(strangers)} too")
    addresses = [members[person] for person in people]
    if len(set(addresses)) != len(addresses):
        raise BadValue("members", ", ".join(map(checksum, addresses)), "one wallet for each person")
    debits, credits_ = (
        tuple(sorted((_leg(members, leg, plan.currency) for leg in side), key=lambda leg: leg.account))
        for side in (plan.debits, plan.credits)
    )
    return Settlement(debits, credits_, context, operator, valid_before)


def clear(
    node: Node,
    database: Database,
    deliver: Deliver,
    relayer: Address,
    cash: Cash,
    plan: Plan,
    members: Mapping[str, Address],
    signers: Mapping[Address, Signer],
    context: Hash32,
    now_s: int,
    lifetime_s: int = LONGEST_LIFETIME_S,
) -> Clearing:
    """Has every debtor of ``plan`` sign one consent, and delivers the settlement through ``relayer``.

    ``context`` is the group's ledger root: clearing the same root of the same members again is the same clearing.
    Raises ``CurrencyMismatch``, ``BadValue`` for a plan without legs, a debtor without signer or a root that stands for
    another plan, and what ``deliver`` and the signers raise.
    """
    if plan.currency != cash.currency:
        raise CurrencyMismatch(plan.currency.code, cash.currency.code)
    if plan.is_even:
        raise BadValue("plan", "nobody owes anything", "at least one debtor")
    made = promises.moment(node, now_s, lifetime_s)
    settlement = settlement_of(plan, members, context, relayer, made.expiry)
    unsigned = [checksum(debit.account) for debit in settlement.debits if debit.account not in signers]
    if unsigned:
        raise BadValue("signers", f"none for {', '.join(unsigned)}", "a signer for each debtor")
    consents = _reserve(node, database, cash, settlement, made)
    settlement = _consent(consents[0]).settlement
    if consents[0].carried is not None:  # a settlement is carried out whole or reverts
        return Clearing(settlement, struct_hash(settlement), consents[0].carried)
    consents = [promises.signed(database, cash, consent, signers[consent.promise.payer], now_s) for consent in consents]
    data = settle_data(settlement, [(c.promise.nonce, _compact(c.promise.signature)) for c in consents])
    submission_id = _submit(database, cash, relayer, consents, struct_hash(settlement), data, now_s)
    (mined,) = deliver([submission_id])
    return Clearing(settlement, struct_hash(settlement), mined)


def _submit(
    database: Database,
    cash: Cash,
    relayer: Address,
    consents: Sequence[promises.Begun],
    settlement_hash: Hash32,
    data: bytes,
    now_s: int,
) -> int:
    """The submission that carries the consents: a new one, unless one is on its way."""
    key = f"settle:{checksum(cash.address)}:{to_hex(settlement_hash)}"
    with database.transaction() as tx:
        submission_id = submissions.put(tx, cash.chain.key, key, relayer, cash.address, data, now_s)
        held = promise_rows.held(tx, [consent.promise.number for consent in consents])
        queued = [promise for promise in held if isinstance(promise.stage, Queued)]
        promise_rows.take_up(tx, queued, submission_id, now_s)
    return submission_id


def _reserve(
    node: Node, database: Database, cash: Cash, settlement: Settlement, made: promises.Moment
) -> list[promises.Begun]:
    """The promise of every debtor, all of the same settlement; the stored one where this clearing was begun before."""
    debtors = [debit.account for debit in settlement.debits]
    unused = [promises.account_state(node, cash, debtor).first_unused_nonce for debtor in debtors]
    intent = promises.Intent("consent", f"clearing:{to_hex(settlement.context)}", _content_hash(settlement))
    with database.transaction() as tx:
        first = promises.find(tx, cash, debtors[0], intent)
        if first is not None and first.carried is not None:
            return [first]
        consents = []
        for debtor, first_unused in zip(debtors, unused, strict=True):
            with_nonce = partial(Consent, debtor, settlement)
            consents.append(promises.reserve(tx, cash, debtor, intent, with_nonce, made, first_unused))
            settlement = _consent(consents[0]).settlement  # a clearing that was begun keeps its document
    assert all(_consent(consent).settlement == settlement for consent in consents)  # noqa: S101 - stored together
    return consents


def _consent(begun: promises.Begun) -> Consent:
    assert isinstance(begun.document, Consent)  # noqa: S101 - payments and consents are kept apart
    return begun.document


def _compact(signature: bytes | None) -> bytes:
    assert signature is not None  # noqa: S101 - the caller had it made
    return b"".join(to_compact(signature))


def _leg(members: Mapping[str, Address], leg: PlanLeg, currency: Currency) -> Leg:
    return Leg(members[leg.person], Money(leg.amount_minor, currency).token_units)


def _content_hash(settlement: Settlement) -> Hash32:
    """Stands for the legs and the context, not for the time at which the document was made."""
    return struct_hash(Settlement(settlement.debits, settlement.credits, settlement.context, settlement.operator, 0))
