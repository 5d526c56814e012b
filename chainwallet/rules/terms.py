"""Terms of a bill: all that one version of it says, its one writing as a document, and the lines that follow from it.

People are the group's member ids, which stay the same for life: neither a name nor a title or note moves a unit.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias, assert_never

from chainwallet.errors import BadValue
from chainwallet.evm import Hash32, keccak256
from chainwallet.rules.itemised import Itemised, exact_shares, itemised_shares
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.number import scaled
from chainwallet.rules.split import (
    Adjustments,
    BillLine,
    Equal,
    Exact,
    Percent,
    Shares,
    Split,
    bill_lines,
    shares_minor,
)
from chainwallet.rules.text import clean_line, clean_note

MAX_PEOPLE = 100  # of one bill, payers among them
MAX_MINOR = 10**15
"""The largest amount of a bill, in minor units: ten thousand thousand millions of a currency with two decimals."""
MAX_TITLE_CHARS = 120
MAX_NOTE_CHARS = 2_000
MAX_LABEL_CHARS = 120
FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2199, 12, 31)

AnySplit: TypeAlias = Split | Itemised

_MEMBER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Terms:
    """What one version of a bill says; one that breaks a rule cannot be made.

    ``total`` and all amounts are negative for a refund or income. ``payers`` says who paid how much of it. Raises
    ``CurrencyMismatch``, what ``split_bill`` and ``exact_shares`` raise, and ``BadValue`` with the field:

    - ``title``, ``note``, ``items.<index>.label``: not as ``clean_line`` or ``clean_note`` leaves a text;
    - ``date``: not from ``FIRST_DAY`` to ``LAST_DAY``;
    - ``total`` or another amount: beyond ``MAX_MINOR`` minor units;
    - ``people``: more than ``MAX_PEOPLE``, or one that is not a member id (1 to 64 letters, digits, - and _).
    """

    title: str
    note: str
    date: date
    total: Money
    split: AnySplit
    payers: Mapping[str, Money]

    def __post_init__(self) -> None:
        _check_texts(self)
        if not FIRST_DAY <= self.date <= LAST_DAY:
            raise BadValue("date", self.date.isoformat(), f"{FIRST_DAY} to {LAST_DAY}")
        for field, amount in amounts_of(self):
            if abs(amount.amount_minor) > MAX_MINOR:
                raise BadValue(field, str(amount), f"at most {Money(MAX_MINOR, amount.currency)}")
        people = self.people
        if len(people) > MAX_PEOPLE:
            raise BadValue("people", len(people), f"at most {MAX_PEOPLE}")
        for person in people:
            check_member_id(person)
        lines(self, b"")

    @property
    def currency(self) -> Currency:
        """The currency of all its amounts."""
        return self.total.currency

    @cached_property
    def people(self) -> tuple[str, ...]:
        """All whom it names, each once: those of the split in its order, then payers who only paid."""
        return tuple(dict.fromkeys([*people_of(self.split), *self.payers]))


def check_member_id(text: str) -> None:
    """Raises ``BadValue`` (``people``) for a text that is no member's id: 1 to 64 letters, digits, - and _."""
    if _MEMBER.fullmatch(text) is None:
        raise BadValue("people", text[:64], "a member's id: 1 to 64 letters, digits, - and _")


def check_is_something(terms: Terms) -> None:
    """Raises ``BadValue`` (``total``) for a bill of nothing, which nobody can owe, pay or settle."""
    if not terms.total.amount_minor:
        raise BadValue("total", str(terms.total), "an amount above 0, or below 0 for a refund or income")


def check_members(terms: Terms, members: Collection[str]) -> None:
    """Raises ``BadValue`` for somebody who is not one of ``members``: ``payers.<person>``, ``people`` of the split."""
    for person in terms.payers:
        if person not in members:
            raise BadValue(f"payers.{person}", str(terms.payers[person]), "a payer who is a member of the group")
    for person in terms.people:
        if person not in members:
            raise BadValue("people", person, "a member of the group")


def tie_break(lineage: str) -> Hash32:
    """What breaks ties in all versions of the bill ``lineage``: the Keccak-256 of its id."""
    return keccak256(lineage.encode("utf-8"))


def lines(terms: Terms, lineage: bytes) -> tuple[BillLine, ...]:
    """Everyone's line, in the order of ``terms.people``; ``lineage`` is the ``tie_break`` of the bill.

    Shares are exact but for one rounding; shares and payments sum to the total, nets to zero.
    """
    return bill_lines(terms.total, split_shares(terms.total, terms.split, lineage), terms.payers)


