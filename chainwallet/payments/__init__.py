"""Payments: one payer, one payee, one amount, carried to the chain exactly once.

``order`` is what a payer asks for; ``accepting`` makes a promise of it, with one nonce for life, which ``deciding``
allows or refuses; ``gathering`` has that done together for those who ask at the same time; ``paying`` sees it through
to the end; ``ending`` retries and cancels; ``showing`` tells how it stands and how it came there; ``teller`` is all of
that for somebody who has wallets here.
"""

from chainwallet.payments.accepting import accept, accept_each, accept_many, offer, take_signature
from chainwallet.payments.deciding import Desk
from chainwallet.payments.directory import AccountDirectory, Directory, payee_of
from chainwallet.payments.ending import cancel, cancel_document, retry
from chainwallet.payments.forgotten import cancel_forgotten
from chainwallet.payments.gathering import Gatherer
from chainwallet.payments.order import MAX_ID_CHARS, MAX_MEMO_CHARS, Order
from chainwallet.payments.paying import Receipt, accept_or_retry, balance_text, pay
from chainwallet.payments.showing import Shown, find, show, waits_for
from chainwallet.payments.teller import Accept, AcceptSoon, Asked, Petition, Teller, Told, Wish

__all__ = [
    "MAX_ID_CHARS",
    "MAX_MEMO_CHARS",
    "Accept",
    "AcceptSoon",
    "AccountDirectory",
    "Asked",
    "Desk",
    "Directory",
    "Gatherer",
    "Order",
    "Petition",
    "Receipt",
    "Shown",
    "Teller",
    "Told",
    "Wish",
    "accept",
    "accept_each",
    "accept_many",
    "accept_or_retry",
    "balance_text",
    "cancel",
    "cancel_document",
    "cancel_forgotten",
    "find",
    "offer",
    "pay",
    "payee_of",
    "retry",
    "show",
    "take_signature",
    "waits_for",
]
