"""``chainwallet balances``: who owes whom in a group, at a running service."""

from typing import TYPE_CHECKING

import typer

from chainwallet.cli import service
from chainwallet.cli.group import InGroup, the_group
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.terminal import plain, say_json

if TYPE_CHECKING:
    from chainwallet.client.bills import CurrencyBalances


def balances(context: typer.Context, group: InGroup = None, url: Url = None, as_json: AsJson = False) -> None:
    """Show what you owe and are owed in a group.

    Each line has the bills behind it.
    """
    with service.at_service(context, url) as client:
        found = client.group_balances(the_group(client, group).id)
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json({"balances": json_of(found)})
        return
    for one in found:
        _tell_balances(one)
    if not any(one.owed or one.pending or one.disputed for one in found):
        print("you owe nobody anything here, and nobody owes you")


def _tell_balances(one: "CurrencyBalances") -> None:
    for between in sorted(one.owed, key=lambda between: between.words):
        print(f"{one.currency}: {plain(between.words)}")
    for what, some in (("not accepted yet", one.pending), ("disputed", one.disputed)):
        for between in sorted(some, key=lambda between: between.words):
            print(f"{one.currency}, {what}: {plain(between.words)}")
