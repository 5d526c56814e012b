"""Clearing: a group's debts are settled in one transaction that every debtor signed.

``whole`` clears at once, for who has all keys.
"""

from chainwallet.clearing.whole import Clearing, clear, settlement_of

__all__ = ["Clearing", "clear", "settlement_of"]
