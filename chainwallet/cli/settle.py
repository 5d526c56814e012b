"""``chainwallet demo``: the main job, told to a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.chain import Anvil
from chainwallet.cli.terminal import config_of, console, read_file, say, say_json, table

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
        Path | None,
        typer.Option(metavar="FILE", help="A group's history exported from Splitwise. Default: a bundled example."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the story.")] = False,
    anvil: Anvil = None,
) -> None:
    """Settle a group on a fresh local chain, and verify every figure.

    Reads the group's history, checks it against its own totals, opens a wallet for each person, lets the issuer top
    them up, has every debtor sign, delivers one settlement for each currency and reads the chain back.

    The chain and the wallets stay in this home, and the next demo takes the chain's place. In a home that is at
    work, has a chain of its own or a database elsewhere, the demo runs in a directory that is removed.

    Exit status 0 verified, 1 not verified, 2 refused.
    """
    from chainwallet import demo as job
    from chainwallet.anvil import find_anvil
    from chainwallet.assembly import demo_tools
    from chainwallet.formats.splitwise import read_splitwise

    config = config_of(context, anvil=anvil)
    if csv is None:
        data = resources.files("chainwallet.formats.examples").joinpath(EXAMPLE).read_bytes()
        group = read_splitwise(data, EXAMPLE)
    else:
        group = read_splitwise(read_file(csv, "csv"), csv.name)
    jobs = job.jobs_of(group)  # refuse what cannot be settled before anything is started
    find_anvil(config.anvil)

    story = console(quiet=as_json)
    _tell_group(story, csv.name if csv else f"{EXAMPLE}, the bundled example", group)
    with _narrator(quiet=as_json) as narrator:
        narrator.step("Starting a fresh local chain")
        with demo_tools(config) as (tools, stays):
            narrator.note(f"chain id {tools.node.chain_id()}")
            result = job.run(tools, group.people, jobs, narrator)
    if as_json:
        say_json(document(result))
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
    from chainwallet.rules.money import Money, amount_text

    currency, plan = result.job.currency, result.job.plan
    mined = result.clearing.mined if result.clearing else None
    return {
        "code": currency.code,
        "tx": to_hex(mined.tx) if mined else None,
        "gas_used": mined.gas_used if mined else None,
        "block": mined.block if mined else None,
        "debits": {leg.person: Money(leg.amount_minor, currency).decimal for leg in plan.debits},
        "credits": {leg.person: Money(leg.amount_minor, currency).decimal for leg in plan.credits},
        "before": {person: amount_text(units, currency) for person, units in result.before.items()},
        "after": {person: amount_text(units, currency) for person, units in result.after.items()},
        "contract": checksum(result.contract.address) if result.contract else None,
        "mismatches": list(result.mismatches),
    }


@contextmanager
def _narrator(*, quiet: bool) -> Iterator["Narrator"]:
    """Tells the steps on stderr: lines with a mark each, and a spinner where that is a terminal."""
    lines = console(stderr=True, quiet=quiet)
    with lines.status("") as status:

        class Telling:
            def step(self, text: str) -> None:
                say(lines, f"- {text}")
                status.update(text)

            def note(self, text: str) -> None:
                say(lines, f"    {text}")

        yield Telling()


def _tell_group(story: "Console", name: str, group: "GroupHistory") -> None:
    codes = ", ".join(currency.code for currency in group.currencies) or "no currency"
    say(story, f"{name}: {len(group.entries)} entries of {len(group.people)} people in {codes}; totals checked")
    for note in group.notes:
        say(story, f"    note: {note}")


def _tell_result(story: "Console", result: "DemoResult", *, stays: bool) -> None:
    for currency in result.currencies:
        _tell_currency(story, currency)
    if not result.currencies:
        say(story, "\nthe history has no entries: nothing to settle")
    if result.verified:
        say(story, "\nverified: every balance moved by exactly its person's net, supplies are unchanged,")
        say(story, "and the events alone rebuild all balances")
    if stays:
        say(story, "\nThe chain and the wallets stay in this home. Try: chainwallet balance")
    else:
        why = "This home is at work, has a chain of its own or a database elsewhere"
        say(story, f"\n{why}, so the demo ran in a directory that is gone now")


def _tell_currency(story: "Console", result: "CurrencyResult") -> None:
    from chainwallet.evm import to_hex
    from chainwallet.rules.money import amount_text

    currency, plan = result.job.currency, result.job.plan
    if result.clearing is None:
        say(story, f"\n{currency}: everybody is even, nothing to settle")
        return
    say(story, f"\n{currency}: {plan.total} settled\n")
    rows = table("Person", "Before", "Net", "After")
    for person in list(result.before)[:SHOWN_ROWS]:
        before, after = result.before[person], result.after[person]
        sign = "+" if after >= before else ""
        net = sign + amount_text(after - before, currency)
        rows.add_row(person, amount_text(before, currency), net, amount_text(after, currency))
    story.print(rows)
    say(story)
    if len(result.before) > SHOWN_ROWS:
        say(story, f"    and {len(result.before) - SHOWN_ROWS} more people")
    mined, people = result.clearing.mined, len(plan.debits) + len(plan.credits)
    each, by_hand = mined.gas_used // people, len(result.job.by_hand)
    say(story, f"transaction {to_hex(mined.tx)}")
    say(story, f"block {mined.block}, {mined.gas_used:,} gas, {each:,} for each of {people} people")
    say(story, f"one by one the same would take {by_hand} payment{'s' if by_hand > 1 else ''} at least")
    _tell_rounding(story, result)
    for mismatch in result.mismatches:
        say(story, f"NOT VERIFIED: {mismatch}")


def _tell_rounding(story: "Console", result: "CurrencyResult") -> None:
    """Says who gained or lost a part of a minor unit when the nets were rounded."""
    moved = {person: net.difference for person, net in result.job.nets.items() if net.difference}
    for person, difference in moved.items():
        part = f"{difference.numerator}/{difference.denominator}" if difference.denominator != 1 else f"{difference}"
        say(story, f"rounded once: {person} by {part} of a minor unit")
