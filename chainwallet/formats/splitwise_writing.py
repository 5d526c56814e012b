"""A group's history -> the CSV that Splitwise exports, for other apps and for spreadsheets; ``splitwise`` reads it.

Net cells say what a person paid minus what they owed, so who paid and how a bill was split is not in such a file; our
own export has all of it.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO

from chainwallet.errors import BadValue
from chainwallet.formats.splitwise import Entry, GroupHistory
from chainwallet.formats.splitwise_headers import LANGUAGES
from chainwallet.formats.spreadsheet import guarded
from chainwallet.rules.money import Currency

NO_CATEGORY = "General"  # what Splitwise writes where a person chose none

_WORDS = LANGUAGES["en"]


def write_splitwise(history: GroupHistory, totals_date: str) -> bytes:
    """``history`` as UTF-8, with a total row for each of its currencies, dated ``totals_date``.

    Text that a spreadsheet would take for a formula gets an apostrophe before it. Raises ``BadValue`` (``nets``) for an
    entry with a part of a minor unit, which the app's own files do not have.
    """
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_WORDS[:5], *map(guarded, history.people)])
    out.write("\n")
    for entry in history.entries:
        writer.writerow(_row(entry))
    out.write("\n")
    for currency in history.currencies:
        cells = _cells(currency, _totals(history, currency))
        writer.writerow([totals_date, _WORDS.total, " ", " ", currency.code, *cells])
    return out.getvalue().encode()


def _row(entry: Entry) -> list[str]:
    category = _WORDS.payment if entry.is_payment else guarded(entry.category) or NO_CATEGORY
    cost = sum(filter(_positive, entry.nets), Decimal(0)) if entry.cost is None else entry.cost
    (written,) = _cells(entry.currency, [cost])
    cells = _cells(entry.currency, entry.nets)
    return [guarded(entry.date), guarded(entry.description), category, written, entry.currency.code, *cells]


def _totals(history: GroupHistory, currency: Currency) -> Sequence[Decimal]:
    nets: Mapping[int, list[Decimal]] = {person: [] for person in range(len(history.people))}
    for entry in history.entries:
        if entry.currency == currency:
            for person, net in enumerate(entry.nets):
                nets[person].append(net)
    return [sum(own, Decimal(0)) for own in nets.values()]


def _cells(currency: Currency, amounts: Iterable[Decimal]) -> list[str]:
    return [_cell(currency, amount) for amount in amounts]


def _cell(currency: Currency, amount: Decimal) -> str:
    written = f"{amount:.{currency.decimals}f}"
    if Decimal(written) != amount:
        raise BadValue("nets", f"{amount:f} {currency}", f"at most {currency.decimals} decimals")
    return written if amount else written.removeprefix("-")


def _positive(amount: Decimal) -> bool:
    return amount > 0
