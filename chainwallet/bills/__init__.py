"""Bills: what a group spent, divided exactly, agreed to by those whom it charges, and settled.

``book`` is the answers. ``writing`` adds and changes bills, ``consent`` takes what members say to them, ``paying``
settles single shares, ``balances`` sums up who owes whom, ``showing`` shows all of it; ``record`` is a bill as it
stands, and ``ledger`` what clearing takes from all that.
"""

from chainwallet.bills.balances import Behind, Between, CurrencyBalances, Owed, balances
from chainwallet.bills.book import Bills
from chainwallet.bills.ledger import clearable, ledger_root
from chainwallet.bills.record import Record
from chainwallet.bills.showing import BillStory, SeenBill
from chainwallet.bills.writing import MOST_BILLS, New, add_each

__all__ = [
    "MOST_BILLS",
    "Behind",
    "Between",
    "BillStory",
    "Bills",
    "CurrencyBalances",
    "New",
    "Owed",
    "Record",
    "SeenBill",
    "add_each",
    "balances",
    "clearable",
    "ledger_root",
]
