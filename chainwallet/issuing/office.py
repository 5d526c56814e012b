"""The issuing office: top-ups and withdrawals on all ledgers of one chain, asked for by handle or address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chainwallet.errors import BadValue, NotFound
from chainwallet.issuing.counter import Counter
from chainwallet.issuing.topups import ShownTopUp, find_topup, request_topup
from chainwallet.issuing.withdrawals import ShownWithdrawal, find_withdrawal, give_back, request_withdrawal
from chainwallet.payments import Directory, Order, payee_of
from chainwallet.rpc import Node
from chainwallet.rules.money import Currency, Money
from chainwallet.store.promises import Promise

T = TypeVar("T")


@dataclass(frozen=True)
class Office:
    """Issues on one chain; ``counters`` by the currency's code.

    ``accept`` accepts the issuer's own payments, and makes the document of one anew that expired.
    """

    counters: Mapping[str, Counter]
    node: Node
    directory: Directory
    accept: Callable[[Currency, Order], Promise]
    now_s: Callable[[], int]

    def top_up(self, reference: str, payee: str, amount: Money, asked_by: str) -> ShownTopUp:
        """Asks for ``amount`` for ``payee`` against the bank's ``reference``. Raises as ``request_topup``.

        A handle means the wallet that it meant when the reference was first used.
        """
        counter = self.counter(amount.currency)
        try:
            known = find_topup(counter, reference).topup.payee
        except NotFound:
            known = None
        to = payee_of(self.directory, payee, known)
        return request_topup(counter, self.node, reference, to, amount, asked_by, self.now_s())

    def withdraw(self, reference: str, payer: str, payment_id: str, amount: Money, asked_by: str) -> ShownWithdrawal:
        """Asks for ``payer``'s payment to the issuer to be burned. Raises as ``request_withdrawal``."""
        counter = self.counter(amount.currency)
        try:
            known = find_withdrawal(counter, reference).payment.payer
        except NotFound:
            known = None
        who = payee_of(self.directory, payer, known, "payer")
        return request_withdrawal(counter, reference, who, payment_id, amount, asked_by, self.now_s())

    def find_topup(self, reference: str, currency: str | None) -> ShownTopUp:
        """The top-up with the bank's ``reference``; ``currency`` is asked for where several have it.

        Raises ``NotFound``, and ``BadValue`` of ``currency``.
        """
        return self._only("top-up", reference, currency, find_topup)

    def find_withdrawal(self, reference: str, currency: str | None) -> ShownWithdrawal:
        """The withdrawal with the bank's ``reference``. Raises as ``find_topup``."""
        return self._only("withdrawal", reference, currency, find_withdrawal)

    def give_back(self, reference: str, currency: str | None) -> ShownWithdrawal:
        """Has a refused withdrawal's money paid back. Raises as ``find_topup`` and ``issuing.give_back``."""
        shown = self.find_withdrawal(reference, currency)
        counter = self.counter(shown.amount.currency)
        return give_back(counter, lambda order: self.accept(counter.cash.currency, order), reference, self.now_s())

    def counter(self, currency: Currency) -> Counter:
        """Where money in ``currency`` is issued. Raises ``BadValue`` for one that has no ledger here."""
        return self._counters(currency.code)[0]

    def _counters(self, code: str | None) -> list[Counter]:
        if code is None:
            return list(self.counters.values())
        if code not in self.counters:
            raise BadValue("currency", code, f"one that has a ledger here: {', '.join(sorted(self.counters))}")
        return [self.counters[code]]

    def _only(self, kind: str, reference: str, code: str | None, find: Callable[[Counter, str], T]) -> T:
        found: dict[str, T] = {}
        for counter in self._counters(code):
            try:
                found[counter.cash.currency.code] = find(counter, reference)
            except NotFound:
                continue
        if not found:
            raise NotFound(kind, reference, "none was asked for with this bank reference")
        if len(found) > 1:
            raise BadValue("currency", code, f"one of {', '.join(sorted(found))}: several have this reference")
        return next(iter(found.values()))
