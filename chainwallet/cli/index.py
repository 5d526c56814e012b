"""``chainwallet index``: the verified history of the ledgers on a chain."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.money import AsJson, Rpc
from chainwallet.cli.terminal import alone, config_of, say_error, say_json, utc

if TYPE_CHECKING:
    from chainwallet.indexer import Progress
    from chainwallet.store.facts import Followed, Quarantine

app = typer.Typer(
    help="Follow the ledgers on a chain and verify what happens there.", invoke_without_command=True, callback=alone
)

POLL_S = 1.0
"""Pause at the chain's head, and after trouble."""
DIFFERS = 1  # exit status of `check`


@app.command("run")
def run(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop at the chain's head instead of waiting for more.")] = False,
    rpc: Rpc = None,
) -> None:
    """Take in the ledgers' events, block by verified block.

    A block's header, receipts and place in the chain are proved before anything of it is believed. Goes on until
    interrupted, through whatever trouble there is with the node. Several may run at once.
    """
    from chainwallet.assembly import connect, open_home
    from chainwallet.errors import ChainMismatch, NodeTrouble, StoreTrouble
    from chainwallet.indexer import StoodStill

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        indexer = connection.indexer()
        while True:
            try:
                progress = indexer.tick()
            except (NodeTrouble, ChainMismatch, StoreTrouble) as trouble:
                if once:
                    raise
                say_error(f"waits: {trouble}")
                time.sleep(POLL_S)
                continue
            line = _line(progress)
            if line:
                print(line, flush=True)
            if isinstance(progress, StoodStill):
                if once:
                    return
                time.sleep(POLL_S)


@app.command("status")
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say how far each ledger is followed.

    And why not further, and what nodes said that was not true.
    """
    from chainwallet.assembly import open_home
    from chainwallet.store import facts

    with open_home(config_of(context), alone=False) as home, home.database.read() as tx:
        followed = {token: facts.followed(tx, token) for token in facts.every_token(tx)}
        chains = sorted({token.partition("/")[0] for token in followed})
        waiting = {chain: facts.waiting(tx, chain) for chain in chains}
        quarantined = [lie for chain in chains for lie in facts.quarantined(tx, chain)]
    if as_json:
        say_json(
            {
                "followed": [_followed_document(token, one) for token, one in followed.items()],
                "quarantined": [_quarantine_document(lie) for lie in quarantined],
            }
        )
        return
    if not followed:
        print("nothing is followed yet; begin with `chainwallet index run`")
    for token, one in followed.items():
        print(f"{token}  block {one.number}, verified" if one else f"{token}  no block yet")
    for chain, reason in waiting.items():
        if reason:
            print(f"{chain}  waits since {utc(reason[1])}: {reason[0]}")
    for lie in quarantined:
        print(f"block {lie.block}  quarantined: {lie.node} said {lie.what} {lie.found}, expected {lie.expected}")


@app.command("check")
def check(context: typer.Context, rpc: Rpc = None, as_json: AsJson = False) -> None:
    """Compare events and state, account by account.

    What the verified events gave, and what the chain's state holds at the last verified block.

    Exit status 0 all agree, 1 some do not.
    """
    from chainwallet import history
    from chainwallet.assembly import connect, open_home
    from chainwallet.evm import to_hex

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        found = {
            cash.token: history.reconcile(connection.node, home.database, cash) for cash in connection.ledgers(None)
        }
    if as_json:
        say_json(
            {
                token: {
                    "block": one.block,
                    "hash": to_hex(one.block_hash),
                    "accounts": one.accounts,
                    "mismatches": [str(mismatch) for mismatch in one.mismatches],
                }
                for token, one in found.items()
            }
        )
    else:
        for token, one in found.items():
            agreed = "all agree" if not one.mismatches else f"{len(one.mismatches)} figures differ"
            print(f"{token}  {one.accounts} accounts at block {one.block}: {agreed}")
            for mismatch in one.mismatches:
                print(f"  {mismatch}")
    if any(one.mismatches for one in found.values()):
        raise typer.Exit(DIFFERS)


def _line(progress: "Progress") -> str:
    from chainwallet.indexer import TookIn, WentBack

    match progress:
        case TookIn(first, last, facts):
            return f"blocks {first} to {last}: verified, {facts} events"
        case WentBack(None, orphaned):
            return f"the chain begins anew: {orphaned} events are no longer on it"
        case WentBack(to, orphaned) if to is not None:
            return f"back to block {to.number}: {orphaned} events are no longer on the chain"
    return ""


def _followed_document(token: str, one: "Followed | None") -> dict[str, Any]:
    from chainwallet.evm import to_hex

    if one is None:
        return {"token": token, "block": None}
    return {
        "token": token,
        "block": one.number,
        "hash": to_hex(one.hash),
        "timestamp_s": one.timestamp_s,
        "waitsBecause": one.waits_because,
        "waitsSince_s": one.waits_since_s,
    }


def _quarantine_document(lie: "Quarantine") -> dict[str, Any]:
    return {"block": lie.block, "what": lie.what, "expected": lie.expected, "found": lie.found, "node": lie.node}
