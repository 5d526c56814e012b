"""The ledger of a group: the debts that a plan may clear, and the hash that stands for a set of them."""

from collections.abc import Sequence

from chainwallet.evm import Hash32, from_hex
from chainwallet.rules.debts import BillDebt
from chainwallet.rules.debts import Debt as OwedDebt
from chainwallet.rules.debts import ledger_root as root_of
from chainwallet.rules.money import Currency
from chainwallet.store import bills, debts
from chainwallet.store.database import Transaction
from chainwallet.store.debts import Debt


def clearable(tx: Transaction, group_id: str, currency: Currency) -> tuple[Debt, ...]:
    """The debts of a group that a plan may clear: of accepted bills, open, between members who both have a wallet."""
    return debts.clearable(tx, group_id, currency.code)


def ledger_root(tx: Transaction, group_id: str, currency: Currency, some: Sequence[Debt]) -> Hash32:
    """The hash that stands for ``some`` debts of a group: a settlement's ``context`` (``rules.debts.ledger_root``)."""
    lineages = {bill_id: bill.lineage for bill_id, bill in bills.with_ids(tx, {one.bill_id for one in some}).items()}
    hashes = bills.hashes(tx, {(one.bill_id, one.since_version) for one in some})
    return root_of(
        group_id,
        currency,
        [
            BillDebt(
                lineages[one.bill_id],
                Hash32(from_hex(hashes[one.bill_id, one.since_version])),
                OwedDebt(one.debtor, one.creditor, one.amount_minor),
            )
            for one in some
        ],
    )
