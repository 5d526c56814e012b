"""``chainwallet chain``: a local chain of this home."""

import json
from pathlib import Path
from typing import Annotated

import typer

from chainwallet.cli.terminal import config_of

app = typer.Typer(help="A local chain of this home: start it, look at it, stop it.", no_args_is_help=True)

DIED = 1  # exit status of `status` and `up --foreground` where Anvil ended by itself


@app.command("up")
def up(
    context: typer.Context,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and run the chain until interrupted.")
    ] = False,
    anvil: Annotated[Path | None, typer.Option(help="The anvil binary to use.")] = None,
) -> None:
    """Start the local chain, or go on with the saved one, and print its address.

    It keeps running in the background until `chainwallet chain down`. Its state is saved within a second of each block.
    """
    from chainwallet import anvil as chains
    from chainwallet.assembly import supervisor_command
    from chainwallet.home import Home
    from chainwallet.rpc import Node

    config = config_of(context, anvil=anvil)
    home = Home(config.home)
    home.create()
    if foreground:
        chains.supervise(home.chain, chains.find_anvil(config.anvil), Node)
        return
    chains.find_anvil(config.anvil)  # refuse here, not in the background
    running = chains.up(home.chain, supervisor_command(config), Node)
    print(f"running at {running.url}, chain id {running.chain_id}, block {running.block}")


@app.command("status")
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether the local chain runs, and where. Exit status 0 running, 1 died, 3 stopped or starting."""
    from chainwallet import anvil as chains
    from chainwallet.home import Home
    from chainwallet.rpc import Node

    found = chains.status(Home(config_of(context).home).chain, Node)
    match found:
        case chains.Running(url=url, chain_id=chain_id, pid=pid, block=block):
            line, code = f"running at {url}, chain id {chain_id}, block {block}, process {pid}", 0
        case chains.Starting(pid=pid):
            line, code = f"starting, process {pid}", 3
        case chains.Died(reason=reason, at=at):
            line, code = f"died{f' at {at}' if at else ''}: {reason}", DIED
        case chains.Stopped(chain_id=None):
            line, code = "no local chain yet; start one with `chainwallet chain up`", 3
        case chains.Stopped(chain_id=chain_id):
            line, code = f"stopped, chain id {chain_id}; go on with `chainwallet chain up`", 3
    print(json.dumps({"state": type(found).__name__.lower(), **vars(found)}) if as_json else line)
    raise typer.Exit(code)


@app.command("down")
def down(context: typer.Context) -> None:
    """Save the local chain and stop it."""
    from chainwallet import anvil as chains
    from chainwallet.home import Home

    was_running = chains.down(Home(config_of(context).home).chain)
    print("saved and stopped" if was_running else "was not running")
