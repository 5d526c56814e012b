"""``chainwallet bench``: the product's own speed on this machine."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from chainwallet.cli import bench_parts
from chainwallet.cli.chain import Anvil
from chainwallet.cli.terminal import alone, config_of, console, say, say_json, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chainwallet.assembly import Connection
    from chainwallet.bench.api import Figures as ApiFigures
    from chainwallet.bench.api import Measuring
    from chainwallet.bench.payments import Figures
    from chainwallet.bench.soak import Soaked
    from chainwallet.config import Config

app = typer.Typer(
    help="Measure this machine's speed, mostly on a chain made for it.",
    invoke_without_command=True,
    callback=alone,
)

for name, part in bench_parts.VERBS.items():
    app.command(name, hidden=True)(part)

EVENTS_MOST = 1_000_000
PER_BLOCK_MOST = 500  # a block's gas limit
PAYMENTS_MOST = 1_000_000
PAYERS_MOST = 10_000
SECONDS_MOST = 86_400
PEOPLE_MOST = 1_000
CONNECTIONS_MOST = 1_000
RUNS_MOST = 1_000
MEMBERS_MOST = 100  # of a group
MINUTES_MOST = 10_000
PER_SECOND_MOST = 10_000


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


@app.command("payments")
def payments(
    context: typer.Context,
    count: Annotated[int, typer.Option(min=1, max=PAYMENTS_MOST, metavar="N", help="How many payments.")] = 10_000,
    payers: Annotated[
        int, typer.Option(min=2, max=PAYERS_MOST, metavar="P", help="How many people pay, in turns.")
    ] = 1_000,
    store: Annotated[
        Literal["sqlite", "postgres"],
        typer.Option(metavar="STORE", help="The database: sqlite, or postgres at --database."),
    ] = "sqlite",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    anvil: Anvil = None,
) -> None:
    """Measure how fast payments become final.

    Two plain loops are measured beside them.

    Makes a chain with a block each second, accepts that many payments in one process, carries them to the end in
    another, and looks on the chain whether each was carried out, once. Before that two web3.py loops pay one payment
    with each transaction there: one waits for each receipt, the other sends all before it asks for receipts.

    With --store postgres the rows stay in the database that --database or CHAINWALLET_DATABASE names: give one that
    is there for this alone.
    """
    from chainwallet.assembly import throwaway_chain

    config = config_of(context, anvil=anvil)
    place = _place(config, store)
    terminal = console(stderr=True, quiet=as_json)
    with throwaway_chain(config, place) as (ground, url), terminal.status("making a chain") as status:
        result = _payments(ground, url, (count, payers, store), status.update)
    if as_json:
        say_json(asdict(result))
        return
    _show(result)


def _place(config: "Config", store: str) -> str | None:
    """Where the database is; None for a file that is removed afterwards."""
    from chainwallet.errors import BadValue
    from chainwallet.store.postgres import SCHEMES

    if store == "sqlite":
        return None
    if config.database is None or config.database.partition("://")[0] not in SCHEMES:
        expected = "postgresql://USER@HOST/DATABASE in --database or CHAINWALLET_DATABASE, a database for this alone"
        raise BadValue("database", "none" if config.database is None else "an SQLite file", expected)
    return config.database


def _payments(ground: "Connection", url: str, wanted: tuple[int, int, str], tell: "Callable[[str], None]") -> "Figures":
    from chainwallet.assembly import now_s, own_command
    from chainwallet.bench import payments as bench
    from chainwallet.bench.chain import prepare
    from chainwallet.bench.parts import orders

    count, payers, store = wanted
    home = ground.opened.home
    cash = prepare(ground.node, ground.opened.database, ground.relayer.deliver, ground.roles, home.manifests, now_s())
    desk = ground.desk(cash)
    bench.fund(ground.node, desk, payers)
    ground.close()  # the carrying part has the lanes from here on
    environment = {**os.environ}
    environment.pop("CHAINWALLET_DATABASE", None)
    if ground.opened.config.database is not None:  # it may hold a password: not on a command line
        environment["CHAINWALLET_DATABASE"] = ground.opened.config.database

    def part(name: str, *words: str) -> list[str]:
        return own_command(home.path, "bench", f"payments-{name}", "--payers", str(payers), "--rpc", url, *words)

    tell("measuring the loop that waits")
    sample, most = min(count, bench.WAITING_MOST), min(count, bench.UNWAITED_MOST)
    rates = bench.said_by(part("loop", "--count", str(sample), "--waits"), environment)
    bench.tick_like_a_chain(ground.node)
    tell("measuring the loop that does not wait")
    rates |= bench.said_by(part("loop", "--count", str(most), "--no-waits"), environment)
    tell("measuring")
    with bench.carrying(part("carry"), environment) as course:
        first = ground.node.block_number() + 1
        accepted = bench.said_by(part("accept", "--count", str(count)), environment)
        bench.wait_until_final(course, count)
    tell("verifying")
    found = bench.executions(ground.node, desk.cash, first, orders(desk, count, payers))
    return bench.figures(store, payers, accepted, course, found, rates)


def _show(found: "Figures") -> None:
    shown = table("Way", "Payments per second", "Of so many")
    shown.add_row("chainwallet, to final", f"{found.payments_per_s:,.1f}", f"{found.count:,}")
    shown.add_row("a loop that waits", f"{found.baseline_waiting_per_s:,.1f}", f"{found.baseline_waiting_count:,}")
    shown.add_row("a loop that does not", f"{found.baseline_unwaited_per_s:,.1f}", f"{found.baseline_unwaited_count:,}")
    console().print(shown)
    stages = table("Stage", "Seconds", "Of a processor")
    for stage, seconds in found.stages_s.items():
        stages.add_row(stage, f"{seconds:.2f}", f"{found.stages_cpu_s[stage]:.2f}")
    console().print(stages)
    say(
        console(),
        f"{found.count:,} payments on {found.store}: {found.lost} lost, {found.duplicated} carried out twice; half"
        f" were final within {found.p50_s:.2f} s, 99 of 100 within {found.p99_s:.2f} s; {found.gas_per_payment:,} gas"
        f" each; {found.peak_rss_mb} MB of memory at most, {found.cpu_ms_per_payment:.2f} ms of a processor each",
    )


@app.command("api")
def api(
    context: typer.Context,
    seconds: Annotated[
        int, typer.Option(min=1, max=SECONDS_MOST, metavar="N", help="How long payments are asked for, and reads.")
    ] = 20,
    people: Annotated[
        int, typer.Option(min=2, max=PEOPLE_MOST, metavar="P", help="How many people ask, in turns.")
    ] = 100,
    connections: Annotated[
        int, typer.Option(min=1, max=CONNECTIONS_MOST, metavar="C", help="How many clients ask at once.")
    ] = 64,
    soak: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MINUTES_MOST,
            metavar="MINUTES",
            help="Instead: steady load for so long, samples of memory, and a look for every payment on the chain.",
        ),
    ] = None,
    per_second: Annotated[
        int,
        typer.Option(
            min=1,
            max=PER_SECOND_MOST,
            metavar="N",
            help="With --soak: how many payments, and how many reads, a second.",
        ),
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    anvil: Anvil = None,
) -> None:
    """Measure how fast the HTTP service answers.

    Or, with --soak, how long it keeps that up.

    Runs the service on a chain made for it, with its worker. Clients in a process of their own, each with a connection,
    ask for payments for that long; when all are final they ask for that long for balances and history, by turns.
    """
    from chainwallet.assembly import throwaway_chain

    terminal = console(stderr=True, quiet=as_json)
    with (
        throwaway_chain(config_of(context, anvil=anvil)) as (ground, url),
        terminal.status("making a chain") as status,
        measuring_on(ground, url, people, connections, status.update) as measuring,
    ):
        if soak is None:
            found: ApiFigures | Soaked = measuring.figures(seconds)
        else:
            from chainwallet.bench.soak import soak as soaked

            found = soaked(measuring, ground.node, soak * 60, per_second)
    if as_json:
        say_json(asdict(found))
    else:
        _show_api(found)


@contextmanager
def measuring_on(
    ground: "Connection", url: str, people: int, connections: int, tell: "Callable[[str], None]"
) -> "Iterator[Measuring]":
    """The service on ``ground``, with people who may pay."""
    from chainwallet.assembly import now_s, own_command
    from chainwallet.bench import api as bench
    from chainwallet.bench.chain import prepare

    opened, home = ground.opened, ground.opened.home
    cash = prepare(ground.node, opened.database, ground.relayer.deliver, ground.roles, home.manifests, now_s())
    crowd = bench.settle(opened.database, opened.wallets, people, now_s())
    bench.fund(ground.node, cash, crowd)
    ground.close()  # the service's worker has the lanes from here on
    tell("starting the service")
    command = own_command(home.path, "serve", "--rpc", url, "--port", "0")
    with bench.serving(command, home.path / "serve.log") as service:

        def part(*words: str) -> list[str]:
            return own_command(home.path, "bench", *words)

        tell("measuring")
        yield bench.Measuring(service, opened.database, cash, crowd, connections, part)


def _show_api(found: "ApiFigures | Soaked") -> None:
    from chainwallet.bench.soak import Soaked

    if isinstance(found, Soaked):
        _show_soaked(found)
        return
    shown = table("What", "Per second", "99 of 100 within", "The API's processor time each")
    shown.add_row(
        "payments accepted",
        f"{found.accepted_per_s:,.1f}",
        f"{found.accept_p99_ms:.0f} ms",
        f"{found.accept_api_cpu_ms:.2f} ms",
    )
    shown.add_row("payments to final", f"{found.final_per_s:,.1f}", "", "")
    shown.add_row(
        "reads", f"{found.reads_per_s:,.1f}", f"{found.read_p99_ms:.0f} ms", f"{found.read_api_cpu_ms:.2f} ms"
    )
    console().print(shown)
    memory = ", ".join(f"{name} {mb} to {found.rss_end_mb[name]} MB" for name, mb in found.rss_start_mb.items())
    say(console(), f"{found.accepted:,} payments, {found.reads:,} reads, {found.errors} errors; memory: {memory}")
    for note in found.notes:
        say(console(), note)


def _show_soaked(found: "Soaked") -> None:
    shown = table("Memory (MB)", "At the start", "In the middle", "At the end", "At most")
    for name, mb in found.rss_mb.items():
        shown.add_row(name, *(str(mb[when]) for when in ("start", "middle", "end", "peak")))
    console().print(shown)
    say(
        console(),
        f"{found.accepted:,} payments accepted, {found.final:,} of them final: {found.lost} lost, {found.duplicated}"
        f" carried out twice; {found.reads:,} reads; {found.errors} errors; 99 of 100 within {found.accept_p99_ms:.0f}"
        f" ms and {found.read_p99_ms:.0f} ms",
    )
    for note in found.notes:
        say(console(), note)


@app.command("split")
def split(
    runs: Annotated[int, typer.Option(min=1, max=RUNS_MOST, metavar="N", help="How many runs of each kind.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure how fast bills are computed.

    They are divided, a group is planned, and balances are found; without a chain, on one core. Prints the medians of
    the runs, in the processor's time, which does not count other work on the machine.
    """
    from chainwallet.bench.split import figures

    found = figures(runs)
    if as_json:
        say_json(asdict(found))
        return
    shown = table("What", "How fast")
    shown.add_row("bills divided, of all modes", f"{found.splits_per_s:,} in a second")
    shown.add_row("the fewest transfers of 15 people", f"{found.plan_15_ms:.1f} ms")
    shown.add_row("the balances of 500 bills and 30 people", f"{found.balances_500x30_ms:.1f} ms")
    console().print(shown)


