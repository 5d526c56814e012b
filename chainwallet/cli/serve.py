"""``chainwallet serve``: the service."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli.money import AsJson
from chainwallet.cli.terminal import config_of, say_json

if TYPE_CHECKING:
    from chainwallet.config import Config
    from chainwallet.home import Home
    from chainwallet.manifest import Manifest

app = typer.Typer()

NOT_READY = 1  # exit status of `status` where the service runs and is not ready
NOT_RUNNING = 3  # exit status of `status` where none runs
SIGNALLED = 128  # and the signal's number: exit status of a stop in which something had to be killed


class Role(StrEnum):
    """What this process does."""

    all = "all"
    api = "api"
    worker = "worker"


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    role: Annotated[
        Role,
        typer.Option(metavar="ROLE", help="all: keeps every process running; api or worker: is that one process."),
    ] = Role.all,
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where to listen. Default: CHAINWALLET_HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="0 for any free one. Default: CHAINWALLET_PORT, or 8420."),
    ] = None,
    currency: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="A currency to have, deployed on the local chain where it is missing; may be given several times. "
            "Default: those deployed, or EUR.",
        ),
    ] = None,
    rpc: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Your node, or several with commas. Default: a local chain of this home."),
    ] = None,
    relayers: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="How many senders carry payments side by side.")
    ] = None,
    confirmations: Annotated[
        int | None,
        typer.Option(
            metavar="BLOCKS", min=1, help="How deep is final. Default: 1 on a development chain, 5 on others."
        ),
    ] = None,
    listening: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    bell: Annotated[int | None, typer.Option("--bell", hidden=True)] = None,
) -> None:
    """Run the service until it is told to stop.

    Starts the HTTP interface, the worker that carries payments and follows the chain and, without --rpc, the local
    chain of this home. What is missing is made at the first start; what ends is started again. SIGTERM or SIGINT lets
    everything finish what is in hand, a second one does not. The log goes to stderr, one JSON object a line.
    """
    if context.invoked_subcommand is not None:
        return
    from chainwallet.serve.memory import keep_from_disk

    keep_from_disk()
    flags = {"rpc": rpc, "host": host, "port": port, "relayers": relayers, "confirmations": confirmations}
    config = config_of(context, **flags)
    match role:
        case Role.all:
            _serve_all(config, currency or [])
        case Role.api:
            _serve_api(config, listening, bell)
        case Role.worker:
            _serve_worker(config, bell)


@app.command("status")
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say whether the service of this home runs, and where.

    Exit status 0 ready, 1 running and not ready, 3 not running.
    """
    from chainwallet.home import Home
    from chainwallet.serve.place import running_note, what_is_behind

    note = running_note(Home(config_of(context).home))
    if note is None:
        state, code = "stopped", NOT_RUNNING
    else:
        state, code = ("ready", 0) if what_is_behind(note.url) is None else ("not ready", NOT_READY)
    if as_json:
        say_json({"state": state, **({} if note is None else vars(note))})
    elif note is None:
        print("not running; start it with `chainwallet serve`")
    else:
        print(f"{state} at {note.url}, process {note.pid}, since {note.started_at}")
    raise typer.Exit(code)


def _serve_all(config: "Config", currencies: list[str]) -> None:
    from chainwallet.home import Home
    from chainwallet.rules.money import currency_of
    from chainwallet.serve.place import held, listen, lock_of_service
    from chainwallet.serve.signals import StopSignals
    from chainwallet.serve.supervisor import Supervisor

    for code in currencies:
        currency_of(code)
    home = Home(config.home)
    home.create()
    with (
        StopSignals(second_ends=False) as stop,
        held(lock_of_service(home)) as hold,
        listen(config.host, config.port) as listening,
    ):
        supervisor = Supervisor(config, hold, listening, stop)
        in_order = supervisor.run(currencies, lambda deployed: _announce(supervisor.url, home, deployed))
    if not in_order:
        raise typer.Exit(SIGNALLED + stop.last)


def _serve_worker(config: "Config", bell: int | None) -> None:
    from chainwallet.serve.local_chain import with_node
    from chainwallet.serve.signals import StopSignals
    from chainwallet.serve.worker import work

    with StopSignals(second_ends=True) as stop:
        work(with_node(config), stop, bell)


def _serve_api(config: "Config", descriptor: int | None, bell: int | None) -> None:
    import socket

    from chainwallet.serve.api import answer
    from chainwallet.serve.local_chain import with_node
    from chainwallet.serve.place import listen
    from chainwallet.serve.signals import StopSignals

    listening = listen(config.host, config.port) if descriptor is None else socket.socket(fileno=descriptor)
    with StopSignals(second_ends=True) as stop, listening:
        answer(with_node(config), listening, stop, bell)


def _announce(url: str, home: "Home", deployed: "Manifest") -> None:
    """Says where things are, for a person."""
    from chainwallet.evm import checksum

    print(f"The service is ready (process {os.getpid()}; Ctrl-C stops it).\n")
    print(f"  API        {url}")
    print(f"  Reference  {url}/docs")
    print(f"  Health     {url}/readyz")
    print(f"  Home       {home.path}")
    print(f"  Chain      {deployed.chain.chain_id}")
    for contract in deployed.contracts:
        print(f"  {contract.currency}        {checksum(contract.address)}")
    for issuer in sorted({contract.issuer for contract in deployed.contracts}):
        print(f"  Issuer     {checksum(issuer)}, its key sealed in {home.keys / checksum(issuer)}.json")
    print("\nPeople sign up by the API; `chainwallet account role HANDLE issuer --grant` makes an issuer of one.")
    print(flush=True)
