"""Showing: who asked sees all of a request, who is asked their own part, and who has the link its open part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainwallet.errors import NotFound
from chainwallet.evm import Address
from chainwallet.formats.eip681 import transfer_request
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import Handle
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.request import PartStage
from chainwallet.store import account_wallets, accounts
from chainwallet.store.database import Transaction
from chainwallet.store.promises import Promise
from chainwallet.store.requests import Part, Request, Whole

Ledgers = Mapping[str, Cash]
"""By the currency's code."""


@dataclass(frozen=True)
class ShownPayment:
    """A payment that pays a part, or ended without."""

    payer: Handle
    promise: Promise


@dataclass(frozen=True)
class ShownPart:
    """A part and how it stands. ``asked`` is None where whoever has the link pays it.

    ``eip681`` is what asks wallets for it that know nothing of this service; None where nobody is to pay it now.
    """

    part: Part
    asked: Handle | None
    amount: Money
    stage: PartStage
    payments: tuple[ShownPayment, ...]
    eip681: str | None


@dataclass(frozen=True)
class ShownRequest:
    """What one account may see of a request: the parts, what they ask for together, and how much of that is paid."""

    request: Request
    asker: Handle
    parts: tuple[ShownPart, ...]
    total: Money
    paid: Money


def not_found(request_id: str) -> NotFound:
    """What a stranger is told."""
    return NotFound("request", request_id, "the list of your requests names those you may see")


def own_parts(whole: Whole, account_id: int, *, by_link: bool = False) -> tuple[Part, ...]:
    """The parts that an account may see; none, where it may not see the request.

    Who asked sees all of them, others that which asks them and those that they pay; who has the link and is not asked
    sees the open one.
    """
    if whole.request.asker == account_id:
        return whole.parts
    paying = {one.part_id for one in whole.payments if one.account_id == account_id}
    own = tuple(part for part in whole.parts if part.asked == account_id or part.id in paying)
    if own or not by_link:
        return own
    return tuple(part for part in whole.parts if part.asked is None)


def show_all(
    tx: Transaction, ledgers: Ledgers, some: Sequence[Whole], account_id: int, now_s: int, *, by_link: bool = False
) -> list[ShownRequest]:
    """What an account may see of ``some``, all of which it may see."""
    people = {one.request.asker for one in some}
    people |= {part.asked for one in some for part in one.parts if part.asked is not None}
    people |= {payment.account_id for one in some for payment in one.payments}
    handles = accounts.handles(tx, people)
    owned = account_wallets.addresses_of(tx, {whole.request.asker for whole in some})
    shown: list[ShownRequest] = []
    for whole in some:
        payee = next(iter(owned[whole.request.asker]), None)
        cash = ledgers.get(whole.request.currency)
        showing = _Showing(whole, account_id, now_s, handles, cash, payee)
        shown.append(showing.shown(own_parts(whole, account_id, by_link=by_link)))
    return shown


@dataclass(frozen=True)
class _Showing:
    whole: Whole
    account_id: int
    now_s: int
    handles: Mapping[int, Handle]
    cash: Cash | None
    payee: Address | None

    def shown(self, parts: Sequence[Part]) -> ShownRequest:
        request = self.whole.request
        shown = tuple(map(self._part, parts))
        zero = Money.zero(currency_of(request.currency))
        return ShownRequest(
            request=request,
            asker=self.handles[request.asker],
            parts=shown,
            total=sum((one.amount for one in shown if one.part.is_once), zero),
            paid=sum((one.amount for one in shown if one.part.is_once and one.stage == "paid"), zero),
        )

    def _part(self, part: Part) -> ShownPart:
        whole = self.whole
        sees_all = whole.request.asker == self.account_id
        payments = tuple(
            ShownPayment(self.handles[one.account_id], one.promise)
            for one in whole.payments
            if one.part_id == part.id and (sees_all or one.account_id == self.account_id)
        )
        stage = whole.stage(part, self.now_s, self.account_id)
        amount = whole.amount(part)
        asked = None if part.asked is None else self.handles[part.asked]
        return ShownPart(part, asked, amount, stage, payments, self._eip681(amount) if stage == "asked" else None)

    def _eip681(self, amount: Money) -> str | None:
        if self.cash is None or self.payee is None:
            return None
        return transfer_request(self.cash.address, self.cash.chain.chain_id, self.payee, amount.token_units)
