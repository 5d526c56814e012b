"""The answers about bills of groups: written, agreed to, paid and shown.

What changes something does so in the transaction that it is given. Who is not in a group is told that there is none
(``NotFound``); whose role or scopes do not allow something, ``Forbidden``. Viewers see; to change something takes a
member.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from chainwallet.accounts import Caller, require
from chainwallet.bills import consent, paying, showing, writing
from chainwallet.bills.balances import CurrencyBalances, balances
from chainwallet.bills.paying import Purse
from chainwallet.bills.record import Record, load
from chainwallet.bills.showing import BillStory, SeenBill
from chainwallet.bills.writing import New
from chainwallet.errors import NotFound
from chainwallet.groups import Standing, standing
from chainwallet.payments import Order, Teller
from chainwallet.rules.bill import Answer
from chainwallet.rules.promise import Offered
from chainwallet.rules.terms import Terms
from chainwallet.store.bills import Wanted
from chainwallet.store.database import Database, Transaction
from chainwallet.store.promises import Promise

ID_BYTES = 8
LINEAGE_BYTES = 32


@dataclass(frozen=True)
class Bills:
    """The bills of the groups of one database, whose shares ``teller`` takes payments of.

    ``now_s`` gives seconds since 1970, ``random`` so many unguessable bytes.
    """

    database: Database
    teller: Teller
    now_s: Callable[[], int]
    random: Callable[[int], bytes]

    def new(self, import_id: str | None = None) -> New:
        """What a bill is called that nobody has made yet."""
        return New(self.random(ID_BYTES).hex(), self.random(LINEAGE_BYTES).hex(), import_id=import_id)

    # ------------------------------------------------------------------------------------------------ writing

    def add(self, tx: Transaction, caller: Caller, group_id: str, terms: Terms) -> SeenBill:
        """A new bill. Raises as ``writing.add``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.add(tx, here, self.new(), terms, self.now_s()))

    def amend(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        bill_id: str,
        version: int,
        terms: Terms,
        reason: str | None = None,
    ) -> SeenBill:
        """The bill with other terms, where ``version`` is its current one. Raises as ``writing.amend``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.amend(tx, here, bill_id, version, terms, reason, self.now_s()))

    def adopt(
        self, tx: Transaction, caller: Caller, group_id: str, bill_id: str, version: int, member: str
    ) -> SeenBill:
        """The bill amended as ``member`` proposes. Raises as ``writing.adopt``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.adopt(tx, here, bill_id, version, member, self.now_s()))

    def delete(self, tx: Transaction, caller: Caller, group_id: str, bill_id: str) -> SeenBill:
        """The bill with a tombstone. Raises as ``writing.delete``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.delete(tx, here, bill_id, self.now_s()))

    def restore(self, tx: Transaction, caller: Caller, group_id: str, bill_id: str) -> SeenBill:
        """The bill without its tombstone. Raises as ``writing.restore``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.restore(tx, here, bill_id, self.now_s()))

    def reverse(self, tx: Transaction, caller: Caller, group_id: str, bill_id: str, note: str = "") -> SeenBill:
        """A new bill that undoes one. Raises as ``writing.reverse``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, writing.reverse(tx, here, bill_id, self.new(), note, self.now_s()))

    # ------------------------------------------------------------------------------------------------ consent

    def respond(
        self, tx: Transaction, caller: Caller, group_id: str, bill_id: str, version: int, answer: Answer
    ) -> SeenBill:
        """The bill with what the caller says to its current ``version``. Raises as ``consent.respond``."""
        here = standing(tx, caller, group_id, "member")
        return _seen(tx, here, consent.respond(tx, here, bill_id, version, answer, self.now_s()))

    def accept_all(self, tx: Transaction, caller: Caller, group_id: str) -> tuple[SeenBill, ...]:
        """The bills that the caller was asked about and had said nothing to, accepted."""
        here = standing(tx, caller, group_id, "member")
        return showing.see(tx, here, consent.accept_all(tx, here, self.now_s()))

    def terms(self, tx: Transaction, caller: Caller, group_id: str, bill_id: str) -> Terms:
        """What the current version of a bill says. Raises ``NotFound``."""
        here = standing(tx, caller, group_id)
        return load(tx, here.group.id, bill_id).terms

    # ------------------------------------------------------------------------------------------------ settling

    def pay(self, caller: Caller, group_id: str, bill_id: str, version: int) -> tuple[Promise, ...]:
        """The payments of what the caller owes by a bill, one for each creditor; asked for again, the same.

        Queued, or, where the caller signs elsewhere, offered. Raises as ``paying.pay_shares``, ``NotFound`` for who has
        no wallet, ``Forbidden`` without the scope ``payments:write``, and what the signer raises: then the payments are
        there, and are signed when they are asked for again.
        """
        require(caller, "payments:write")
        purse = self._purse(caller, group_id, bill_id)

        def begin(tx: Transaction) -> tuple[tuple[Order, Promise], ...]:
            here = standing(tx, caller, group_id, "member")
            return paying.pay_shares(tx, here, bill_id, version, purse, self.now_s())

        begun = self.database.write(begin)
        return tuple(self._signed(purse, order, promise) for order, promise in begun)

    def say_paid_elsewhere(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        bill_id: str,
        version: int,
        debtors: Collection[str],
        note: str | None = None,
    ) -> SeenBill:
        """The bill after its creditor said that debtors paid elsewhere. Raises as ``paying.say_paid_elsewhere``."""
        here = standing(tx, caller, group_id, "member")
        said = paying.say_paid_elsewhere(tx, here, bill_id, version, debtors, note, self.now_s())
        return _seen(tx, here, said)

    # ------------------------------------------------------------------------------------------------ showing

    def show(self, caller: Caller, group_id: str, bill_id: str) -> BillStory:
        """All of a bill. Raises ``NotFound``."""
        with self.database.read() as tx:
            return showing.show(tx, standing(tx, caller, group_id), bill_id)

    def listed(
        self, caller: Caller, group_id: str, wanted: Wanted, after: tuple[int, str] | None, limit: int
    ) -> tuple[SeenBill, ...]:
        """The latest ``limit`` of the group's bills that are ``wanted``, the newest first, after a time and an id."""
        with self.database.read() as tx:
            return showing.listed(tx, standing(tx, caller, group_id), wanted, after, limit)

    def balances(self, caller: Caller, group_id: str) -> tuple[CurrencyBalances, ...]:
        """What is owed in the group, by currency, as the caller sees it."""
        with self.database.read() as tx:
            return balances(tx, standing(tx, caller, group_id))

    # ------------------------------------------------------------------------------------------------ keys

    def _purse(self, caller: Caller, group_id: str, bill_id: str) -> Purse:
        """What pays the caller's shares; keys are looked for before anybody is held up."""
        with self.database.read() as tx:
            here = standing(tx, caller, group_id)
            currency = load(tx, here.group.id, bill_id).currency
        wallets = self.teller.directory.wallets_of([caller.account_id])[caller.account_id]
        if not wallets:
            raise NotFound("wallet", "default", "this account has none on this chain")
        return Purse(self.teller.desk(currency), wallets[0], self.teller.signer_of(wallets[0]), self.teller.salt)

    def _signed(self, purse: Purse, order: Order, promise: Promise) -> Promise:
        """The payment, signed where its key is with a service of ours that is asked outside of transactions."""
        if purse.signer is None or order.payer != purse.payer or not isinstance(promise.stage, Offered):
            return promise
        return self.teller.accept(purse.desk, order, purse.signer)


def _seen(tx: Transaction, here: Standing, record: Record) -> SeenBill:
    return showing.see(tx, here, [record])[0]
