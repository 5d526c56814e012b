"""``chainwallet bench``: the product's own speed on this machine."""

import shutil
from dataclasses import asdict
from typing import Annotated

import typer

from chainwallet.cli.chain import Anvil
from chainwallet.cli.terminal import alone, config_of, console, say, say_json, table

app = typer.Typer(
    help="Measure this machine's speed, on a local chain made for it.", invoke_without_command=True, callback=alone
)

EVENTS_MOST = 1_000_000
PER_BLOCK_MOST = 500  # a block's gas limit


@app.command("index")
def index(
    context: typer.Context,
    events: Annotated[int, typer.Option(min=1, max=EVENTS_MOST, metavar="N", help="How many events.")] = 50_000,
    per_block: Annotated[
        int, typer.Option(min=1, max=PER_BLOCK_MOST, metavar="N", help="How many of them in a block.")
    ] = 100,
    runs: Annotated[int, typer.Option(min=1, max=20, metavar="N", help="How many runs of each kind.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    anvil: Anvil = None,
) -> None:
    """Measure how fast events are taken in and verified.

    Makes a chain with that many transfers, each in a transaction of its own, and indexes it: verified, without
    verification, and fetching alone. Prints the medians of the runs, which other work on the machine lengthens.
    """
    from chainwallet.assembly import now_s, own_command, throwaway_chain
    from chainwallet.bench.chain import Filling, fill, prepare
    from chainwallet.bench.index import WAYS, Run, Way, figures, measured

    terminal = console(stderr=True, quiet=as_json)
    with throwaway_chain(config_of(context, anvil=anvil)) as (ground, url):
        home, deliver = ground.opened.home, ground.relayer.deliver
        cash = prepare(ground.node, ground.opened.database, deliver, ground.roles, home.manifests, now_s())
        with terminal.status("writing events") as status:

            def report(count: int) -> None:
                status.update(f"writing events: {count:,} of {events:,}")

            fill(ground.node, cash, Filling(events, per_block), report)
        found: dict[Way, list[Run]] = {way: [] for way in WAYS}
        with terminal.status("measuring"):
            for number in range(runs):
                for way in WAYS:
                    own = home.path / f"run-{number}-{way}"
                    shutil.copytree(home.manifests, own / "manifests")
                    words = ("bench", "index-once", "--way", way, "--rpc", url)
                    found[way].append(measured(own_command(own, *words)))
    result = figures(found)
    if as_json:
        say_json({**asdict(result), "per_block": per_block})
        return
    shown = table("Way", "Seconds (median)", "Events per second")
    for name, seconds in (
        ("verified", result.seconds_verified),
        ("without verification", result.seconds_plain),
        ("fetched only", result.raw_fetch_seconds),
    ):
        shown.add_row(name, f"{seconds:.2f}", f"{int(result.events / seconds):,}")
    console().print(shown)
    say(console(), f"{result.events:,} events; the verified runs used at most {result.peak_rss_mb} MB of memory")


@app.command("index-once", hidden=True)
def index_once(
    context: typer.Context, way: Annotated[str, typer.Option()], rpc: Annotated[str, typer.Option()]
) -> None:
    """One run of `bench index`, in this process."""
    from chainwallet.assembly import connect, open_home
    from chainwallet.bench.index import WAYS, Bed, printed, run

    (known,) = (one for one in WAYS if one == way)
    with open_home(config_of(context, rpc=rpc)) as home, connect(home) as connection:
        cash, contract = connection.cash(None)
        bed = Bed(home.database, connection.node, cash, contract.block, connection.indexer())
        print(printed(run(known, bed)))
