"""Verbs for a person: the command ``chainwallet``.

Each module holds a family of verbs. They import what they need when called, so that help answers at once. Whatever
goes wrong is one line on stderr and an exit status of its own; stdout carries the answer and nothing else.
"""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Annotated, NoReturn

import typer

from chainwallet import __version__
from chainwallet.cli import (
    account,
    ask,
    balances,
    bench,
    bill,
    chain,
    clear,
    contracts,
    deploy,
    faults,
    group,
    index,
    interchange,
    money,
    payments,
    relayer,
    serve,
    service,
    settle,
    wallet,
)
from chainwallet.cli.ending import SIGNALLED, SIGNALS, end
from chainwallet.cli.terminal import say_error
from chainwallet.errors import ChainwalletError

REFUSED = 2

app = typer.Typer(
    name="chainwallet",
    help="A wallet ledger whose money lives in smart contracts: every movement is signed by its owner, and anyone can "
    "check it on the chain.\n\nExit status: 0 done, 1 done and not verified, 2 refused or out of reach; then one line "
    "on stderr says why.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(settle.demo)
app.command("pay")(money.pay)
app.command("balance")(money.balance)
app.command("topup")(money.topup)
app.command("withdraw")(service.withdraw)
app.command("history")(service.history)
app.command("deploy")(deploy.deploy)
app.command("faults")(faults.faults)
app.add_typer(serve.app, name="serve")
app.add_typer(account.app, name="account")
app.add_typer(service.keys, name="keys")
app.add_typer(ask.app, name="ask")
app.add_typer(group.app, name="group")
app.add_typer(bill.app, name="bill")
app.command("balances")(balances.balances)
app.add_typer(clear.app, name="clear")
app.add_typer(interchange.app, name="import")
app.command("export")(interchange.export)
app.add_typer(wallet.app, name="wallet")
app.add_typer(payments.app, name="payments")
app.add_typer(relayer.app, name="relayer")
app.add_typer(chain.app, name="chain")
app.add_typer(index.app, name="index")
app.add_typer(bench.app, name="bench")
app.add_typer(contracts.app, name="contracts")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"chainwallet {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    home: Annotated[
        str | None,
        typer.Option(
            metavar="DIRECTORY",
            help="Where wallets, keys and the local chain are kept. Default: CHAINWALLET_HOME, or your data directory.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="An SQLite file, or postgresql://USER@HOST/DATABASE. Default: CHAINWALLET_DATABASE, or in the home.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options for every verb."""
    del version  # its callback has answered
    context.obj = {"home": home, "database": database}
    if context.invoked_subcommand is None:
        print(context.get_help())


def main() -> NoReturn:
    """The console script."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are TextIOWrappers
    status = _run()
    sys.exit(status)


def _run() -> int:
    """Runs the verb that the arguments name; its exit status, after saying what went wrong."""
    try:
        status = app(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except SystemExit as ended:
        for note in _notes(ended):
            say_error(f"interrupted; {note}")
        is_unheard = isinstance(ended.__context__, BrokenPipeError)  # typer makes a SystemExit of it
        return _unheard() if is_unheard else int(ended.code or 0)
    except BrokenPipeError:
        return _unheard()
    except Exception as error:
        if sys.flags.dev_mode and not isinstance(error, ChainwalletError | typer.TyperException):
            raise  # python -X dev shows where
        say_error("; ".join([f"error: {_words(error)}", *_notes(error)]))
        _let_go_of_stdout()
        return REFUSED
    return int(status or 0)


def _notes(error: BaseException | None) -> Iterator[str]:
    """What was noted at ``error`` and at those that it came from: ending a local chain can replace one by another."""
    while error is not None:
        yield from getattr(error, "__notes__", ())
        error = error.__context__


def _unheard() -> int:
    """The exit status where nobody reads our stdout any more, as if the signal had ended us."""
    _let_go_of_stdout()
    return SIGNALLED + signal.SIGPIPE


def _let_go_of_stdout() -> None:
    """Writes what is left in the buffers, or drops it where stdout takes no more."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _words(error: Exception) -> str:
    match error:
        case ChainwalletError():
            return str(error)
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "chainwallet"
            return f"{error.format_message().removesuffix('.')}; see `{path} --help`"
        case typer.Abort():
            return "no answer at the terminal"
        case OSError(filename=filename, strerror=reason):
            return f"{filename}: {reason}" if filename else f"{reason or error}"
        case _ if _is_of_the_client(error):
            return str(error)
        case _:
            return f"a fault in chainwallet itself: {type(error).__name__}: {error}"


def _is_of_the_client(error: Exception) -> bool:
    from chainwallet.client import ClientError

    return isinstance(error, ClientError)
