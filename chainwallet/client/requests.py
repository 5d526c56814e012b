"""Requests for money: who is asked for what, how each part stands, and the methods of the client for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from chainwallet.client.asking import USUAL_LIMIT, Asking, route, through
from chainwallet.client.documents import Amount, amount_of, read, time_text
from chainwallet.client.payments import Payment

Which = Literal["by_me", "of_me"]
"""Requests in which one asks, or those that ask one or that one pays."""


@dataclass(frozen=True)
class PartOrder:
    """What one is asked for: ``of`` a handle, or (None) of whoever has the link; then each may pay it where not
    ``once``, and ``name`` says what it is.
    """

    amount: Amount
    of: str | None = None
    name: str | None = None
    once: bool = True


@dataclass(frozen=True)
class PartPayment:
    """A payment of a part; its payer finds all else under its id."""

    id: str
    payer: str
    stage: str


@dataclass(frozen=True)
class Part:
    """A part of a request; ``stage`` is one of asked, paying, paid, declined, canceled, expired.

    ``eip681`` asks other wallets for it; what they pay comes in as a movement, and the part stays open.
    """

    id: str
    of: str | None
    name: str | None
    amount: Amount
    once: bool
    stage: str
    reason: str | None
    reminded_at: datetime | None
    payments: tuple[PartPayment, ...]
    eip681: str | None


@dataclass(frozen=True)
class Request:
    """A request, as far as one may see it: all of one's own, the part that one is asked for of another's."""

    id: str
    asker: str
    currency: str
    total: Amount
    paid: Amount
    note: str | None
    deadline: datetime | None
    made_at: datetime
    canceled_at: datetime | None
    group: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class MadeRequest:
    """A request of one's own with its link and the token in it, which are told once."""

    request: Request
    link: str
    token: str


@dataclass(frozen=True)
class RequestPage:
    """Requests, the newest first."""

    requests: tuple[Request, ...]
    next_cursor: str | None


class Client(Asking, Protocol):
    """What the methods are of."""

    def _payment(self, document: object) -> Payment: ...


class RequestMethods:
    """The client's methods about requests; each raises as all of its do."""

    def ask(
        self: Client,
        amount: Amount | str,
        of: Sequence[str],
        *,
        with_me: bool = False,
        note: str | None = None,
        deadline: datetime | None = None,
        group: str | None = None,
        key: str | None = None,
    ) -> MadeRequest:
        """Asks those in ``of`` for ``amount`` together, in equal shares, once for the Idempotency-Key ``key``.

        ``with_me``: one share is one's own. Where the answer is lost the request may be there, and ``AlreadyExists`` is
        raised: ``requests`` has it, and ``new_link`` gives it another link.
        """
        shares = {"amount": amount_of(amount).document, "of": list(of), "with_me": with_me}
        return _ask(self, shares, note, deadline, group, key)

    def ask_each(
        self: Client,
        parts: Sequence[PartOrder],
        *,
        note: str | None = None,
        deadline: datetime | None = None,
        group: str | None = None,
        key: str | None = None,
    ) -> MadeRequest:
        """As ``ask``, an amount of each; a part without a person is for whoever has the link."""
        each = [{"amount": one.amount.document, "of": one.of, "name": one.name, "once": one.once} for one in parts]
        return _ask(self, {"parts": each}, note, deadline, group, key)

    def request(self: Client, request_id: str) -> Request:
        """How a request stands."""
        return read(Request, self._transport.get(_path(request_id)))

    def requests(self: Client, which: Which = "by_me") -> Iterator[Request]:
        """All requests in which one asks, or (``of_me``) that ask one, the newest first."""
        return through(lambda cursor: _page(self, which=which, cursor=cursor), lambda page: page.requests)

    def requests_page(
        self: Client, which: Which = "by_me", *, limit: int = USUAL_LIMIT, cursor: str | None = None
    ) -> RequestPage:
        """A page of requests; ``cursor`` is the ``next_cursor`` of the page before."""
        return _page(self, which=which, cursor=cursor, limit=limit)

    def cancel_request(self: Client, request_id: str) -> Request:
        """Takes a request back; what is under way is still paid."""
        return read(Request, self._transport.post(f"{_path(request_id)}/cancel", repeats=True))

    def remind(self: Client, request_id: str, *, key: str | None = None) -> Request:
        """Reminds those who are still to pay, each at most once a day."""
        path = f"{_path(request_id)}/remind"
        return read(Request, self._transport.make(path, key=key))

    def new_link(self: Client, request_id: str) -> MadeRequest:
        """Gives a request another link; the one before leads nowhere."""
        return read(MadeRequest, self._transport.post(f"{_path(request_id)}/link", repeats=True))

    def qr(self: Client, request_id: str, token: str, kind: Literal["svg", "png"] = "svg") -> bytes:
        """The image of the link with ``token``."""
        return self._transport.get_bytes(f"{_path(request_id)}/qr", {"token": token, "format": kind})

    def pay_request(self: Client, request_id: str, part_id: str, *, payer: str | None = None) -> Payment:
        """Pays a part, once, however often it is asked for. See ``Client.pay``."""
        path = route("requests", request_id, "parts", part_id, "pay")
        return self._payment(self._transport.post(path, _payer(payer), repeats=True))

    def decline(self: Client, request_id: str, part_id: str, reason: str) -> Request:
        """Declines a part that one is asked for."""
        path = route("requests", request_id, "parts", part_id, "decline")
        return read(Request, self._transport.post(path, {"reason": reason}, repeats=True))

    def linked_request(self: Client, token: str) -> Request:
        """What is asked of who has the link with ``token``."""
        return read(Request, self._transport.get(_link(token)))

    def pay_link(self: Client, token: str, *, payer: str | None = None) -> Payment:
        """Pays what is asked of who has the link with ``token``, as ``pay_request``."""
        return self._payment(self._transport.post(f"{_link(token)}/pay", _payer(payer), repeats=True))


def _ask(
    client: Client,
    shares: dict[str, object],
    note: str | None,
    deadline: datetime | None,
    group: str | None,
    key: str | None,
) -> MadeRequest:
    body = {
        **shares,
        "note": note,
        "deadline": None if deadline is None else time_text(deadline),
        "group": group,
    }
    transport = client._transport
    return read(MadeRequest, transport.make("/v1/requests", body, key))


def _page(client: Asking, **query: str | int | None) -> RequestPage:
    return read(RequestPage, client._transport.get("/v1/requests", query))


def _path(request_id: str) -> str:
    return route("requests", request_id)


def _link(token: str) -> str:
    return route("request-links", token)


def _payer(payer: str | None) -> dict[str, str]:
    return {} if payer is None else {"payer": payer}
