"""Verbs for a person: the command ``chainwallet``.

Each module holds a family of verbs. They import what they need when called, so that help answers at once. An error of
ours is one line on stderr and exit status 2.
"""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from chainwallet import __version__
from chainwallet.cli import chain, deploy, money, settle, wallet
from chainwallet.errors import ChainwalletError

REFUSED = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
TERMINATED = 143  # 128 + SIGTERM

app = typer.Typer(
    name="chainwallet",
    help="A wallet ledger whose money lives in smart contracts: every movement is signed by its owner, and anyone can "
    "check it on the chain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(settle.demo)
app.command("pay")(money.pay)
app.command("balance")(money.balance)
app.command("topup")(money.topup)
app.command("deploy")(deploy.deploy)
app.add_typer(wallet.app, name="wallet")
app.add_typer(chain.app, name="chain")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"chainwallet {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Where wallets, keys and the local chain are kept. Default: CHAINWALLET_HOME, or your data directory."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options for every verb."""
    del version  # its callback has answered
    context.obj = {"home": home}


def main() -> NoReturn:
    """The console script."""
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except ChainwalletError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)  # an exception, so that a local chain run by this command is saved and stopped
