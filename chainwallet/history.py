"""What the chain says happened: balances now, and the ledger that the events alone rebuild."""

from collections.abc import Iterable

from chainwallet.abi.calls import call_data, uint_of
from chainwallet.abi.events import Transfer, decode_event
from chainwallet.evm import Address, BlockNumber
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.ledger import Ledger


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
