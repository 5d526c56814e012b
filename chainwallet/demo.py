"""The main job, end to end: a group's history becomes one settlement for each currency, read back and verified."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from chainwallet import deployment, groups, history, issuing
from chainwallet.abi.events import Settled, decode_event
from chainwallet.errors import BadValue
from chainwallet.evm import Address, BlockNumber, Hash32, checksum, keccak256, to_hex
from chainwallet.formats.splitwise import GroupHistory
from chainwallet.groups import Clearing
from chainwallet.home import Home
from chainwallet.keys.signer import Signer
from chainwallet.manifest import Contract
from chainwallet.rpc import Node
from chainwallet.rules.apportion import RoundedNet, round_to_zero_sum
from chainwallet.rules.cash import Cash
from chainwallet.rules.ledger import differences
from chainwallet.rules.money import MAX_TOKEN_UNITS, Currency, Money, from_token_units, token_text
from chainwallet.rules.netting import Transfer, transfers_of
from chainwallet.rules.plan import Plan, plan_of
from chainwallet.rules.submission import Deliver
from chainwallet.store.database import Database
from chainwallet.wallets import Wallets, wallet_name_of


class Narrator(Protocol):
    """Hears how the job goes; a person's terminal, or nobody."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def note(self, text: str) -> None:
        """Something about the step that a person may want to know."""


@dataclass(frozen=True)
class Tools:
    """What the job works with: a fresh chain, its relayer, and a home for the wallets."""

    node: Node
    database: Database
    wallets: Wallets
    home: Home
    deliver: Deliver
    roles: deployment.Roles
    relayer: Address
    now_s: Callable[[], int]


@dataclass(frozen=True)
class CurrencyResult:
    """How one currency of the group was settled; ``clearing`` is None where nobody owed anything."""

    currency: Currency
    plan: Plan
    nets: Mapping[str, RoundedNet]
    by_hand: tuple[Transfer, ...]
    """The fewest payments that would do the same one by one."""
    before: Mapping[str, Money]
    after: Mapping[str, Money]
    clearing: Clearing | None = None
    contract: Contract | None = None
    mismatches: tuple[str, ...] = ()


@dataclass(frozen=True)
class DemoResult:
    """The whole job; ``verified`` says that the chain, read back, agrees with the history in every figure."""

    people: tuple[str, ...]
    currencies: tuple[CurrencyResult, ...]

    @property
    def verified(self) -> bool:
        """Nothing that was read back disagrees."""
        return not any(result.mismatches for result in self.currencies)


def nets_of(group: GroupHistory, currency: Currency) -> dict[str, RoundedNet]:
    """Each person's net in ``currency``, rounded once to minor units that sum to zero."""
    return round_to_zero_sum(group.exact_nets(currency), ledger_root(group, currency))