def same_money(one: Terms, other: Terms) -> bool:
    """Whether the two differ in texts, date and manner only: nobody's exact share or payment is another.

    The lines of such terms are the same for every lineage, but for those that are zero in all.
    """
    if one.currency != other.currency:
        return False
    paid = [
        {person: amount for person, amount in terms.payers.items() if amount.amount_minor} for terms in (one, other)
    ]
    return paid[0] == paid[1] and _exact(one) == _exact(other)


def reversal(terms: Terms, of_lines: Iterable[BillLine], title: str, on: date, note: str = "") -> Terms:
    """Terms that undo ``terms``, of which ``of_lines`` are the lines: everybody's share and payment is the negative.

    The shares are stated exactly, as they were rounded, so that the two sum to nothing under every lineage. Raises
    ``BadValue`` for a ``title``, ``note`` or date that terms cannot have.
    """
    undone = tuple(of_lines)
    shares = {line.person: -line.share for line in undone if line.share.amount_minor or line.person in _sharing(terms)}
    return Terms(title, note, on, -terms.total, Exact(shares), {person: -paid for person, paid in terms.payers.items()})


def with_split(terms: Terms, split: AnySplit) -> Terms:
    """``terms`` divided another way, as somebody proposes; raises as ``Terms`` does."""
    return replace(terms, split=split)


def people_of(split: AnySplit) -> tuple[str, ...]:
    """The people of ``split``, in its order; as often as it names them."""
    match split:
        case Equal(people) | Adjustments(people, _):
            return people
        case Exact(amounts):
            return tuple(amounts)
        case Percent(numbers) | Shares(numbers):
            return tuple(numbers)
        case Itemised():
            return split.people
    assert_never(split)


def amounts_of(terms: Terms) -> Iterable[tuple[str, Money]]:
    """All amounts that ``terms`` states, each with the name of its field."""
    yield "total", terms.total
    yield from ((f"payers.{person}", amount) for person, amount in terms.payers.items())
    match terms.split:
        case Exact(amounts):
            yield from ((f"exact.{person}", amount) for person, amount in amounts.items())
        case Adjustments(_, amounts):
            yield from ((f"adjustments.{person}", amount) for person, amount in amounts.items())
        case Itemised():
            yield from ((f"items.{index}.price", item.amount) for index, item in enumerate(terms.split.items))
            for name, extra in terms.split.extras:
                if isinstance(extra.value, Money):
                    yield name, extra.value
        case _:
            return


def _check_texts(terms: Terms) -> None:
    texts = [("title", terms.title, clean_line(terms.title, "title", MAX_TITLE_CHARS))]
    texts.append(("note", terms.note, clean_note(terms.note, "note", MAX_NOTE_CHARS)))
    if isinstance(terms.split, Itemised):
        for index, item in enumerate(terms.split.items):
            field = f"items.{index}.label"
            texts.append((field, item.label, clean_line(item.label, field, MAX_LABEL_CHARS)))
    for field, text, clean in texts:
        if text != clean:
            raise BadValue(field, text[:64], "a text in Unicode's NFC, without space around it")


def split_shares(total: Money, split: AnySplit, lineage: bytes) -> dict[str, int]:
    """Everyone's share of ``total`` in minor units, whatever the mode; raises as ``shares_minor``, ``exact_shares``."""
    if isinstance(split, Itemised):
        return itemised_shares(total, split, lineage)
    return shares_minor(total, split, lineage)


def _sharing(terms: Terms) -> frozenset[str]:
    return frozenset(people_of(terms.split))


def _paid(terms: Terms) -> dict[str, Money]:
    return {person: amount for person, amount in terms.payers.items() if amount.amount_minor}


def _exact(terms: Terms) -> dict[str, Fraction]:
    """Everyone's exact share in minor units; who has none is left out."""
    total = terms.total.amount_minor
    match terms.split:
        case Equal(people):
            shares = dict.fromkeys(people, Fraction(total, len(people)))
        case Exact(amounts):
            shares = {person: Fraction(amount.amount_minor) for person, amount in amounts.items()}
        case Percent(numbers) | Shares(numbers):
            parts, _ = scaled("shares", numbers)
            whole = sum(parts.values())
            shares = {person: Fraction(total * part, whole) for person, part in parts.items()}
        case Adjustments(people, amounts):
            minor = {person: amount.amount_minor for person, amount in amounts.items()}
            each = Fraction(total - sum(minor.values()), len(people))
            shares = {person: each + minor.get(person, 0) for person in people}
        case Itemised():
            exact, sign = exact_shares(terms.total, terms.split), -1 if total < 0 else 1
            shares = {person: Fraction(sign * part, exact.denominator) for person, part in exact.parts.items()}
        case _:
            assert_never(terms.split)
    return {person: share for person, share in shares.items() if share}
