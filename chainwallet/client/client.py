"""The client: one method for each route of the service."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote as quoted

import httpx

from chainwallet.client import transport
from chainwallet.client.accounts import (
    Account,
    Challenge,
    Key,
    Keys,
    MadeKey,
    Session,
    Sessions,
    SignedIn,
    Wallet,
    Wallets,
)
from chainwallet.client.asking import USUAL_LIMIT, route, through
from chainwallet.client.bills import BillMethods
from chainwallet.client.documents import Amount, amount_of, read, time_text
from chainwallet.client.events import Event
from chainwallet.client.groups import GroupMethods
from chainwallet.client.history import Balances, Movement, Movements, PastBalances, PublicMovements, Supplies
from chainwallet.client.interchange import InterchangeMethods
from chainwallet.client.issuing import TopUp, Withdrawal
from chainwallet.client.network import Network, Readiness
from chainwallet.client.payments import Cancel, Payment, PaymentPage, Quote
from chainwallet.client.plans import PlanMethods
from chainwallet.client.problems import BadAnswer
from chainwallet.client.requests import RequestMethods
from chainwallet.client.transport import Transport

NOT_READY = 503  # what `/readyz` answers with its document where there are troubles

T = TypeVar("T")


class Client(GroupMethods, BillMethods, PlanMethods, RequestMethods, InterchangeMethods):
    """A service at ``url``, asked with ``token``: that of a session or an API key; without one, what is for everybody.

    What fails in passing is asked again for up to ``retry_s``; a payment's id, and everything else that is done once,
    is chosen before the first try, so that nothing is done twice. Every method raises ``Problem``, ``Unreachable`` and
    ``BadAnswer``. To be used by one thread at a time, and closed, or used in a ``with``.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        retry_s: float = transport.RETRY_S,
        through: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = Transport(url, token, retry_s, through)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._transport.close()

    @property
    def url(self) -> str:
        """Where the service is."""
        return self._transport.url

    @property
    def token(self) -> str | None:
        """What it is asked with."""
        return self._transport.token

    # ------------------------------------------------------------------------------------------------ who asks

    def sign_up(self, handle: str, password: str) -> Account:
        """A new account with a wallet. Sign in to use it.

        Where the answer is lost ``Unreachable`` is raised and the account may be there; asking again then raises
        ``AlreadyExists``.
        """
        body = {"handle": handle, "password": password}
        return read(Account, self._transport.post("/v1/accounts", body, repeats=False))

    def sign_in(self, handle: str, password: str, *, earlier_token: str | None = None) -> SignedIn:
        """A new session, which this client uses from now on.

        ``earlier_token`` is one that this device had before: then others cannot lock it out.
        """
        body = {"handle": handle, "password": password}
        body |= {} if earlier_token is None else {"earlier_token": earlier_token}
        signed_in = read(SignedIn, self._transport.post("/v1/sessions", body, repeats=False))
        self._transport.token = signed_in.token
        return signed_in

    def sign_out(self) -> None:
        """Ends the session whose token this client has, and forgets it. An API key cannot."""
        current = next((one for one in self.sessions() if one.current), None)
        if current is not None:
            self.revoke_session(current.id)
        self._transport.token = None

    def account(self) -> Account:
        """The account, and what this client's token may do."""
        return read(Account, self._transport.get("/v1/account"))

    def change_password(self, password: str, new_password: str) -> None:
        """Takes another password; all other sessions end."""
        body = {"password": password, "new_password": new_password}
        self._transport.post("/v1/account/password", body, repeats=False)

    def sessions(self) -> tuple[Session, ...]:
        """The sessions that are good, the latest used first."""
        return read(Sessions, self._transport.get("/v1/sessions")).sessions

    def revoke_session(self, session_id: str) -> None:
        """Ends a session, at once and for good."""
        self._transport.delete(route("sessions", session_id))

    def make_key(
        self, name: str, scopes: Collection[str], *, expires_at: datetime | None = None, key: str | None = None
    ) -> MadeKey:
        """A new API key, made once for the Idempotency-Key ``key`` (None: a new one).

        Where the answer is lost the key may be there, and ``AlreadyExists`` is raised: its token is told to nobody
        again. Revoke it then and make another.
        """
        body: dict[str, Any] = {"name": name, "scopes": list(scopes)}
        if expires_at is not None:
            body["expires_at"] = time_text(expires_at)
        return read(MadeKey, self._transport.make("/v1/keys", body, key))

    def keys(self) -> tuple[Key, ...]:
        """The API keys that are good, the newest first."""
        return read(Keys, self._transport.get("/v1/keys")).keys

    def revoke_key(self, key_id: str) -> None:
        """Ends an API key, at once and for good."""
        self._transport.delete(route("keys", key_id))

    def wallets(self) -> tuple[Wallet, ...]:
        """The wallets, the default one first."""
        return read(Wallets, self._transport.get("/v1/wallets")).wallets

    def ask_for_address(self, address: str) -> Challenge:
        """What the owner of ``address`` signs (``personal_sign``) so that ``take_address`` adds it to the account."""
        return read(Challenge, self._transport.post("/v1/wallets/challenges", {"address": address}, repeats=True))

    def take_address(self, nonce: str, signature: str) -> Wallet:
        """Adds the address of a challenge that was signed."""
        body = {"nonce": nonce, "signature": signature}
        return read(Wallet, self._transport.post("/v1/wallets", body, repeats=False))

    def use_address(self, address: str) -> tuple[Wallet, ...]:
        """Makes one of the wallets the default one, which pays, is paid and settles up where none is named."""
        return read(Wallets, self._transport.post(route("wallets", address, "default"), repeats=True)).wallets

    # ------------------------------------------------------------------------------------------------ payments

    def quote(self, payee: str, amount: Amount | str, *, payer: str | None = None) -> Quote:
        """What a payment costs before it is made."""
        body = _order(payee, amount, payer=payer)
        return read(Quote, self._transport.post("/v1/quotes", body, repeats=True))

    def pay(
        self,
        payee: str,
        amount: Amount | str,
        *,
        payment_id: str | None = None,
        memo: str | None = None,
        payer: str | None = None,
    ) -> Payment:
        """Pays ``amount`` (such as ``12.40 EUR``) to a handle or address, once for ``payment_id`` (None: a new one).

        Where it raises ``Unreachable`` or ``Trouble`` ask again with the same id, and nothing is paid twice. Where the
        payer's key is not kept by the service, sign ``to_sign`` and hand the signature to ``Payment.sign``.
        """
        body = {"id": payment_id or uuid.uuid4().hex, **_order(payee, amount, memo=memo, payer=payer)}
        return self._payment(self._transport.post("/v1/payments", body, repeats=True))

    def payment(self, payment_id: str) -> Payment:
        """How a payment stands, with its story."""
        return self._payment(self._transport.get(route("payments", payment_id)))

    def payments(self) -> Iterator[Payment]:
        """All payments, the newest first."""
        return through(lambda cursor: self.payments_page(cursor=cursor), lambda page: page.payments)

    def payments_page(self, *, limit: int = USUAL_LIMIT, cursor: str | None = None) -> PaymentPage:
        """A page of payments; ``cursor`` is the ``next_cursor`` of the page before."""
        page = read(PaymentPage, self._transport.get("/v1/payments", {"limit": limit, "cursor": cursor}))
        return replace(page, payments=tuple(self._ours(one) for one in page.payments))

    def sign(self, payment_id: str, signature: str) -> Payment:
        """Hands in the payer's signature over a payment's ``to_sign``: 65 bytes r||s||v in hex."""
        body = {"signature": signature}
        return self._payment(self._transport.post(route("payments", payment_id, "signature"), body, repeats=True))

    def cancel(self, payment_id: str, signature: str | None = None) -> Cancel:
        """Asks for a payment's end. Where its payer's key is elsewhere, sign ``to_sign`` and ask again with that."""
        body = {} if signature is None else {"signature": signature}
        answer = self._transport.post(route("payments", payment_id, "cancel"), body, repeats=True)
        cancel = read(Cancel, answer)
        return replace(cancel, payment=self._ours(cancel.payment))

    # ------------------------------------------------------------------------------------------------ history

    def balances(self) -> Balances:
        """What the wallets have, by the verified history."""
        return read(Balances, self._transport.get("/v1/balances"))

    def history(self, currency: str | None = None) -> Iterator[Movement]:
        """All movements, the newest first."""
        return through(lambda cursor: self.history_page(currency=currency, cursor=cursor), lambda page: page.movements)

    def history_page(
        self, *, currency: str | None = None, limit: int = USUAL_LIMIT, cursor: str | None = None
    ) -> Movements:
        """A page of movements, and the block that it stands on."""
        query = {"currency": currency, "limit": limit, "cursor": cursor}
        return read(Movements, self._transport.get("/v1/history", query))

    def events(self, after: int | None = 0) -> Iterator[Event]:
        """What happens, as it happens, each event once: those after the one numbered ``after``, and then on and on.

        0 is from the beginning, None from now: then what happens while the connection is broken before the first event
        is not told. It comes back by itself; to go on another day, keep the last event's id.
        """
        for event in self._transport.events("/v1/events", after):
            try:
                yield read(Event, event.json())
            except ValueError:
                raise BadAnswer(f"{event.data[:80]!r}", "an event") from None

    # ------------------------------------------------------------------------------------------------ issuing

    def top_up(self, reference: str, payee: str, amount: Amount | str) -> TopUp:
        """Makes money for somebody, once for the bank's ``reference``. The scope ``issuer:write`` is needed."""
        body = {"reference": reference, **_order(payee, amount)}
        return read(TopUp, self._transport.post("/v1/topups", body, repeats=True))

    def topup(self, reference: str, currency: str | None = None) -> TopUp:
        """How a top-up stands."""
        return read(TopUp, self._transport.get(route("topups", reference), {"currency": currency}))

    def withdraw(self, reference: str, payer: str, payment_id: str, amount: Amount | str) -> Withdrawal:
        """Burns what ``payer`` paid to the issuer by ``payment_id`` and the bank paid out, once for ``reference``."""
        body = {"reference": reference, "payer": payer, "payment": payment_id, "amount": amount_of(amount).document}
        return read(Withdrawal, self._transport.post("/v1/withdrawals", body, repeats=True))

    def withdrawal(self, reference: str, currency: str | None = None) -> Withdrawal:
        """How a withdrawal stands."""
        return read(Withdrawal, self._transport.get(route("withdrawals", reference), {"currency": currency}))

    def pay_back(self, reference: str, currency: str | None = None) -> Withdrawal:
        """Gives up a withdrawal whose burn was refused: the issuer pays the customer back, once."""
        query = "" if currency is None else f"?currency={quoted(currency, safe='')}"
        return read(Withdrawal, self._transport.post(route("withdrawals", reference, "payback") + query, repeats=True))

    # ------------------------------------------------------------------------------------------------ for everybody

    def network(self) -> Network:
        """The chain, its currencies and their contracts."""
        return read(Network, self._transport.get("/v1/network"))

    def movements_of(
        self, address: str, *, currency: str | None = None, limit: int = USUAL_LIMIT, cursor: str | None = None
    ) -> PublicMovements:
        """A page of any address's movements, as the chain shows them to everybody."""
        query = {"currency": currency, "limit": limit, "cursor": cursor}
        return read(PublicMovements, self._transport.get(route("audit", "addresses", address, "movements"), query))

    def balance_of(
        self,
        address: str,
        *,
        currency: str | None = None,
        block: int | None = None,
        at: datetime | None = None,
        compare: bool = False,
    ) -> PastBalances:
        """What any address held just after a block or at a time; ``compare`` asks the node's state as well."""
        query = {
            "currency": currency,
            "block": block,
            "at": None if at is None else time_text(at),
            "compare": "true" if compare else None,
        }
        return read(PastBalances, self._transport.get(route("audit", "addresses", address, "balance"), query))

    def supply(self, currency: str | None = None) -> Supplies:
        """All money of each currency, three ways that must agree."""
        return read(Supplies, self._transport.get("/v1/audit/supply", {"currency": currency}))

    def readiness(self) -> Readiness:
        """Whether the service can do its work, and what is behind."""
        return read(Readiness, self._transport.get("/readyz", also_good=(NOT_READY,)))

    def is_alive(self) -> bool:
        """Whether the service answers."""
        return bool(self._transport.get("/healthz") == {"status": "ok"})

    # ------------------------------------------------------------------------------------------------ what they share

    def _payment(self, document: object) -> Payment:
        return self._ours(read(Payment, document))

    def _ours(self, payment: Payment) -> Payment:
        return replace(payment, _counter=self)


def _order(payee: str, amount: Amount | str, *, memo: str | None = None, payer: str | None = None) -> dict[str, object]:
    given = {"payee": payee, "amount": amount_of(amount).document, "memo": memo, "payer": payer}
    return {name: value for name, value in given.items() if value is not None}
