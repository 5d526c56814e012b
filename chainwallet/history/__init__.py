"""History: what the verified facts say of balances and movements, and whether the chain's state agrees with them.

``state`` asks a node for the chain's state and compares it with the facts; ``standing`` says how far the facts go and
whether they are still those of the node's chain; ``chronicle`` answers people and ``audit`` auditors, from the facts.
"""

from chainwallet.history.audit import Audit, BalanceAt, Compared, Moment, Supply
from chainwallet.history.chronicle import Balances, Chronicle, Line, Page, Wanted
from chainwallet.history.standing import Standing, Witness
from chainwallet.history.state import (
    Reconciliation,
    balance_units,
    balances,
    rebuilt_ledger,
    reconcile,
    supply_units,
)

__all__ = [
    "Audit",
    "BalanceAt",
    "Balances",
    "Chronicle",
    "Compared",
    "Line",
    "Moment",
    "Page",
    "Reconciliation",
    "Standing",
    "Supply",
    "Wanted",
    "Witness",
    "balance_units",
    "balances",
    "rebuilt_ledger",
    "reconcile",
    "supply_units",
]
