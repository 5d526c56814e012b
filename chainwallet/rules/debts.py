"""Debts: who of a bill owes whom how much of it, exact to the minor unit for everyone on both sides.

What somebody owes is spread over all creditors of the bill in proportion to what they are owed. Whole units cannot be
proportional everywhere at once, so it goes row by row: each row is one largest-remainder division over what the rows
before it have left. That keeps every debt at 0 or above, and rows and columns exact; a debt may be a few units from the
exact proportion. Which side makes the rows does not depend on the signs: the debts of a bill's reversal are its own,
the other way round.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chainwallet.errors import BadValue
from chainwallet.evm import Hash32
from chainwallet.rules.apportion import round_to_sum
from chainwallet.rules.canonical import Document, document_hash
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.split import BillLine

KIND = "chainwallet/debts/1"

_TIES = b"chainwallet/debts"
"""Breaks ties between rows and columns: the same for all bills, for nobody's net depends on it."""


@dataclass(frozen=True, order=True)
class Debt:
    """``debtor`` owes ``creditor`` ``amount_minor`` minor units, always above 0."""

    debtor: str
    creditor: str
    amount_minor: int


@dataclass(frozen=True, order=True)
class BillDebt:
    """A debt beside the bill that it comes from: its lineage, and the hash of the terms that made it."""

    bill: str
    terms_hash: Hash32
    debt: Debt


def debts_of(lines: Iterable[BillLine]) -> tuple[Debt, ...]:
    """The debts of a bill with these lines, sorted; none where everybody paid their share."""
    return debts_of_nets({line.person: line.net.amount_minor for line in lines})


def debts_of_nets(nets_minor: Mapping[str, int]) -> tuple[Debt, ...]:
    """The debts of one bill: positive nets are owed to a person, negative ones are owed by them.

    Each debtor's debts sum to what they owe, each creditor's to what they are owed. Sorted; the order of
    ``nets_minor`` has no influence. Raises ``BadValue`` (``nets``) when the nets do not sum to zero.
    """
    if sum(nets_minor.values()) != 0:
        raise BadValue("nets", sum(nets_minor.values()), "a sum of 0")
    debtors = {person: -nets_minor[person] for person in sorted(nets_minor) if nets_minor[person] < 0}
    creditors = {person: nets_minor[person] for person in sorted(nets_minor) if nets_minor[person] > 0}
    if not debtors:
        return ()
    if (len(debtors), min(debtors)) < (len(creditors), min(creditors)):
        cells = [Debt(row, column, amount) for row, column, amount in _cells(debtors, creditors)]
    else:
        cells = [Debt(column, row, amount) for row, column, amount in _cells(creditors, debtors)]
    return tuple(sorted(cells))


def nets_of(debts: Iterable[Debt]) -> dict[str, int]:
    """What everyone is owed (positive) or owes (negative) by ``debts`` together, in minor units, sorted by person."""
    nets: dict[str, int] = {}
    for debt in debts:
        nets[debt.debtor] = nets.get(debt.debtor, 0) - debt.amount_minor
        nets[debt.creditor] = nets.get(debt.creditor, 0) + debt.amount_minor
    return dict(sorted(nets.items()))


def ledger_root(group: str, currency: Currency, debts: Iterable[BillDebt]) -> Hash32:
    """What stands for a set of debts of ``group`` in ``currency``: a settlement's ``context``.

    The Keccak-256 of an RFC 8785 document: ``kind``, ``group``, ``currency`` and ``debts``, sorted, each as a list of
    the bill's lineage, the hash of its terms (hex digits), debtor, creditor and amount. The order of ``debts`` has no
    influence. Raises ``BadValue`` (``debts``) for one that comes twice.
    """
    ordered = sorted(debts)
    rows: list[Document] = []
    last = None
    for each in ordered:
        key = (each.bill, each.debt.debtor, each.debt.creditor)
        if key == last:
            raise BadValue("debts", f"bill {each.bill}: {each.debt.debtor} to {each.debt.creditor}", "each debt once")
        last = key
        amount = Money(each.debt.amount_minor, currency).decimal
        rows.append([each.bill, each.terms_hash.hex(), each.debt.debtor, each.debt.creditor, amount])
    return document_hash({"kind": KIND, "group": group, "currency": currency.code, "debts": rows})


def _cells(rows: Mapping[str, int], columns: Mapping[str, int]) -> Iterable[tuple[str, str, int]]:
    """The amounts above 0 of a table whose rows and columns have these sums."""
    left, together = dict(columns), sum(columns.values())
    for row, amount in rows.items():
        cells = round_to_sum({column: amount * open_ for column, open_ in left.items()}, together, amount, _TIES)
        for column, cell in cells.items():
            left[column] -= cell
            if cell:
                yield row, column, cell
        together -= amount