@app.command("sign")
def sign(
    runs: Annotated[int, typer.Option(min=1, max=RUNS_MOST, metavar="N", help="How many runs of each kind.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure how fast payments are signed.

    Digest and signature in one process: by a key in memory, and by a managed wallet's, which is opened each time.
    Prints the medians of the runs, in the processor's time, which does not count other work on the machine.
    """
    from chainwallet.bench.signing import figures

    with TemporaryDirectory(prefix="chainwallet-") as directory:
        found = figures(runs, Path(directory))
    if as_json:
        say_json(asdict(found))
        return
    shown = table("What", "In a second")
    shown.add_row("payments signed by a key in memory", f"{found.signatures_per_s:,}")
    shown.add_row("payments signed by a managed wallet's key", f"{found.managed_per_s:,}")
    console().print(shown)


@app.command("clearing")
def clearing(
    context: typer.Context,
    people: Annotated[int, typer.Option(min=2, max=MEMBERS_MOST, metavar="P", help="How many are in the group.")] = 10,
    runs: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="How many clearings.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    anvil: Anvil = None,
) -> None:
    """Measure how long a group takes from "settle up" to final.

    Runs the service on a chain made for it, with a block each second. All but one of the group owe that one the same;
    the plan is made, all who pay sign at the same time, and the clock stops when the plan is final.
    """
    from chainwallet.assembly import now_s, own_command, throwaway_chain
    from chainwallet.bench import api as bench
    from chainwallet.bench.chain import prepare
    from chainwallet.bench.clearing import measured
    from chainwallet.bench.payments import tick_like_a_chain

    terminal = console(stderr=True, quiet=as_json)
    with throwaway_chain(config_of(context, anvil=anvil)) as (ground, url), terminal.status("making a chain") as status:
        opened, home = ground.opened, ground.opened.home
        cash = prepare(ground.node, opened.database, ground.relayer.deliver, ground.roles, home.manifests, now_s())
        crowd = bench.settle(opened.database, opened.wallets, people, now_s())
        bench.fund(ground.node, cash, crowd)
        ground.close()  # the service's worker has the lanes from here on
        tick_like_a_chain(ground.node)
        status.update("measuring")
        with bench.serving(own_command(home.path, "serve", "--rpc", url, "--port", "0"), home.path / "log") as service:
            found = measured(service, crowd, cash.currency, runs)
    if as_json:
        say_json(asdict(found))
        return
    say(
        console(),
        f"{found.people} people, {found.payers} of them sign: {found.clearing_s:.2f} s from settling up to final in"
        f" half of {found.runs} runs, {found.clearing_slowest_s:.2f} s in the slowest; planned within"
        f" {found.planned_s:.2f} s, signed within {found.signed_s:.2f} s",
    )
