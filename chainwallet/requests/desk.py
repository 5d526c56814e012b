"""The desk of requests: for somebody who is signed in, in single calls."""

from collections.abc import Callable
from dataclasses import dataclass

from chainwallet.accounts import Caller, require
from chainwallet.accounts.tokens import hashed, new_token
from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address, checksum
from chainwallet.payments import Teller
from chainwallet.requests import asking, ending, paying, qr
from chainwallet.requests.asking import Equally, Made, Wish
from chainwallet.requests.paying import Payer, part_to_pay, wallet_that_pays
from chainwallet.requests.qr import Format
from chainwallet.requests.showing import Ledgers, ShownRequest, not_found, own_parts, show_all
from chainwallet.rules.promise import Offered
from chainwallet.store import requests
from chainwallet.store.database import Database, Transaction
from chainwallet.store.promises import Promise
from chainwallet.store.requests import Place, Whole

LINK = "cwr_"
ID_BYTES = 8


@dataclass(frozen=True)
class Requests:
    """Asks for money on one chain; people reach the service at ``url``, ``teller`` takes their payments.

    ``random`` gives so many unguessable bytes.
    """

    database: Database
    teller: Teller
    url: str
    random: Callable[[int], bytes]
    now_s: Callable[[], int]

    # ------------------------------------------------------------------------------------------------ asking

    def ask(self, caller: Caller, wish: Wish) -> Callable[[Transaction], Made]:
        """Makes a request of what ``wish`` asks for. Raises ``Forbidden``, and what ``asking.make`` raises.

        Raises ``BadValue`` for a currency that has no ledger here.
        """
        require(caller, "payments:write")
        shares = wish.shares
        for amount in [shares.total] if isinstance(shares, Equally) else [part.amount for part in shares.parts]:
            self.teller.desk(amount.currency)

        def make(tx: Transaction) -> Made:
            token = new_token(LINK, self.random)
            whole = asking.make(tx, caller, wish, self._new_id, hashed(token), self.now_s())
            return Made(whole, token)

        return make

    def new_link(self, caller: Caller, request_id: str) -> Callable[[Transaction], Made]:
        """Gives the caller's request another link; the one before leads nowhere. Raises as ``ending.own_request``."""
        require(caller, "payments:write")

        def change(tx: Transaction) -> Made:
            token = new_token(LINK, self.random)
            whole = ending.own_request(tx, caller.account_id, request_id)
            requests.change_link(tx, request_id, hashed(token))
            return Made(whole, token)

        return change

    def link(self, token: str) -> str:
        """The link with this token."""
        return f"{self.url}/v1/request-links/{token}"

    def draw(self, caller: Caller, request_id: str, token: str | None, kind: Format) -> bytes:
        """The image of a request's link, for who may see it, or has it. Raises ``NotFound``, and ``BadValue`` of
        ``token`` where it is not the one in the request's link: that is not kept here, so it cannot be told again.
        """
        require(caller, "payments:read")
        with self.database.read() as tx:
            whole = requests.by_id(tx, request_id)
        is_its = whole is not None and token is not None and hashed(token) == whole.request.link_hash
        if whole is None or not own_parts(whole, caller.account_id, by_link=is_its):
            raise not_found(request_id)
        if token is None or not is_its:
            raise BadValue("token", "none" if token is None else "another", "the one in the request's link")
        return qr.draw(self.link(token), kind)

    # ------------------------------------------------------------------------------------------------ showing

    def shown(self, tx: Transaction, caller: Caller, whole: Whole) -> ShownRequest:
        """What the caller sees of a request, which they may."""
        (shown,) = show_all(tx, self._ledgers, [whole], caller.account_id, self.now_s())
        return shown

    def show(self, caller: Caller, request_id: str) -> ShownRequest:
        """How a request stands that the caller made, is asked in or pays. Raises ``NotFound``."""
        require(caller, "payments:read")
        with self.database.read() as tx:
            return self.shown(tx, caller, self._seen(tx, caller, request_id))

    def show_link(self, caller: Caller, token: str) -> ShownRequest:
        """What is asked of who has the link with ``token``. Raises ``NotFound``, also for who has nothing to pay."""
        require(caller, "payments:read")
        with self.database.read() as tx:
            whole = self._linked(tx, caller, token)
            (shown,) = show_all(tx, self._ledgers, [whole], caller.account_id, self.now_s(), by_link=True)
            return shown

    def listed(self, caller: Caller, *, asks_me: bool, before: Place | None, limit: int) -> list[ShownRequest]:
        """The caller's latest requests before a place, the newest first; those that ask them where ``asks_me``."""
        require(caller, "payments:read")
        find = requests.asked_of if asks_me else requests.asked_by
        with self.database.read() as tx:
            some = find(tx, caller.account_id, before, limit)
            return show_all(tx, self._ledgers, some, caller.account_id, self.now_s())

    # ------------------------------------------------------------------------------------------------ answering

    def cancel(self, caller: Caller, request_id: str) -> Callable[[Transaction], ShownRequest]:
        """Takes the caller's request back. Raises as ``ending.cancel``."""
        require(caller, "payments:write")
        return self._changed(
            caller, request_id, lambda tx: ending.cancel(tx, caller.account_id, request_id, self.now_s())
        )

    def remind(self, caller: Caller, request_id: str) -> Callable[[Transaction], ShownRequest]:
        """Reminds those who are still to pay. Raises as ``ending.remind``."""
        require(caller, "payments:write")
        return self._changed(
            caller, request_id, lambda tx: ending.remind(tx, caller.account_id, request_id, self.now_s())
        )

    def decline(
        self, caller: Caller, request_id: str, part_id: str, reason: str
    ) -> Callable[[Transaction], ShownRequest]:
        """Declines what the caller is asked for. Raises as ``ending.decline``."""
        require(caller, "payments:write")
        return self._changed(
            caller,
            request_id,
            lambda tx: ending.decline(tx, caller.account_id, request_id, part_id, reason, self.now_s()),
        )

    def pay(self, caller: Caller, request_id: str, part_id: str, payer: Address | None) -> Promise:
        """The payment of a part, from ``payer``, one of the caller's wallets (None: the default one); once.

        Queued, or offered where the payer's key is elsewhere. Raises ``NotFound``, ``BadValue``, and as ``paying.pay``.
        """
        require(caller, "payments:write")
        with self.database.read() as tx:
            whole = self._seen(tx, caller, request_id)
        if part_id not in [part.id for part in own_parts(whole, caller.account_id)]:
            raise NotFound("part", part_id, "the request has none that you may see with this id")
        return self._pay(caller, whole, part_id, payer)

    def pay_link(self, caller: Caller, token: str, payer: Address | None) -> Promise:
        """As ``pay``, what is asked of who has the link with ``token``: their own part, or else the open one."""
        require(caller, "payments:write")
        with self.database.read() as tx:
            whole = self._linked(tx, caller, token)
        return self._pay(caller, whole, part_to_pay(whole, caller.account_id).id, payer)

    def _pay(self, caller: Caller, whole: Whole, part_id: str, wanted: Address | None) -> Promise:
        part = whole.part(part_id)
        assert part is not None  # noqa: S101 - the caller sees it
        wallet = wanted or wallet_that_pays(whole, part, caller.account_id)
        wallet = self._wallet(caller, wallet)
        payer = Payer(caller.account_id, caller.handle, wallet, wanted is not None, self.teller.signer_of(wallet))
        taken = self.database.write(
            lambda tx: paying.pay(tx, self.teller, whole.request.id, part_id, payer, self.now_s())
        )
        if taken.asked is not None and payer.signer is not None and isinstance(taken.promise.stage, Offered):
            return self.teller.take(taken.asked)
        return taken.promise

    def _wallet(self, caller: Caller, wanted: Address | None) -> Address:
        wallets = self.teller.directory.wallets_of([caller.account_id])[caller.account_id]
        if not wallets:
            raise NotFound("wallet", "default", "this account has none on this chain")
        if wanted is not None and wanted not in wallets:
            raise BadValue("payer", checksum(wanted), "one of your own wallets")
        return wanted or wallets[0]

    # ------------------------------------------------------------------------------------------------ looking up

    @property
    def _ledgers(self) -> Ledgers:
        return {code: desk.cash for code, desk in self.teller.desks.items()}

    def _seen(self, tx: Transaction, caller: Caller, request_id: str) -> Whole:
        whole = requests.by_id(tx, request_id)
        if whole is None or not own_parts(whole, caller.account_id):
            raise not_found(request_id)
        return whole

    def _linked(self, tx: Transaction, caller: Caller, token: str) -> Whole:
        whole = requests.by_link(tx, hashed(token))
        if whole is None or not own_parts(whole, caller.account_id, by_link=True):
            raise NotFound("request", f"{LINK}...", "the link leads nowhere: to none, or to none that asks you")
        return whole

    def _changed(
        self, caller: Caller, request_id: str, change: Callable[[Transaction], None]
    ) -> Callable[[Transaction], ShownRequest]:
        def work(tx: Transaction) -> ShownRequest:
            change(tx)
            return self.shown(tx, caller, self._seen(tx, caller, request_id))

        return work

    def _new_id(self) -> str:
        return self.random(ID_BYTES).hex()
