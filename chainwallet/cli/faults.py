"""``chainwallet faults``: stands between a client and its node, and fails as often as it is told to."""

from typing import Annotated

import typer

from chainwallet.cli.terminal import console, say, say_json, table, told_to_stop


def _rate(option: str, help_text: str) -> typer.models.OptionInfo:
    found = typer.Option(option, metavar="RATE", help=help_text)
    assert isinstance(found, typer.models.OptionInfo)  # noqa: S101 - typer declares less
    return found


def faults(
    upstream: Annotated[str, typer.Option(metavar="URL", help="The node that the requests are for.")],
    drop_requests: Annotated[str, _rate("--drop-requests", "The node never gets it, the client no answer.")] = "0%",
    drop_replies: Annotated[str, _rate("--drop-replies", "The node gets it, the client no answer.")] = "0%",
    cut: Annotated[str, _rate("--cut", "The connection ends in the middle of the answer.")] = "0%",
    server_errors: Annotated[str, _rate("--server-errors", "HTTP 5xx, before or after the node got it.")] = "0%",
    too_many: Annotated[str, _rate("--too-many", "HTTP 429, before the node got it.")] = "0%",
    duplicate: Annotated[str, _rate("--duplicate", "The node gets it twice.")] = "0%",
    delay: Annotated[str, _rate("--delay", "It takes up to --delay-ms longer.")] = "0%",
    stale_head: Annotated[str, _rate("--stale-head", "The answer is --stale-blocks old.")] = "0%",
    delay_ms: Annotated[int, typer.Option(min=1, max=600_000, metavar="MS", help="The longest delay.")] = 1_000,
    stale_blocks: Annotated[int, typer.Option(min=1, max=10_000, metavar="BLOCKS", help="How old is stale.")] = 3,
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="PORT", help="Where to listen; 0: any free.")] = 0,
    second: Annotated[bool, typer.Option("--second", help="Listen at a second address, which disagrees.")] = False,
    second_port: Annotated[int, typer.Option(min=0, max=65_535, metavar="PORT", help="Where the second listens.")] = 0,
    behind: Annotated[int, typer.Option(min=0, max=10_000, metavar="BLOCKS", help="How far the second lags.")] = 2,
    disagree: Annotated[str, _rate("--disagree", "The second names another hash of a block.")] = "0%",
    only: Annotated[
        str, typer.Option(metavar="METHODS", help="Hit only these JSON-RPC methods, separated by commas.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, metavar="NUMBER", help="The same seed, the same faults.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a line at the start, one at the end.")] = False,
) -> None:
    """Stand between a client and its node, and fail as networks do.

    A RATE is a share of the requests, as 5% or 0.25%. Prints where it listens, goes on until interrupted, and then
    prints how often each fault was injected.
    """
    import sys

    from chainwallet.faults import Faults, Rates, Second, parse_rate

    rates = Rates(
        parse_rate("drop-requests", drop_requests),
        parse_rate("drop-replies", drop_replies),
        parse_rate("cut", cut),
        parse_rate("server-errors", server_errors),
        parse_rate("too-many", too_many),
        parse_rate("duplicate", duplicate),
        parse_rate("delay", delay),
        parse_rate("stale-head", stale_head),
    )
    other = Second(behind, parse_rate("disagree", disagree)) if second else None
    methods = [name.strip() for name in only.split(",") if name.strip()]
    stop = told_to_stop()
    with Faults(
        upstream,
        rates,
        seed,
        port=port,
        second_port=second_port,
        second=other,
        longest_delay_ms=delay_ms,
        stale_blocks=stale_blocks,
        only=methods,
    ) as running:
        if as_json:
            say_json({"url": running.url, "second_url": running.second_url, "seed": seed})
        else:
            say(console(), f"faults at {running.url}")
            if running.second_url:
                say(console(), f"second at {running.second_url}")
        if sys.stdout is not None:
            sys.stdout.flush()  # whoever reads it waits for the addresses
        stop.wait()
        counts, served = running.counts, running.served
    if as_json:
        say_json({"requests": served, "injected": counts})
        return
    shown = table("Fault", "Injected")
    for name, count in counts.items():
        shown.add_row(name.replace("_", " "), f"{count:,}")
    console().print(shown)
    say(console(), f"{served:,} requests, seed {seed}")