def ledger_root(group: GroupHistory, currency: Currency) -> Hash32:
    """Stands for the group's whole history in ``currency``: Keccak-256 of its people and entries as compact JSON."""
    rows = [
        [entry.date, entry.description, entry.category, str(entry.cost), [str(net) for net in entry.nets]]
        for entry in group.entries
        if entry.currency == currency
    ]
    document = [currency.code, list(group.people), rows]
    return keccak256(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def run(tools: Tools, group: GroupHistory, narrator: Narrator) -> DemoResult:
    """Settles ``group`` on the chain of ``tools``, one transaction for each currency, and reads everything back.

    Raises ``BadValue`` where an amount does not fit the ledger, and what the steps raise.
    """
    plans = {currency: nets_of(group, currency) for currency in group.currencies}
    results = []
    members: dict[str, Address] = {}
    signers: dict[Address, Signer] = {}
    if plans:
        narrator.step(f"Opening a wallet for each of {len(group.people)} people")
        members, signers = _open_wallets(tools, group.people)
    for currency, nets in plans.items():
        results.append(_settle_currency(tools, group, currency, nets, members, signers, narrator))
    return DemoResult(group.people, tuple(results))


def _open_wallets(tools: Tools, people: tuple[str, ...]) -> tuple[dict[str, Address], dict[Address, Signer]]:
    members: dict[str, Address] = {}
    signers: dict[Address, Signer] = {}
    for number, person in enumerate(people, 1):
        wallet = tools.wallets.find_or_create(wallet_name_of(person, number), tools.now_s())
        members[person] = wallet.address
        signers[wallet.address] = tools.wallets.signer(wallet)
    return members, signers


def _settle_currency(
    tools: Tools,
    group: GroupHistory,
    currency: Currency,
    nets: dict[str, RoundedNet],
    members: dict[str, Address],
    signers: dict[Address, Signer],
    narrator: Narrator,
) -> CurrencyResult:
    nets_minor = {person: net.net_minor for person, net in nets.items()}
    plan, by_hand = plan_of(nets_minor, currency), transfers_of(nets_minor)
    nothing = dict.fromkeys(group.people, Money.zero(currency))
    if plan.is_even:
        narrator.step(f"{currency}: everybody is even, nothing to settle")
        return CurrencyResult(currency, plan, nets, by_hand, nothing, nothing)

    amount = top_up_amount(plan)
    total = amount.token_units * len(group.people)
    if total > MAX_TOKEN_UNITS:
        raise BadValue("amount", f"{token_text(total)} {currency}", f"at most {token_text(MAX_TOKEN_UNITS)} in all")
    narrator.step(f"{currency}: deploying the ledger contract")
    quota = max(total, deployment.DEFAULT_QUOTA)
    manifest, _ = deployment.deploy(
        tools.node, tools.database, tools.deliver, tools.home.manifests, tools.roles, [currency], tools.now_s(), quota
    )
    contract = manifest.contract(currency)
    assert contract is not None  # noqa: S101 - deploy sees to it
    cash = Cash(manifest.chain, currency, contract.address)
    narrator.note(f"Cash {currency} at {checksum(cash.address)}")

    narrator.step(f"{currency}: the issuer tops up {len(group.people)} wallets with {amount} each")
    bank_ref = f"demo top-up {to_hex(ledger_root(group, currency))}"
    amounts = dict.fromkeys(members.values(), amount)
    issuing.top_up(tools.database, tools.deliver, tools.roles.issuer, cash, amounts, bank_ref, tools.now_s())

    debtors = len(plan.debits)
    signing = f"{debtors} debtors sign" if debtors > 1 else "the debtor signs"
    narrator.step(f"{currency}: {signing}, one transaction settles {plan.total}")
    clearing = groups.clear(
        tools.node,
        tools.database,
        tools.deliver,
        tools.relayer,
        cash,
        plan,
        members,
        signers,
        ledger_root(group, currency),
        tools.now_s(),
    )
    narrator.note(f"transaction {to_hex(clearing.mined.tx)}, {clearing.mined.gas_used:,} gas")
    narrator.step(f"{currency}: reading the chain back")
    return _read_back(
        tools.node, cash, contract, clearing, CurrencyResult(currency, plan, nets, by_hand, {}, {}), members
    )


def top_up_amount(plan: Plan) -> Money:
    """What everybody gets before the settlement: the largest debit, rounded up to one leading digit."""
    largest = max(leg.amount_minor for leg in plan.debits)
    unit = 10 ** (len(str(largest)) - 1)
    return Money(-(-largest // unit) * unit, plan.currency)


def _read_back(
    node: Node,
    cash: Cash,
    contract: Contract,
    clearing: Clearing,
    result: CurrencyResult,
    members: dict[str, Address],
) -> CurrencyResult:
    block = clearing.mined.block
    earlier = BlockNumber(block - 1)
    before = history.balances(node, cash, members.values(), earlier)
    after = history.balances(node, cash, members.values(), block)
    supply_before, supply_after = (history.supply_units(node, cash, at) for at in (earlier, block))
    rebuilt = history.rebuilt_ledger(node, cash, contract.block, block)

    wrong = [str(difference) for difference in differences(rebuilt, after, supply_after)]
    if supply_before != supply_after:
        wrong.append(f"supply: {supply_before} before the settlement, {supply_after} after it")
    for person, address in members.items():
        moved = after[address] - before[address]
        net = Money(result.nets[person].net_minor, cash.currency).token_units
        if moved != net:
            wrong.append(f"balance of {person}: moved by {token_text(moved)}, expected {token_text(net)}")
    wrong += _wrong_in_receipt(node, clearing)

    def money(balances: dict[Address, int]) -> dict[str, Money]:
        return {person: from_token_units(balances[address], cash.currency) for person, address in members.items()}

    return replace(
        result,
        before=money(before),
        after=money(after),
        clearing=clearing,
        contract=contract,
        mismatches=tuple(wrong),
    )


def _wrong_in_receipt(node: Node, clearing: Clearing) -> list[str]:
    receipt = node.receipt(clearing.mined.tx)
    events = [decode_event(log) for log in receipt.logs] if receipt else []
    settled = [event for event in events if isinstance(event, Settled)]
    if [event.settlement_hash for event in settled] != [clearing.settlement_hash]:
        return [f"events of {to_hex(clearing.mined.tx)}: not exactly one Settled with our settlement's hash"]
    if settled[0].context != clearing.settlement.context:
        return [f"context of {to_hex(clearing.mined.tx)}: not the group's ledger root"]
    return []
