"""Verbs that ask a running service, by its API, as somebody who signed in: sessions kept in the home, keys, history."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.money import AsJson, Currency, Url
from chainwallet.cli.sessions import keep, kept
from chainwallet.cli.terminal import alone, config_of, console, read_file, say_json, table, told_how_to_go_on
from chainwallet.errors import BadValue, NotSignedIn, Refused

if TYPE_CHECKING:
    from chainwallet.client import Client, Problem
    from chainwallet.home import Home

_ID = re.compile(r"\b[0-9a-f]{16}\b")
OF_THE_HOME = "home"
"""The place of the home's own service, whose port may be another each time."""

PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A file with the password. Default: asked for at the terminal."),
]
Handle = Annotated[str, typer.Argument(metavar="HANDLE", help="Your handle, such as @ana.")]

keys = typer.Typer(help="API keys of your account at a service: for apps.", invoke_without_command=True, callback=alone)


def sign_up(context: typer.Context, handle: Handle, password_file: PasswordFile = None, url: Url = None) -> None:
    """Open an account at the service, and sign in."""
    password = _password(password_file, twice=True)
    with at_service(context, url, needs_session=False) as client:
        account = client.sign_up(handle, password)
    print(f"{account.handle} has an account")
    _sign_in(context, handle, password, url)


def sign_in(context: typer.Context, handle: Handle, password_file: PasswordFile = None, url: Url = None) -> None:
    """Sign in to the service.

    The session is kept in your home, in a file that you alone can read, for the verbs that ask this service.
    """
    _sign_in(context, handle, _password(password_file, twice=False), url)


def sign_out(context: typer.Context, url: Url = None) -> None:
    """End the session that is kept here."""
    with at_service(context, url) as client:
        client.sign_out()
    home = _home(context)
    keep(home, _place(home, url), None)
    print("signed out")


def show(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """Show who is signed in, and what the wallets have."""
    with at_service(context, url) as client:
        account, found = client.account(), client.balances().balances
    balances = [{"wallet": one.wallet, **one.available.document, "held": str(one.held.amount)} for one in found]
    if as_json:
        say_json({"handle": account.handle, "roles": list(account.roles), "balances": balances})
        return
    print(f"{account.handle}  {', '.join(account.roles)}")
    for one in found:
        print(f"{one.wallet}  {one.available} available of {one.held}")


def history(context: typer.Context, currency: Currency = None, url: Url = None, as_json: AsJson = False) -> None:
    """Show the movements of your account.

    The newest come first; the service has verified each on the chain.
    """
    with at_service(context, url) as client:
        page = client.history_page(currency=currency, limit=200)
    if as_json:
        say_json({"movements": [_movement(one) for one in page.movements], "block": page.verified_up_to.block})
        return
    rows = table("When", "Way", "Amount", "Other side", "Id", "Memo", "Stage", figures=False)
    for one in map(_movement, page.movements):
        rows.add_row(*(one[name] or "" for name in ("at", "direction", "money", "other", "id", "memo", "stage")))
    console().print(rows)


def withdraw(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The bank's, of the money paid out.")],
    payer: Annotated[str, typer.Argument(metavar="FROM", help="Who paid the issuer: a handle or address.")],
    payment_id: Annotated[str, typer.Argument(metavar="ID", help="The id of that payment.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Its amount, such as 100.")],
    currency: Currency = None,
    url: Url = None,
) -> None:
    """Burn what a customer paid to the issuer and the bank paid out.

    An account with the role of issuer is needed. The same again is the same withdrawal.
    """
    with at_service(context, url) as client:
        found = client.withdraw(reference, payer, payment_id, money_of(client, amount, currency))
    print(f"withdrawal {found.reference}: {found.amount}, {found.stage.replace('_', ' ')}")


@keys.command("new")
def new_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call the key.")],
    scopes: Annotated[list[str], typer.Argument(metavar="SCOPE", help="What it may do, such as payments:write.")],
    url: Url = None,
) -> None:
    """Make an API key. Its token is printed, this once."""
    with at_service(context, url) as client:
        print(client.make_key(name, scopes).token)


@keys.command("list")
def list_keys(context: typer.Context, url: Url = None) -> None:
    """List the API keys that are good, without their tokens."""
    with at_service(context, url) as client:
        found = client.keys()
    for key in found:
        print(f"{key.id}  {key.name}  {', '.join(key.scopes)}")


@keys.command("revoke")
def revoke_key(
    context: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id.")], url: Url = None
) -> None:
    """End an API key, at once and for good."""
    with at_service(context, url) as client:
        client.revoke_key(key_id)
    print(f"key {key_id} is revoked")


# ------------------------------------------------------------------------------------------------ pay and topup


def is_signed_in_here(context: typer.Context, handle: str) -> bool:
    """Whether a session of ``handle`` at the home's own service, which runs, is kept."""
    from chainwallet.serve.place import running_note

    home = _home(context)
    session = kept(home).get(OF_THE_HOME) if handle.startswith("@") else None
    return session is not None and session["handle"] == handle.lower() and running_note(home) is not None


