"""Groups: a whole group's debts cleared in one settlement that every debtor signed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from chainwallet import promises
from chainwallet.abi.calls import settle_data
from chainwallet.abi.typed_data import Consent, Leg, Settlement, struct_hash
from chainwallet.errors import BadValue, HistoryMismatch
from chainwallet.evm import Address, Hash32, checksum, to_hex
from chainwallet.keys.signer import Signer
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.plan import Plan, PlanLeg
from chainwallet.rules.submission import Deliver, Mined
from chainwallet.store import promises as promise_rows
from chainwallet.store import submissions
from chainwallet.store.database import Database
from chainwallet.store.promises import Promise


@dataclass(frozen=True)
class Clearing:
    """A plan carried out: the settlement that everybody signed and the transaction that made it true."""

    settlement: Settlement
    settlement_hash: Hash32
    mined: Mined


def settlement_of(
    plan: Plan, members: Mapping[str, Address], context: Hash32, operator: Address, valid_before: int
) -> Settlement:
    """The document that clears ``plan``: legs in token units, ascending by account as the contract wants them.

    Raises ``BadValue`` where two members share an address.
    """
    addresses = [members[leg.person] for leg in (*plan.debits, *plan.credits)]
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
) -> Clearing:
    """Has every debtor of ``plan`` sign one consent, and delivers the settlement through ``relayer``.

    ``context`` is the group's ledger root: clearing the same root of the same members again is the same clearing.
    Raises what ``deliver`` and the signers raise, and ``HistoryMismatch`` where a stored consent of this root is to
    another settlement than the others'.
    """
    settlement = settlement_of(plan, members, context, relayer, promises.expiry(node))
    intent = promises.Intent(f"clearing:{to_hex(context)}", "consent", _content_hash(settlement))
    consents: list[Promise] = []
    for debit in settlement.debits:
        base = promises.account_state(node, cash, debit.account).window_base
        made = partial(Consent, settlement)
        promise, document = promises.reserve(database, cash, debit.account, base, intent, made, now_s)
        assert isinstance(document, Consent)  # noqa: S101 - reserve gives back what it was given, or its stored twin
        if not consents:
            settlement = document.settlement  # a clearing that was begun keeps its document
        if document.settlement != settlement:
            raise HistoryMismatch("consent", to_hex(struct_hash(settlement)), to_hex(struct_hash(document.settlement)))
        consents.append(promises.signed(database, cash, promise, document, signers[debit.account]))
    data = settle_data(settlement, [(consent.nonce, consent.signature or b"") for consent in consents])
    with database.transaction() as tx:
        key = f"settle:{to_hex(struct_hash(settlement))}"
        submission_id = submissions.put(tx, cash.chain.key, key, relayer, cash.address, data, now_s)
        for consent in consents:
            promise_rows.set_submission(tx, consent, submission_id)
    (mined,) = deliver([submission_id])
    return Clearing(settlement, struct_hash(settlement), mined)


def _leg(members: Mapping[str, Address], leg: PlanLeg, currency: Currency) -> Leg:
    return Leg(members[leg.person], Money(leg.amount_minor, currency).token_units)


def _content_hash(settlement: Settlement) -> Hash32:
    """Stands for the legs and the context, not for the time at which the document was made."""
    return struct_hash(Settlement(settlement.debits, settlement.credits, settlement.context, settlement.operator, 0))
