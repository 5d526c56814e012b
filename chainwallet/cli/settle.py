"""``chainwallet demo``: the main job, told to a person."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.terminal import config_of, read_file, table

if TYPE_CHECKING:
    from rich.console import Console

    from chainwallet.demo import CurrencyResult, DemoResult, Narrator
    from chainwallet.formats.splitwise import GroupHistory

EXAMPLE = "trip.csv"
NOT_VERIFIED = 1
SHOWN_ROWS = 40  # more people than this are told as a number, not as a table


def demo(
    context: typer.Context,
    csv: Annotated[
        Path | None, typer.Option(help="A group's history exported from Splitwise. Default: a bundled example.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the story.")] = False,
    anvil: Annotated[Path | None, typer.Option(help="The anvil binary to use.")] = None,
) -> None:
    """Settle a whole group on a fresh local chain, one transaction for each currency, and verify every figure.

    Reads the group's history, checks it against its own totals, opens a wallet for each person, lets the issuer top
    them up, has every debtor sign, delivers the settlement and reads the chain back. Exit status 0 verified, 1 not
    verified, 2 refused.
    """
    from rich.console import Console

    from chainwallet import demo as job
    from chainwallet.assembly import demo_tools
    from chainwallet.formats.splitwise import read_splitwise

    config = config_of(context, anvil=anvil)
    if csv is None:
        data = resources.files("chainwallet.formats.examples").joinpath(EXAMPLE).read_bytes()
        group = read_splitwise(data, EXAMPLE)
    else:
        group = read_splitwise(read_file(csv, "csv"), csv.name)
    for currency in group.currencies:
        job.nets_of(group, currency)  # refuse what cannot be settled before anything is started

    story = Console(quiet=as_json, highlight=False)
    _tell_group(story, csv.name if csv else f"{EXAMPLE}, the bundled example", group)
    with _narrator(quiet=as_json) as narrator:
        narrator.step("Starting a fresh local chain")
        with demo_tools(config) as (tools, stays):
            narrator.note(f"chain id {tools.node.chain_id()}")
            result = job.run(tools, group, narrator)
    if as_json:
        print(json.dumps(document(result), ensure_ascii=False))
    else:
        _tell_result(story, result, stays=stays)
    if not result.verified:
        raise typer.Exit(NOT_VERIFIED)


def document(result: "DemoResult") -> dict[str, Any]:
    """The result as one JSON object; amounts are decimal strings with the currency's decimals."""
    return {
        "people": list(result.people),
        "verified": result.verified,
        "currencies": [_currency_document(currency) for currency in result.currencies],
    }


def _currency_document(result: "CurrencyResult") -> dict[str, Any]:
    from chainwallet.evm import checksum, to_hex
    from chainwallet.rules.money import Money

    mined = result.clearing.mined if result.clearing else None
    sides = {
        name: {leg.person: Money(leg.amount_minor, result.currency).decimal for leg in legs}
        for name, legs in (("debits", result.plan.debits), ("credits", result.plan.credits))
    }
    return {
        "code": result.currency.code,
        "tx": to_hex(mined.tx) if mined else None,
        "gas_used": mined.gas_used if mined else None,
        "block": mined.block if mined else None,
        **sides,
        "before": {person: amount.decimal for person, amount in result.before.items()},
        "after": {person: amount.decimal for person, amount in result.after.items()},
        "contract": checksum(result.contract.address) if result.contract else None,
        "mismatches": list(result.mismatches),
    }


@contextmanager
def _narrator(*, quiet: bool) -> Iterator["Narrator"]:
    """Tells the steps on stderr: lines with a mark each, and a spinner where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet, highlight=False)
    with console.status("") as status:

        class Telling:
            def step(self, text: str) -> None:
                _say(console, f"- {text}")
                status.update(text)

            def note(self, text: str) -> None:
                _say(console, f"    {text}")

        yield Telling()


def _tell_group(console: "Console", name: str, group: "GroupHistory") -> None:
    codes = ", ".join(currency.code for currency in group.currencies) or "no currency"
    _say(console, f"{name}: {len(group.entries)} entries of {len(group.people)} people in {codes}; totals checked")
    for note in group.notes:
        _say(console, f"    note: {note}")


def _tell_result(console: "Console", result: "DemoResult", *, stays: bool) -> None:
    from rich.markup import escape

    from chainwallet.evm import to_hex

    for currency in result.currencies:
        if currency.clearing is None:
            _say(console, f"\n{currency.currency}: everybody is even, nothing to settle")
            continue
        rows = table(f"\n{currency.currency}: {currency.plan.total} settled", "Person", "Before", "Net", "After")
        for person in list(currency.before)[:SHOWN_ROWS]:
            before, after = currency.before[person], currency.after[person]
            net = (after - before).decimal
            rows.add_row(escape(person), before.decimal, net if net.startswith("-") else f"+{net}", after.decimal)
        console.print(rows)
        if len(currency.before) > SHOWN_ROWS:
            _say(console, f"    and {len(currency.before) - SHOWN_ROWS} more people")
        mined, people = currency.clearing.mined, len(currency.plan.debits) + len(currency.plan.credits)
        _say(console, f"transaction {to_hex(mined.tx)}")
        each = mined.gas_used // people
        _say(console, f"block {mined.block}, {mined.gas_used:,} gas, {each:,} for each of {people} people")
        by_hand = len(currency.by_hand)
        _say(console, f"one by one the same would take {by_hand} payment{'s' if by_hand > 1 else ''} at least")
        _tell_rounding(console, currency)
        for mismatch in currency.mismatches:
            _say(console, f"NOT VERIFIED: {mismatch}")
    if not result.currencies:
        _say(console, "\nthe history has no entries: nothing to settle")
    if result.verified:
        _say(console, "\nverified: every balance moved by exactly its person's net, supplies are unchanged,")
        _say(console, "and the events alone rebuild all balances")
    if stays:
        _say(console, "\nThe chain and the wallets stay in this home. Try: chainwallet balance")
    else:
        _say(console, "\nThis home has a chain of its own, so the demo ran in a directory that is gone now")


def _say(console: "Console", text: str) -> None:
    """A line as it is: names are no markup, and hashes are not broken."""
    console.print(text, markup=False, soft_wrap=True)


def _tell_rounding(console: "Console", result: "CurrencyResult") -> None:
    """Says who gained or lost a part of a minor unit when the nets were rounded."""
    moved = {person: net.difference for person, net in result.nets.items() if net.difference}
    for person, difference in moved.items():
        part = f"{difference.numerator}/{difference.denominator}" if difference.denominator != 1 else f"{difference}"
        _say(console, f"rounded once: {person} by {part} of a minor unit")
