"""The main job, end to end: a group's history becomes one settlement for each currency, read back and verified."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chainwallet import clearing, deployment, history, issuing
from chainwallet.abi.events import Settled, decode_event
from chainwallet.clearing import Clearing
from chainwallet.errors import HistoryMismatch
from chainwallet.evm import Address, BlockNumber, Hash32, checksum, keccak256, to_hex
from chainwallet.formats.splitwise import GroupHistory
from chainwallet.home import Home
from chainwallet.keys.signer import Signer
from chainwallet.manifest import Contract
from chainwallet.rpc import Node
from chainwallet.rules.apportion import RoundedNet, round_to_zero_sum
from chainwallet.rules.cash import Cash
from chainwallet.rules.ledger import differences
from chainwallet.rules.money import MAX_TOKEN_UNITS, Currency, Money, token_text
from chainwallet.rules.netting import Transfer, transfers_of
from chainwallet.rules.plan import Plan, plan_of
from chainwallet.rules.submission import Deliver
from chainwallet.store.database import Database
from chainwallet.wallets import Wallets, wallet_names_of


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
class CurrencyJob:
    """What is to be done in one currency of a group; ``top_ups`` are empty where everybody is even."""

    currency: Currency
    root: Hash32
    """Stands for the history; the settlement's ``context``."""
    nets: Mapping[str, RoundedNet]
    plan: Plan
    by_hand: tuple[Transfer, ...]
    """The fewest payments that would do the same one by one."""
    top_ups: Mapping[str, Money]
    """What each person gets from the issuer before the settlement."""


@dataclass(frozen=True)
class CurrencyResult:
    """How one job went; balances are in token units, ``clearing`` is None where nobody owed anything."""

    job: CurrencyJob
    before: Mapping[str, int]
    after: Mapping[str, int]
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


def jobs_of(group: GroupHistory) -> tuple[CurrencyJob, ...]:
    """What is to be done for ``group``, decided before anything is started.

    Raises ``BadValue`` where an amount does not fit the ledger, or there are too many people for one settlement.
    """
    return tuple(_job_of(group, currency) for currency in group.currencies)


def _job_of(group: GroupHistory, currency: Currency) -> CurrencyJob:
    root = ledger_root(group, currency)
    nets = round_to_zero_sum(group.exact_nets(currency), root)
    nets_minor = {person: net.net_minor for person, net in nets.items()}
    plan = plan_of(nets_minor, currency)
    return CurrencyJob(currency, root, nets, plan, transfers_of(nets_minor), top_ups_of(plan, group.people))


