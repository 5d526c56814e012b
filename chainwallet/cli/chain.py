"""``chainwallet chain``: a local chain of this home."""

import os
from typing import Annotated

import typer

from chainwallet.cli.terminal import alone, config_of, say_json

app = typer.Typer(
    help="A local chain of this home: start it, look at it, stop it.", invoke_without_command=True, callback=alone
)

DIED = 1  # exit status of `status` where Anvil ended by itself
NOT_RUNNING = 3  # exit status of `status` where nobody runs the chain, or it does not answer yet

Anvil = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="The Anvil binary. Default: CHAINWALLET_ANVIL, one on PATH, or the one this checkout installed.",
    ),
]


@app.command("up")
def up(
    context: typer.Context,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and run the chain until interrupted.")
    ] = False,
    anvil: Anvil = None,
) -> None:
    """Start the local chain, or go on with the saved one.

    Prints its address. It keeps running in the background until `chainwallet chain down`. Its state is saved within a
    second of each block.
    """
    from chainwallet import anvil as chains
    from chainwallet.assembly import supervisor_command
    from chainwallet.home import Home
    from chainwallet.rpc import Node
    from chainwallet.settings import secret_variables

    config = config_of(context, anvil=anvil)
    for name in secret_variables():
        os.environ.pop(name, None)  # what runs on in the background has no use for them
    home = Home(config.home)
    home.create()
    binary = chains.find_anvil(config.anvil)  # refuse here, not in the background
    if foreground:
        chains.supervise(home.chain, binary, Node)
        return
    running = chains.up(home.chain, supervisor_command(config), Node)
    print(f"running at {running.url}, chain id {running.chain_id}, block {running.block}")


@app.command("status")
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether the local chain runs, and where.

    Exit status 0 running, 1 died, 3 stopped or starting.
    """
    from chainwallet import anvil as chains
    from chainwallet.home import Home
    from chainwallet.rpc import Node

    found = chains.status(Home(config_of(context).home).chain, Node)
    match found:
        case chains.Running(url=url, chain_id=chain_id, pid=pid, block=block):
            line, code = f"running at {url}, chain id {chain_id}, block {block}, process {pid}", 0
        case chains.Starting(pid=pid):
            line, code = f"starting, process {pid}", NOT_RUNNING
        case chains.Died(reason=reason, at=at):
            line, code = f"died{f' at {at}' if at else ''}: {reason}", DIED
        case chains.Stopped(chain_id=None):
            line, code = "no local chain yet; start one with `chainwallet chain up`", NOT_RUNNING
        case chains.Stopped(chain_id=chain_id):
            line, code = f"stopped, chain id {chain_id}; go on with `chainwallet chain up`", NOT_RUNNING
    if as_json:
        say_json({"state": type(found).__name__.lower(), **vars(found)})
    else:
        print(line)
    raise typer.Exit(code)


@app.command("down")
def down(context: typer.Context) -> None:
    """Save the local chain and stop it."""
    from chainwallet import anvil as chains
    from chainwallet.home import Home

    was_running = chains.down(Home(config_of(context).home).chain)
    print("saved and stopped" if was_running else "was not running")
