"""Issuing: money enters the ledger against money at a bank, and leaves it again, once for each bank reference.

``topups`` and ``withdrawals`` take requests and tell how they stand; the worker carries them. ``minting`` is for a
command that waits for its end itself. ``counter`` is where an issuer is asked, ``office`` all counters of a chain.
"""

from chainwallet.issuing.counter import Counter
from chainwallet.issuing.minting import top_up
from chainwallet.issuing.office import Office
from chainwallet.issuing.topups import ShownTopUp, find_topup, request_topup
from chainwallet.issuing.withdrawals import ShownWithdrawal, find_withdrawal, give_back, request_withdrawal

__all__ = [
    "Counter",
    "Office",
    "ShownTopUp",
    "ShownWithdrawal",
    "find_topup",
    "find_withdrawal",
    "give_back",
    "request_topup",
    "request_withdrawal",
    "top_up",
]