def ledger_root(group: GroupHistory, currency: Currency) -> Hash32:
    """Stands for the group's whole history in ``currency``: Keccak-256 of its people and entries as compact JSON."""
    rows = [
        [entry.date, entry.description, entry.category, str(entry.cost), [str(net) for net in entry.nets]]
        for entry in group.entries
        if entry.currency == currency
    ]
    document = [currency.code, list(group.people), rows]
    return keccak256(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def top_ups_of(plan: Plan, people: Sequence[str]) -> dict[str, Money]:
    """What each of ``people`` gets before the settlement: all the same round amount, so that everyone can pay.

    Where the ledger cannot hold that much, each debtor gets exactly what they pay. Raises ``BadValue`` where it cannot
    hold even that.
    """
    if plan.is_even:
        return {}
    amount = top_up_amount(plan)
    if amount.amount_minor * len(people) * Money(1, plan.currency).token_units <= MAX_TOKEN_UNITS:
        return dict.fromkeys(people, amount)
    assert plan.total.token_units <= MAX_TOKEN_UNITS  # noqa: S101 - token_units refuses more
    return {leg.person: Money(leg.amount_minor, plan.currency) for leg in plan.debits}


def top_up_amount(plan: Plan) -> Money:
    """The largest debit, rounded up to one leading digit."""
    largest = max(leg.amount_minor for leg in plan.debits)
    unit = 10 ** (len(str(largest)) - 1)
    return Money(-(-largest // unit) * unit, plan.currency)


# ------------------------------------------------------------------------------------------------ doing it


@dataclass(frozen=True)
class _Members:
    """The group's people: where their money is, and who signs for them."""

    addresses: dict[str, Address] = field(default_factory=dict)
    signers: dict[Address, Signer] = field(default_factory=dict)


def run(tools: Tools, people: tuple[str, ...], jobs: Iterable[CurrencyJob], narrator: Narrator) -> DemoResult:
    """Settles ``jobs`` on the chain of ``tools``, one transaction for each currency, and reads everything back.

    Raises what the steps raise.
    """
    results: list[CurrencyResult] = []
    members = None
    for job in jobs:
        members = members or _open_wallets(tools, people, narrator)
        if job.plan.is_even:
            narrator.step(f"{job.currency}: everybody is even, nothing to settle")
            nothing = dict.fromkeys(people, 0)
            results.append(CurrencyResult(job, nothing, nothing))
        else:
            results.append(_settle(tools, job, members, narrator))
    return DemoResult(people, tuple(results))


def _open_wallets(tools: Tools, people: tuple[str, ...], narrator: Narrator) -> _Members:
    narrator.step(f"Opening a wallet for each of {len(people)} people")
    members = _Members()
    not_ours = {wallet.name for wallet in tools.wallets.every() if wallet.custody != "managed"}
    for person, name in wallet_names_of(people, not_ours).items():
        if name != person:
            narrator.note(f"the wallet of {person} is called {name}")
        wallet = tools.wallets.find_or_create(name, tools.now_s())
        members.addresses[person] = wallet.address
        members.signers[wallet.address] = tools.wallets.signer(wallet)
    return members


def _settle(tools: Tools, job: CurrencyJob, members: _Members, narrator: Narrator) -> CurrencyResult:
    narrator.step(f"{job.currency}: deploying the ledger contract")
    contract = _deploy(tools, job)
    cash = Cash(deployment.chain_of(tools.node), job.currency, contract.address)
    narrator.note(f"Cash {job.currency} at {checksum(cash.address)}")

    amounts = sorted(set(job.top_ups.values()))
    with_what = f"{amounts[0]} each" if len(amounts) == 1 else "what each owes"
    narrator.step(f"{job.currency}: the issuer tops up {_counted(job.top_ups, 'wallet')} with {with_what}")
    issuing.top_up(
        tools.database,
        tools.deliver,
        tools.roles.issuer,
        cash,
        {members.addresses[person]: amount for person, amount in job.top_ups.items()},
        f"demo top-up {to_hex(job.root)}",
        tools.now_s(),
    )

    signing = "the debtor signs" if len(job.plan.debits) == 1 else f"{len(job.plan.debits)} debtors sign"
    narrator.step(f"{job.currency}: {signing}, one transaction settles {job.plan.total}")
    cleared = clearing.clear(
        tools.node,
        tools.database,
        tools.deliver,
        tools.relayer,
        cash,
        job.plan,
        members.addresses,
        members.signers,
        job.root,
        tools.now_s(),
    )
    narrator.note(f"transaction {to_hex(cleared.mined.tx)}, {cleared.mined.gas_used:,} gas")
    narrator.step(f"{job.currency}: reading the chain back")
    return _read_back(tools.node, cash, contract, cleared, job, members.addresses)


def _deploy(tools: Tools, job: CurrencyJob) -> Contract:
    needed = sum(amount.token_units for amount in job.top_ups.values())
    manifest, _ = deployment.deploy(
        tools.node,
        tools.database,
        tools.deliver,
        tools.home.manifests,
        tools.roles,
        [job.currency],
        tools.now_s(),
        max(needed, deployment.DEFAULT_QUOTA),
    )
    contract = manifest.contract(job.currency)
    assert contract is not None  # noqa: S101 - deploy sees to it
    return contract


def _counted(things: Mapping[str, object], noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


# ------------------------------------------------------------------------------------------------ reading it back


def _read_back(
    node: Node, cash: Cash, contract: Contract, clearing: Clearing, job: CurrencyJob, members: Mapping[str, Address]
) -> CurrencyResult:
    block = clearing.mined.block
    earlier = BlockNumber(block - 1)
    before = history.balances(node, cash, members.values(), earlier)
    after = history.balances(node, cash, members.values(), block)
    supply_before, supply_after = (history.supply_units(node, cash, at) for at in (earlier, block))

    wrong = _wrong_by_events(node, cash, contract, block, after, supply_after)
    if supply_before != supply_after:
        wrong.append(f"supply: {token_text(supply_before)} before the settlement, {token_text(supply_after)} after it")
    for person, address in members.items():
        moved = after[address] - before[address]
        net = Money(job.nets[person].net_minor, cash.currency).token_units
        if moved != net:
            wrong.append(f"balance of {person}: moved by {token_text(moved)}, expected {token_text(net)}")
    wrong += _wrong_in_receipt(node, clearing)
    return CurrencyResult(
        job,
        before={person: before[address] for person, address in members.items()},
        after={person: after[address] for person, address in members.items()},
        clearing=clearing,
        contract=contract,
        mismatches=tuple(wrong),
    )


def _wrong_by_events(
    node: Node, cash: Cash, contract: Contract, block: BlockNumber, balances: dict[Address, int], supply: int
) -> list[str]:
    try:
        rebuilt = history.rebuilt_ledger(node, cash, contract.block, block)
    except HistoryMismatch as mismatch:
        return [str(mismatch)]
    return [str(difference) for difference in differences(rebuilt, balances, supply)]


def _wrong_in_receipt(node: Node, clearing: Clearing) -> list[str]:
    receipt = node.receipt(clearing.mined.tx)
    events = [decode_event(log) for log in receipt.logs] if receipt else []
    settled = [event for event in events if isinstance(event, Settled)]
    if [event.settlement_hash for event in settled] != [clearing.settlement_hash]:
        return [f"events of {to_hex(clearing.mined.tx)}: not exactly one Settled with our settlement's hash"]
    if settled[0].context != clearing.settlement.context:
        return [f"context of {to_hex(clearing.mined.tx)}: not the group's ledger root"]
    return []
