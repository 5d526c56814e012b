"""Clearing: a group's debts are settled in one transaction that every debtor signed.

``planning`` makes a plan of debts, ``consenting`` takes the signatures and sends the settlement out, ``minding`` does
what nobody asks for, ``showing`` tells how a plan stands, and ``clearings`` is all of that for the people of a group.
``whole`` clears at once, for who has all keys.
"""

from chainwallet.clearing.clearings import Clearings, Preview
from chainwallet.clearing.planning import LONGEST_SIGNING_S, SHORTEST_SIGNING_S, USUAL_SIGNING_S, Draft
from chainwallet.clearing.showing import ShownPlan
from chainwallet.clearing.tools import Tools
from chainwallet.clearing.whole import Clearing, clear, settlement_of

__all__ = [
    "LONGEST_SIGNING_S",
    "SHORTEST_SIGNING_S",
    "USUAL_SIGNING_S",
    "Clearing",
    "Clearings",
    "Draft",
    "Preview",
    "ShownPlan",
    "Tools",
    "clear",
    "settlement_of",
]
