"""``chainwallet ask``: asking others for money, and paying what one is asked for, at a running service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli import service
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.terminal import UsualVerb, alone, console, plain, say_json, table, written
from chainwallet.errors import BadValue, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from chainwallet.client import Amount, MadeRequest, Payment, Request
    from chainwallet.client.requests import Part

USUAL = "for"
"""The verb that is meant where an amount stands in its place."""
TOKEN = "cwr_"  # noqa: S105 - how tokens of links begin
DAY_ENDS = "T23:59:59Z"
IMAGES = ("svg", "png")


class AskGroup(UsualVerb):
    """The verbs, of which ``for`` may be left out."""

    usual = USUAL


app = typer.Typer(
    cls=AskGroup,
    help="Ask others for money, and pay what you are asked for.\n\nA service is asked, as who signed in there. "
    "`ask 20 EUR` means `ask for 20 EUR`.",
    invoke_without_command=True,
    callback=alone,
)

RequestId = Annotated[str, typer.Argument(metavar="ID", help="The request's id.")]
What = Annotated[str, typer.Argument(metavar="ID", help="The request's id, or its link.")]


@app.command(USUAL)
def for_(
    context: typer.Context,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, of all together, such as 20.")],
    currency: Annotated[
        str | None, typer.Argument(metavar="CURRENCY", help="Its ISO 4217 code. Default: the service's only one.")
    ] = None,
    people: Annotated[
        str | None,
        typer.Option("--from", metavar="HANDLES", help="Of whom, with commas: ben,cy. Default: who has the link."),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="AMOUNT is what each pays, not all together.")] = False,
    with_me: Annotated[bool, typer.Option("--with-me", help="One of the equal shares is your own.")] = False,
    note: Annotated[str | None, typer.Option(metavar="TEXT", callback=written, help="What it is for.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="DATE", help="Until the end of that day (UTC), such as 2026-12-01.")
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="ID", help="A group of yours that all of them are in.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Ask people for money, in equal shares or the same of each.

    Prints the link, which is told this once; those who are named need none. Without --from whoever has the link pays:
    one of them, or with --each everybody who wants to.
    """
    from chainwallet.client import PartOrder

    handles = [handle.strip() for handle in people.split(",")] if people is not None else []
    if with_me and (each or not handles):
        raise BadValue("with-me", "given", "only where an amount is split among people, by --from and without --each")
    deadline = None if by is None else _deadline(by)
    with service.at_service(context, url) as client:
        money = service.money_of(client, amount, currency)
        if handles and not each:
            made = client.ask(money, handles, with_me=with_me, note=note, deadline=deadline, group=group)
        else:
            parts = [PartOrder(money, handle) for handle in handles] or [PartOrder(money, once=not each)]
            made = client.ask_each(parts, note=note, deadline=deadline, group=group)
    _tell_made(made, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    of_me: Annotated[
        bool, typer.Option("--of-me", help="Those that ask you, or that you pay, not those in which you ask.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List requests, the newest first."""
    with service.at_service(context, url) as client:
        found = client.requests_page("of_me" if of_me else "by_me", limit=200).requests
    if as_json:
        say_json({"requests": [_document(one) for one in found]})
        return
    if not found:
        print("nobody asks you for anything" if of_me else "you ask nobody for anything; `chainwallet ask 20 EUR`")
        return
    rows = table("Id", "Who asks", "Of", "Amount", "Stage", "Note", figures=False)
    for one in found:
        for part in one.parts:
            rows.add_row(one.id, one.asker, _whom(part), str(part.amount), part.stage, plain(one.note or ""))
    console().print(rows)


@app.command("show")
def show(context: typer.Context, what: What, url: Url = None, as_json: AsJson = False) -> None:
    """Show a request and how each part of it stands."""
    with service.at_service(context, url) as client:
        found = client.linked_request(_token(what)) if TOKEN in what else client.request(what)
    _tell(found, as_json=as_json)


@app.command("pay")
def pay(context: typer.Context, what: What, url: Url = None, as_json: AsJson = False) -> None:
    """Pay what a request asks of you, once, and wait until it is final."""
    with service.at_service(context, url) as client:
        if TOKEN in what:
            payment = client.pay_link(_token(what))
        else:
            payment = client.pay_request(what, _own_part(client.request(what), client.account().handle).id)
        if payment.stage != "offered":
            payment = payment.wait()
    _tell_payment(payment, as_json=as_json)


@app.command("decline")
def decline(
    context: typer.Context,
    request_id: RequestId,
    reason: Annotated[str, typer.Option(metavar="TEXT", callback=written, help="Why; who asks is told.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Decline what a request asks of you."""
    with service.at_service(context, url) as client:
        part = _own_part(client.request(request_id), client.account().handle)
        found = client.decline(request_id, part.id, reason)
    _tell(found, as_json=as_json)


@app.command("cancel")
def cancel(context: typer.Context, request_id: RequestId, url: Url = None, as_json: AsJson = False) -> None:
    """Take a request of yours back. What is under way is still paid."""
    with service.at_service(context, url) as client:
        found = client.cancel_request(request_id)
    _tell(found, as_json=as_json)


@app.command("remind")
def remind(context: typer.Context, request_id: RequestId, url: Url = None, as_json: AsJson = False) -> None:
    """Remind those who are still to pay, each at most once a day."""
    with service.at_service(context, url) as client:
        found = client.remind(request_id)
    _tell(found, as_json=as_json)


@app.command("link")
def link(context: typer.Context, request_id: RequestId, url: Url = None, as_json: AsJson = False) -> None:
    """Give a request of yours another link. The one before leads nowhere."""
    with service.at_service(context, url) as client:
        made = client.new_link(request_id)
    _tell_made(made, as_json=as_json)


@app.command("qr")
def qr(
    context: typer.Context,
    linked: Annotated[str, typer.Argument(metavar="LINK", help="The request's link, as it was told.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the image goes: a file ending in .svg or .png.")],
    url: Url = None,
) -> None:
    """Draw the QR code of a request's link into a file."""
    ending = out.suffix.removeprefix(".").lower()
    if ending not in IMAGES:
        raise BadValue("out", str(out), "a file ending in .svg or .png")
    token = _token(linked)
    with service.at_service(context, url) as client:
        request = client.linked_request(token)
        image = client.qr(request.id, token, "svg" if ending == "svg" else "png")
    out.write_bytes(image)
    print(f"the link of request {request.id} is in {out}")


# ------------------------------------------------------------------------------------------------ what they share


def _token(linked: str) -> str:
    """The token in a link."""
    at = linked.find(TOKEN)
    if at < 0:
        raise BadValue("LINK", linked, f"a request's link, with {TOKEN}... at its end")
    return linked[at:]


def _deadline(text: str) -> "datetime":
    from datetime import UTC, datetime

    from chainwallet.rules.timestamp import time_of

    time_s = time_of(text if "T" in text else text + DAY_ENDS, "by")
    return datetime.fromtimestamp(time_s, UTC)


def _own_part(request: "Request", handle: str) -> "Part":
    """The part that ``handle`` is asked for, or pays."""
    for part in request.parts:
        if request.asker != handle and part.of in (None, handle):
            return part
    raise NotFound("part", handle, "this request asks you for nothing")


def _whom(part: "Part") -> str:
    return part.of or plain(part.name or "who has the link")


def _amount(amount: "Amount") -> dict[str, str]:
    return amount.document


def _document(request: "Request") -> dict[str, Any]:
    return {
        "id": request.id,
        "asker": request.asker,
        "note": request.note,
        "deadline": None if request.deadline is None else f"{request.deadline:%Y-%m-%dT%H:%M:%SZ}",
        "total": _amount(request.total),
        "paid": _amount(request.paid),
        "parts": [
            {"id": one.id, "of": one.of, "amount": _amount(one.amount), "stage": one.stage, "reason": one.reason}
            | {"payments": [payment.id for payment in one.payments], "eip681": one.eip681}
            for one in request.parts
        ],
    }


def _tell(request: "Request", *, as_json: bool) -> None:
    if as_json:
        say_json(_document(request))
        return
    about = f": {plain(request.note)}" if request.note else ""
    print(f"request {request.id} of {request.asker}{about}")
    for part in request.parts:
        why = f" ({plain(part.reason)})" if part.reason else ""
        print(f"{part.amount} of {_whom(part)}: {part.stage}{why}")
        for payment in part.payments:
            print(f"  {payment.payer}: {payment.stage}, payment {payment.id}")


def _tell_made(made: "MadeRequest", *, as_json: bool) -> None:
    if as_json:
        say_json({**_document(made.request), "link": made.link})
        return
    _tell(made.request, as_json=False)
    print(f"link {made.link}")


def _tell_payment(payment: "Payment", *, as_json: bool) -> None:
    where = payment.execution
    if as_json:
        say_json({"id": payment.id, **_amount(payment.amount), "stage": payment.stage}
                 | {"tx": where and where.transaction, "block": where and where.block})  # fmt: skip
        return
    if where is None:
        print(f"payment {payment.id} waits for your signature: your key is not kept by this service")
        return
    print(f"paid {payment.amount} to {payment.payee.handle or payment.payee.address} in block {where.block}, final")
    print(f"id {payment.id}, transaction {where.transaction}")
