"""``chainwallet account``: one's own account at a service, and what the operator does with those of this home."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli import service
from chainwallet.cli.terminal import alone, config_of, console, say_json, table, utc
from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from chainwallet.store.accounts import Account

app = typer.Typer(
    help="Your account at a service; for the operator, all.",
    invoke_without_command=True,
    callback=alone,
)
app.command("sign-up")(service.sign_up)
app.command("sign-in")(service.sign_in)
app.command("sign-out")(service.sign_out)
app.command("show")(service.show)

Handle = Annotated[str, typer.Argument(metavar="HANDLE", help="Whose account, such as @ana.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the accounts: handle, roles, since when."""
    from chainwallet.accounts import list_accounts
    from chainwallet.assembly import open_home

    with open_home(config_of(context), alone=False) as home:
        accounts = list(list_accounts(home.database))
    if as_json:
        say_json([_document(account) for account in accounts])
        return
    if not accounts:
        print("no accounts yet; people open them by the service's API")
        return
    listed = table("Account", "Roles", "Since", figures=False)
    for account in accounts:
        document = _document(account)
        listed.add_row(document["handle"], ", ".join(document["roles"]), utc(account.created_at_s))
    console().print(listed)


@app.command("role")
def role(
    context: typer.Context,
    handle: Handle,
    name: Annotated[str, typer.Argument(metavar="ROLE", help="The role: issuer, who brings money in and out.")],
    grant: Annotated[bool, typer.Option("--grant", help="Give the role.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the role away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Grant a role to an account, or take it away.

    What the account's sessions and API keys may do follows at once.
    """
    from chainwallet.accounts import change_role
    from chainwallet.assembly import now_s, open_home
    from chainwallet.rules.scope import parse_role

    if grant == revoke:
        raise BadValue("role", name, "either --grant or --revoke")
    wanted = parse_role(name)
    with open_home(config_of(context), alone=False) as home:
        _show(change_role(home.database, handle, wanted, now_s(), granted=grant), as_json=as_json)


@app.command("reopen")
def reopen(context: typer.Context, handle: Handle, as_json: AsJson = False) -> None:
    """Let new places sign in to an account again.

    After 100 wrong passwords in a row an account is open only to places and devices from which its owner signed in
    before. A sign-in from one of them ends that as well.
    """
    from chainwallet.accounts import reopen as reopen_account
    from chainwallet.assembly import open_home

    with open_home(config_of(context), alone=False) as home:
        _show(reopen_account(home.database, handle), as_json=as_json)


def _document(account: "Account") -> dict[str, Any]:
    from chainwallet.rules.handle import shown

    return {"handle": shown(account.handle), "roles": sorted(account.roles), "created_at_s": account.created_at_s}


def _show(account: "Account", *, as_json: bool) -> None:
    document = _document(account)
    if as_json:
        say_json(document)
    else:
        print(f"{document['handle']}  {', '.join(document['roles'])}")
