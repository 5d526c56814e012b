"""Events: what happens to the caller's payments, what comes in, and what is done in the caller's groups."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field

from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.money import ShownAmount
from chainwallet.api.schemas.words import AddressText, HashText, TimeText
from chainwallet.evm import checksum, to_hex
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import shown
from chainwallet.rules.timestamp import time_text
from chainwallet.store.account_events import AccountEvent


class EventPayment(Document):
    """The payment, or the consent to a settlement, that something happened to."""

    id: str = Field(description="Yours", examples=["dinner-2026-11-27"])
    amount: ShownAmount | None = Field(description="null: of a currency that is not on this network any more")
    payee: AddressText | None
    words: str = Field(description="What happened, for a person", examples=["final"])


class EventMovement(Document):
    """The movement that came in; after `movement.undone` it is on the chain no more."""

    amount: ShownAmount | None = Field(description="null: of a currency that is not on this network any more")
    sender: AddressText
    block: int = Field(ge=0, examples=[1203])
    block_hash: HashText
    transaction: HashText


class EventGroup(Document):
    """What was done in a group, or what you were invited to."""

    id: IdText | None = Field(description="The group's; null: it is about none")
    subject: str = Field(description="The id of the bill, member, invitation, plan or request")
    words: str = Field(description="What was done, for a person", examples=["@ben joined"])
    actor: str | None = Field(description="Whose handle did it; null: the service", examples=["@ben"])


class EventDocument(Document):
    """Something that happened: to a payment of yours, to one of your wallets, or in one of your groups."""

    id: int = Field(ge=1, description="Grows; `Last-Event-ID` names the last one that you have", examples=[4711])
    kind: str = Field(description="`payment.accepted`, `payment.final`, `movement.incoming`, `group.invited` ...")
    at: TimeText
    wallet: AddressText | None = Field(description="Yours; null: it is about a group")
    payment: EventPayment | None
    movement: EventMovement | None
    group: EventGroup | None = Field(description="Told to tokens with the scope `groups:read`")

    @classmethod
    def of(cls, event: AccountEvent, ledgers: Mapping[str, Cash]) -> Self:
        """The document of ``event``; ``ledgers`` are those of this network, by token."""
        payment = movement = group = None
        if event.promised is not None:
            promised = event.promised
            payment = EventPayment(
                id=promised.id,
                amount=_amount(ledgers, promised.token, promised.value),
                payee=None if promised.payee is None else checksum(promised.payee),
                words=promised.words,
            )
        if event.movement is not None:
            token, fact = event.movement
            assert fact.payer is not None and fact.value is not None  # noqa: S101, PT018 - a Transfer has both
            movement = EventMovement(
                amount=_amount(ledgers, token, fact.value),
                sender=checksum(fact.payer),
                block=fact.place.block,
                block_hash=to_hex(fact.place.block_hash),
                transaction=to_hex(fact.place.tx),
            )
        if event.done is not None:
            done = event.done
            actor = None if done.actor is None else shown(done.actor)
            group = EventGroup(id=done.group_id, subject=done.subject, words=done.words, actor=actor)
        return cls(
            id=event.id,
            kind=event.kind,
            at=time_text(event.at_s),
            wallet=None if event.owner is None else checksum(event.owner),
            payment=payment,
            movement=movement,
            group=group,
        )


def _amount(ledgers: Mapping[str, Cash], token: str, units: int) -> ShownAmount | None:
    return ShownAmount.of_units(units, ledgers[token].currency) if token in ledgers else None
