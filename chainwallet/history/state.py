"""What the chain says happened: balances now, the ledger that the events alone rebuild, and whether the two agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainwallet.abi.calls import call_data, uint_of, uints_of
from chainwallet.abi.events import Transfer, decode_event
from chainwallet.errors import HistoryMismatch, NotFound
from chainwallet.evm import Address, BlockNumber, Hash32
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.ledger import Ledger
from chainwallet.rules.reconcile import Account, accounts_of, mismatches
from chainwallet.rules.window import Window
from chainwallet.store import facts
from chainwallet.store.database import Database

ACCOUNTS_AT_ONCE = 500  # so many are asked for in one go


def balance_units(node: Node, cash: Cash, owner: Address, block: BlockNumber) -> int:
    """The token units that ``owner`` holds at ``block``."""
    return uint_of(node.call(cash.address, call_data("balanceOf(address)", owner), at=block))


def balances(node: Node, cash: Cash, owners: Iterable[Address], block: BlockNumber) -> dict[Address, int]:
    """The token units that each of ``owners`` holds at ``block``."""
    return {owner: balance_units(node, cash, owner, block) for owner in owners}


def supply_units(node: Node, cash: Cash, block: BlockNumber) -> int:
    """All token units there are at ``block``."""
    return uint_of(node.call(cash.address, call_data("totalSupply()"), at=block))


def rebuilt_ledger(node: Node, cash: Cash, deployed_at: BlockNumber, block: BlockNumber) -> Ledger:
    """The ledger at ``block`` from nothing but the events since ``deployed_at``.

    Raises ``HistoryMismatch`` where a payer would go below zero.
    """
    ledger = Ledger()
    for log in node.logs(cash.address, deployed_at, block):
        event = decode_event(log)
        if isinstance(event, Transfer):
            ledger.apply(event.payer, event.payee, event.value)
    return ledger


@dataclass(frozen=True)
class Reconciliation:
    """What comparing the verified history with the chain's state gave, both at one block."""

    block: BlockNumber
    block_hash: Hash32
    accounts: int
    """How many were compared: everybody who ever held money, used a nonce, allowed something or was frozen."""
    mismatches: tuple[HistoryMismatch, ...]


def reconcile(node: Node, database: Database, cash: Cash) -> Reconciliation:
    """Compares every account and the supply by facts with the chain's state at the last verified block, by its hash.

    Raises ``NotFound`` where nothing is verified yet, and ``NodeRefused`` where the node lacks that block's state.
    """
    with database.read() as tx:
        followed = facts.followed(tx, cash.token)
        if followed is None:
            raise NotFound("verified history", cash.token, "follow it first with `chainwallet index run`")
        by_facts = accounts_of(facts.balances(tx, cash.token), facts.account_facts(tx, cash.token, followed.number))
        supply = facts.supply(tx, cash.token)
    by_state = _accounts(node, cash, sorted(by_facts), followed.hash)
    (answer,) = node.call_many(cash.address, [call_data("totalSupply()")], followed.hash)
    found = list(mismatches(by_facts, by_state))
    if uint_of(answer) != supply:
        found.insert(0, HistoryMismatch("total supply by events", str(uint_of(answer)), str(supply)))
    return Reconciliation(followed.number, followed.hash, len(by_facts), tuple(found))


def _accounts(node: Node, cash: Cash, owners: Sequence[Address], block: Hash32) -> dict[Address, Account]:
    found = {}
    for start in range(0, len(owners), ACCOUNTS_AT_ONCE):
        some = owners[start : start + ACCOUNTS_AT_ONCE]
        asked = [call_data("accountState(address)", owner) for owner in some]
        for owner, answer in zip(some, node.call_many(cash.address, asked, block), strict=True):
            balance, bits, base, permit_nonce, frozen = uints_of(answer, 5)
            found[owner] = Account(balance, Window(base, bits), permit_nonce, bool(frozen))
    return found
