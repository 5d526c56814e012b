"""Balances of a group: what is owed, with the bills behind it, and what clearing it would take."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field

from chainwallet.api.schemas.bills import Person
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import CurrencyText
from chainwallet.api.schemas.splits import SignedText
from chainwallet.bills import Behind, Between, CurrencyBalances, Owed


class BehindDocument(Document):
    """What one bill adds to a balance."""

    bill: str = Field(description="A bill's id", examples=["3f1c0d5e9a7b2468"])
    title: str = Field(examples=["hotel"])
    amount: SignedText


class BetweenDocument(Document):
    """You and somebody else."""

    member: Person
    amount: SignedText = Field(description="Owed to you; below 0 owed by you")
    words: str = Field(examples=["you owe @bo 12.40: hotel 20.00, minus your taxi 7.60"])
    bills: list[BehindDocument]

    @classmethod
    def of(cls, between: Between) -> Self:
        """The document of ``between``."""
        return cls(
            member=Person.of(between.other),
            amount=between.amount.decimal,
            words=between.words,
            bills=[_behind(one) for one in between.behind],
        )


class NetDocument(Document):
    """Somebody's net."""

    member: Person
    amount: SignedText = Field(description="Owed to them; below 0 owed by them")


class OwedDocument(Document):
    """What one member owes another."""

    debtor: Person
    creditor: Person
    amount: SignedText


class CurrencyBalancesDocument(Document):
    """A group's balances in one currency."""

    currency: CurrencyText
    owed: list[BetweenDocument] = Field(description="Yours, by accepted bills")
    pending: list[BetweenDocument] = Field(description="Yours, by bills that somebody has not accepted yet")
    disputed: list[BetweenDocument] = Field(description="Yours, by disputed bills")
    nets: list[NetDocument] = Field(description="Everybody's, by accepted bills")
    debts: list[OwedDocument] = Field(description="All debts of accepted bills, as they are")
    transfers: list[OwedDocument] = Field(description="The few transfers that would do in their stead")
    plan: list[NetDocument] = Field(
        description="What everybody would pay (below 0) or receive in a clearing now, without what cannot be cleared: "
        "debts of guests, and those in a plan or payment under way"
    )

    @classmethod
    def of(cls, balances: CurrencyBalances) -> Self:
        """The document of ``balances``."""
        return cls(
            currency=balances.currency.code,
            owed=[BetweenDocument.of(one) for one in balances.owed],
            pending=[BetweenDocument.of(one) for one in balances.pending],
            disputed=[BetweenDocument.of(one) for one in balances.disputed],
            nets=[NetDocument(member=Person.of(one), amount=net.decimal) for one, net in balances.nets],
            debts=[_owed(one) for one in balances.debts],
            transfers=[_owed(one) for one in balances.transfers],
            plan=[NetDocument(member=Person.of(one), amount=net.decimal) for one, net in balances.plan],
        )


class GroupBalancesDocument(Document):
    """A group's balances, by currency; none where nothing is owed."""

    balances: list[CurrencyBalancesDocument]

    @classmethod
    def of(cls, balances: Sequence[CurrencyBalances]) -> Self:
        """The document of ``balances``."""
        return cls(balances=[CurrencyBalancesDocument.of(one) for one in balances])


def _behind(behind: Behind) -> BehindDocument:
    return BehindDocument(bill=behind.bill_id, title=behind.title, amount=behind.amount.decimal)


def _owed(owed: Owed) -> OwedDocument:
    return OwedDocument(debtor=Person.of(owed.debtor), creditor=Person.of(owed.creditor), amount=owed.amount.decimal)