def pay(
    context: typer.Context,
    payer: str,
    payee: str,
    amount: str,
    *,
    payment_id: str,
    memo: str | None,
    currency: str | None,
    url: str | None,
) -> dict[str, Any]:
    """Pays by the service, and waits until it is final: what is told of it."""
    with at_service(context, url) as client, told_how_to_go_on("payment", "--id", payment_id, _refusals()):
        mine = client.account().handle
        if payer.startswith("@") and payer.lower() != mine:
            raise BadValue("FROM", payer, f"{mine}, who is signed in, or one of their addresses")
        own = None if payer.startswith("@") else payer
        money = money_of(client, amount, currency)
        paid = client.pay(payee, money, payment_id=payment_id, memo=memo, payer=own).wait()
    assert paid.execution is not None  # noqa: S101 - it is final
    return {
        "id": paid.id, **paid.amount.document, "paymentRef": paid.payment_ref,
        "tx": paid.execution.transaction, "block": paid.execution.block,
    }  # fmt: skip


def topup(context: typer.Context, payee: str, amount: str, currency: str | None, reference: str, url: str) -> str:
    """Has the service top somebody up; what is told of it."""
    with at_service(context, url) as client, told_how_to_go_on("top-up", "--bank-ref", reference, _refusals()):
        found = client.top_up(reference, payee, money_of(client, amount, currency))
    return f"top-up {found.reference}: {found.amount} for {payee}, {found.stage.replace('_', ' ')}"


def _refusals() -> tuple[type[Exception], ...]:
    """What is refused here, and what the service refuses."""
    from chainwallet.client import Refusal

    return (Refused, Refusal)


# ------------------------------------------------------------------------------------------------ what they share


@contextmanager
def at_service(context: typer.Context, url: str | None, *, needs_session: bool = True) -> "Iterator[Client]":
    """The service at ``url``, or the home's own, with the session that is kept for it.

    Raises ``BadValue`` where there is none to ask, and ``NotSignedIn``.
    """
    from chainwallet.client import Client, Problem
    from chainwallet.serve.place import running_note

    home = _home(context)
    note = running_note(home) if url is None else None
    if url is None and note is None:
        raise BadValue("url", "none", "--url URL, or a service of this home that runs (`chainwallet serve`)")
    session = kept(home).get(_place(home, url))
    if needs_session and session is None:
        raise NotSignedIn("sign in with `chainwallet account sign-in`")
    where = url if note is None else note.url
    assert where is not None  # noqa: S101 - one of the two is there
    with Client(where, session["token"] if session and needs_session else None) as client:
        try:
            yield client
        except Problem as problem:
            raise _in_names(client, problem) from None


def _in_names(client: "Client", problem: "Problem") -> "Problem":
    """What the service said of members by their ids, said of them by their names, as people wrote them here."""
    from chainwallet.client import ClientError

    if not _ID.search(problem.detail):
        return problem
    names: dict[str, str] = {}
    with suppress(ClientError):  # then by their ids
        for group in client.groups():
            names |= {one.id: one.name for one in client.group(group.id).members}
    detail = _ID.sub(lambda found: names.get(found[0], found[0]), problem.detail)
    named = type(problem)(problem.status, {**problem.members, "detail": detail}, problem.retry_after_s)
    for told in getattr(problem, "__notes__", ()):
        named.add_note(told)
    return named


def _sign_in(context: typer.Context, handle: str, password: str, url: str | None) -> None:
    home = _home(context)
    earlier = kept(home).get(_place(home, url), {}).get("token")
    with at_service(context, url, needs_session=False) as client:
        token = client.sign_in(handle, password, earlier_token=earlier).token
        shown = client.account().handle
    keep(home, _place(home, url), {"handle": shown, "token": token})
    print(f"signed in as {shown}")


def _home(context: typer.Context) -> "Home":
    from chainwallet.home import Home

    return Home(config_of(context).home)


def _place(home: "Home", url: str | None) -> str:
    """What a session is kept under: the home's own service is itself wherever it listens, and however it is named."""
    from chainwallet.serve.place import running_note

    if url is None:
        return OF_THE_HOME
    note = running_note(home)
    return OF_THE_HOME if note is not None and note.url.rstrip("/") == url.rstrip("/") else url.rstrip("/")


def _password(file: Path | None, *, twice: bool) -> str:
    import sys

    if file is not None:
        return read_file(file, "password-file").decode("utf-8", "surrogateescape").rstrip("\r\n")
    if sys.stdin is None or not sys.stdin.isatty():
        raise BadValue("password", "none", "one in --password-file, or typed at the terminal")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True))


def money_of(client: "Client", amount: str, currency: str | None) -> Any:
    """The amount; without a currency, in the only one of the network."""
    from chainwallet.client import amount_of
    from chainwallet.rules.money import currency_of, parse_money

    codes = [currency] if currency else [ledger.currency for ledger in client.network().currencies]
    if len(codes) != 1:
        raise BadValue("currency", "none", f"one of {', '.join(sorted(codes))}")
    money = parse_money(amount, currency_of(codes[0]))
    return amount_of(f"{money.decimal} {money.currency.code}")


def _movement(one: Any) -> dict[str, str | None]:
    return {
        "at": f"{one.place.time:%Y-%m-%d %H:%M:%S} UTC",
        "direction": one.direction,
        "money": str(one.amount),
        "other": one.counterparty.handle or one.counterparty.address,
        "id": one.payment_id,
        "memo": one.memo,
        "stage": "final" if one.place.final else "executed",
        "tx": one.place.transaction,
    }
