"""``chainwallet clear``: a group settles up by one transaction that everybody who pays has signed."""

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli import service
from chainwallet.cli.group import group_named, member_named
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.terminal import UsualVerb, alone, console, plain, say_json, table
from chainwallet.errors import BadValue, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chainwallet.client import Client
    from chainwallet.client.groups import Group
    from chainwallet.client.plans import ListedPlan, Plan

USUAL = "up"
"""The verb that is meant where a group stands in its place."""
PAUSE_S = 0.2
UNDER_WAY = ("open", "ready")


class ClearGroup(UsualVerb):
    """The verbs, of which ``up`` may be left out."""

    usual = USUAL


app = typer.Typer(
    cls=ClearGroup,
    help="Settle up in a group.\n\nA service is asked, as who signed in there. `clear Porto` means `clear up Porto`.",
    invoke_without_command=True,
    callback=alone,
)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="Its name, where you have one of it, or its id.")]
Currency = Annotated[
    str | None, typer.Option(metavar="CODE", help="Its ISO 4217 code. Default: the only one in which that can be.")
]
Wait = Annotated[
    int, typer.Option(min=0, metavar="SECONDS", help="How long it is waited for the chain, once all have signed.")
]


@app.command(USUAL)
def up(
    context: typer.Context,
    group: GroupName,
    currency: Currency = None,
    again: Annotated[
        bool, typer.Option("--again", help="Anew, with the bills since, where a plan is under way.")
    ] = False,
    sign_within: Annotated[
        int | None, typer.Option(metavar="HOURS", help="Who has not signed by then is left out. Default: 72.")
    ] = None,
    wait: Wait = 60,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Plan a clearing, and sign it where you pay.

    All accepted bills are in it. Once all who pay have signed, it is waited for until the chain has carried it out
    for good.
    """
    within_s = None if sign_within is None else 3600 * sign_within
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        code = currency if currency is not None else client.preview_plan(here.id).total.currency
        old = _under_way(client, here, code) if again else None
        made = client.make_plan(here.id, code.upper(), sign_within_s=within_s, replaces=old.id if old else None)
        with _told_that_it_is_made(here, made):
            plan = _signed(client, here, made, wait)
    _tell(here, plan, as_json=as_json)


@app.command("sign")
def sign(
    context: typer.Context,
    group: GroupName,
    currency: Currency = None,
    signature: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Where your key is elsewhere: its signature over what --json has as to_sign."),
    ] = None,
    wait: Wait = 60,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Sign the plan under way, where you pay in it."""
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        found = client.plan(here.id, _the_plan(client, here, currency).id)
        plan = _signed(client, here, found, wait, signature)
    _tell(here, plan, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context, group: GroupName, currency: Currency = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Show the latest plan, and who has signed."""
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        latest = next((one for one in client.plans(here.id) if _is_in(one, currency)), None)
        if latest is None:
            raise NotFound("plan", currency or "any", f"`chainwallet clear {group}` makes one")
        plan = client.plan(here.id, latest.id)
    _tell(here, plan, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, group: GroupName, url: Url = None, as_json: AsJson = False) -> None:
    """List all plans, the newest first."""
    with service.at_service(context, url) as client:
        found = tuple(client.plans(group_named(client, group).id))
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json({"plans": json_of(found)})
        return
    if not found:
        print(f"nobody has settled up yet; `chainwallet clear {group}`")
        return
    rows = table("Id", "Made", "Moves", "Stage", figures=False)
    for one in found:
        rows.add_row(one.id, f"{one.made_at:%Y-%m-%d %H:%M} UTC", str(one.total), one.stage)
    console().print(rows)


@app.command("drop")
def drop(
    context: typer.Context,
    group: GroupName,
    who: Annotated[str, typer.Argument(metavar="WHO", help="A member: name, handle or id.")],
    currency: Currency = None,
    wait: Wait = 60,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Leave somebody out of the plan under way.

    You sign the one that is made for the others, where you pay in it.
    """
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        old = _the_plan(client, here, currency)
        plan = client.drop_from_plan(here.id, old.id, member_named(here, who).id)
        plan = _signed(client, here, plan, wait)
    _tell(here, plan, as_json=as_json)


@app.command("withdraw")
def withdraw(context: typer.Context, group: GroupName, currency: Currency = None, url: Url = None) -> None:
    """End the plan under way. Its debts are open again."""
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        plan = _the_plan(client, here, currency)
        client.withdraw_plan(here.id, plan.id)
    print(f"plan {plan.id} is withdrawn")


# ------------------------------------------------------------------------------------------------ what they share


def _is_in(plan: "ListedPlan", currency: str | None) -> bool:
    return currency is None or plan.total.currency == currency.upper()


def _under_way(client: "Client", group: "Group", currency: str | None) -> "ListedPlan | None":
    """The plan under way. Raises ``BadValue`` where there are several, in several currencies."""
    some = [one for one in client.plans(group.id) if one.stage in UNDER_WAY and _is_in(one, currency)]
    if len(some) > 1:
        codes = ", ".join(sorted(one.total.currency for one in some))
        raise BadValue("currency", "none", f"one of {codes}, in which plans are under way")
    return some[0] if some else None


def _the_plan(client: "Client", group: "Group", currency: str | None) -> "ListedPlan":
    """The plan under way. Raises ``NotFound`` and ``BadValue``."""
    found = _under_way(client, group, currency)
    if found is None:
        raise NotFound("plan under way", currency or "any", f"`chainwallet clear {group.name}` makes one")
    return found


def _signed(client: "Client", group: "Group", plan: "Plan", wait_s: int, signature: str | None = None) -> "Plan":
    """The plan that the caller has signed where they pay in it; final, where all have and that is soon enough."""
    if any(leg.member == group.me and leg.has_signed is False for leg in plan.legs) and plan.stage == "open":
        plan = client.consent(group.id, plan.id, signature)
    give_up_at = time.monotonic() + wait_s
    while plan.stage in ("ready", "settled") and not plan.is_final and time.monotonic() < give_up_at:
        time.sleep(PAUSE_S)
        plan = client.plan(group.id, plan.id)
    return plan


@contextmanager
def _told_that_it_is_made(group: "Group", plan: "Plan") -> "Iterator[None]":
    """What keeps its maker from signing does not unmake the plan: the error says what may be done."""
    try:
        yield
    except BaseException as error:
        verbs = f"`chainwallet clear sign {group.name}` signs it later, `clear withdraw {group.name}` ends it"
        error.add_note(f"plan {plan.id} is made and waits: {verbs}")
        raise


def _tell(group: "Group", plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json(json_of(plan))
        return
    stage = "final" if plan.is_final else plan.stage
    print(f"plan {plan.id} of {plain(group.name)} moves {plan.total}: {stage}")
    for leg in sorted(plan.legs, key=lambda leg: (leg.net.amount, leg.name)):
        verb, amount = ("receives", leg.net.amount) if leg.net.amount > 0 else ("pays", -leg.net.amount)
        signed = {None: "", True: ", has signed", False: ", has not signed"}[leg.has_signed]
        print(f"{plain(leg.name)} {verb} {amount} {leg.net.currency}{signed}")
    if plan.to_sign is not None:
        print("your key is elsewhere: sign what --json has as to_sign, then `clear sign --signature`")
    elif plan.waits:
        print(f"waits for {plain(plan.waits)}")
    if plan.execution is not None:
        print(f"block {plan.execution.block}, transaction {plan.execution.transaction}")
