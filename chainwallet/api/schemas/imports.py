"""Files of other apps: sent, looked at, brought in and taken out again."""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.payments import with_examples
from chainwallet.api.schemas.words import TimeText
from chainwallet.formats.splitwise_bills import Reconciled
from chainwallet.interchange import MAX_FILE_BYTES, SeenImport
from chainwallet.interchange.importing import MOST_FILE_NAME_CHARS
from chainwallet.rules.money import Currency, Money
from chainwallet.rules.number import number_text
from chainwallet.rules.timestamp import time_text
from chainwallet.store.imports import Import

FileNameText = Annotated[str, Field(min_length=1, max_length=4 * MOST_FILE_NAME_CHARS, examples=["trip.csv"])]
PersonText = Annotated[str, Field(min_length=1, max_length=10_000)]
MOST_PEOPLE = 1_000

_FILE = "Date,Description,Category,Cost,Currency,Ana,Ben\n\n2026-05-01,Dinner,Food,30.00,EUR,15.00,-15.00\n"


class ImportOrder(Document):
    """A file that Splitwise exported ("Export as spreadsheet")."""

    model_config = with_examples({"file_name": "trip.csv", "content": _FILE, "people": {"Ana": "3f1c0d5e9a7b2468"}})

    file_name: FileNameText
    content: str = Field(min_length=1, max_length=MAX_FILE_BYTES, description="The file's text", examples=[_FILE])
    people: dict[PersonText, IdText] = Field(
        default_factory=dict,
        max_length=MOST_PEOPLE,
        description="Which members people of the file are, by their names in it. Of the others, who is called as a "
        "member is that member, and the rest become guests",
    )


class GroupFile(Document):
    """A group that ``export.json`` told, of this service or another."""

    model_config = with_examples({"content": '{"kind":"chainwallet/group/1"}', "me": "3f1c0d5e9a7b2468"})

    content: str = Field(
        min_length=1,
        max_length=MAX_FILE_BYTES,
        description="The file's text, byte for byte",
        examples=['{"kind":"chainwallet/group/1"}'],
    )
    me: IdText = Field(description="Who of its members you are; the others become guests")


class ImportedPerson(Document):
    """As whom somebody in the file takes part."""

    name: str = Field(description="In the file", examples=["Ana"])
    member: IdText
    is_new_guest: bool


class ReconciledPerson(Document):
    """Somebody's final net in one currency; positive: owed to them."""

    member: IdText
    total: str | None = Field(description="The file's own; null: it has none", examples=["12.40"])
    exact: str = Field(description="The sum of the file's cells, as a decimal or a fraction", examples=["12.404"])
    net: str = Field(description="As it is brought in: rounded once", examples=["12.40"])
    difference: str = Field(description="net - exact", examples=["-0.004"])


class ReconciledCurrency(Document):
    """What the file says of one currency, beside what its bills come to."""

    currency: CurrencyText
    people: list[ReconciledPerson]

    @classmethod
    def of(cls, one: Reconciled) -> Self:
        """The document of ``one``."""
        currency = one.currency
        people = [
            ReconciledPerson(
                member=member,
                total=None if one.totals is None else f"{one.totals[member]:f}",
                exact=_exact(net.exact_minor, currency),
                net=Money(net.net_minor, currency).decimal,
                difference=_exact(net.difference, currency),
            )
            for member, net in one.nets.items()
        ]
        return cls(currency=currency.code, people=people)


class ListedImport(Document):
    """A file, and what became of it."""

    id: IdText
    file_name: FileNameText
    stage: Literal["previewed", "committed", "undone"]
    made_at: TimeText
    made_by: IdText = Field(description="A member's id")

    @classmethod
    def listed(cls, made: Import) -> "ListedImport":
        """The document of ``made``."""
        return ListedImport.model_validate(_listed(made))


class ImportDocument(ListedImport):
    """A file and all that it brings in."""

    people: list[ImportedPerson]
    bills: int = Field(ge=0, description="How many")
    totals: list[ReconciledCurrency] = Field(description="The file's figures beside those of the bills")
    notes: list[str] = Field(description="What was unusual, left out or changed")

    @classmethod
    def of(cls, seen: SeenImport) -> Self:
        """The document of ``seen``."""
        people = [
            ImportedPerson(name=name, member=chosen.member_id, is_new_guest=chosen.is_new)
            for name, chosen in seen.made.people.items()
        ]
        more = {
            "people": people,
            "bills": len(seen.read.bills),
            "totals": [ReconciledCurrency.of(one) for one in seen.read.reconciled],
            "notes": list(seen.read.notes),
        }
        return cls.model_validate(_listed(seen.made) | more)


class ImportsDocument(Document):
    """The latest imports into a group."""

    imports: list[ListedImport]


def _listed(made: Import) -> dict[str, object]:
    stage = "undone" if made.undone_at_s is not None else "previewed" if made.committed_at_s is None else "committed"
    return {
        "id": made.id,
        "file_name": made.file_name,
        "stage": stage,
        "made_at": time_text(made.made_at_s),
        "made_by": made.made_by,
    }


def _exact(minor: Fraction, currency: Currency) -> str:
    if minor.denominator == 1:
        return Money(int(minor), currency).decimal
    return number_text(minor / Fraction(Decimal(10) ** currency.decimals))
