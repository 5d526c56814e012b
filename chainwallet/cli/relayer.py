"""``chainwallet relayer``: carries payments to the chain until it is told to stop."""

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli.money import AsJson, Rpc
from chainwallet.cli.terminal import alone, config_of, say_error, say_json, told_to_stop, utc

if TYPE_CHECKING:
    from chainwallet.assembly import Connection, OpenHome

app = typer.Typer(
    help="Carry payments to the chain, and see how the relayer stands.", invoke_without_command=True, callback=alone
)

TROUBLE_PAUSE_S = 1.0  # after trouble with the node or the database
TOLD_AT_ONCE = 1_000  # lines of the journal

Confirmations = Annotated[
    int | None,
    typer.Option(metavar="BLOCKS", min=1, help="How deep is final. Default: 1 on a development chain, 5 on others."),
]
FeeCap = Annotated[
    int | None, typer.Option("--fee-cap-gwei", metavar="GWEI", min=1, help="The most to offer for a unit of gas.")
]


@app.command("run")
def run(
    context: typer.Context,
    rpc: Rpc = None,
    confirmations: Confirmations = None,
    fee_cap_gwei: FeeCap = None,
    batch_items: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="Most payments in one transaction.")
    ] = None,
    batch_wait_s: Annotated[
        int | None, typer.Option(metavar="SECONDS", min=0, help="How long a payment waits for others to join it.")
    ] = None,
    relayers: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="How many senders carry payments side by side.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing moves any more.")] = False,
) -> None:
    """Carry what is queued, and say what happens.

    Goes on until interrupted, through whatever trouble there is with the node. Several may run at once on one
    database: each sender is one process's at a time, and the senders of one that died are taken over.
    """
    from chainwallet.assembly import SENDERS, carriers, connect, open_home

    flags = {"confirmations": confirmations, "fee_cap_gwei": fee_cap_gwei, "relayers": relayers}
    config = config_of(context, rpc=rpc, batch_items=batch_items, batch_wait_s=batch_wait_s, **flags)
    with open_home(config) as home:  # alone, while keys may be made
        for name in (*SENDERS, *carriers(config)):
            home.service(name)
    stop = told_to_stop()
    with open_home(config, alone=False) as home, connect(home) as connection:
        print(f"carrying payments on chain {connection.chain.key}", flush=True)
        _carry(home, connection, stop, once=once)
    print("stopped; what is under way goes on with the next run", flush=True)


@app.command("status")
def status(context: typer.Context, rpc: Rpc = None, as_json: AsJson = False) -> None:
    """Say what senders wait for, conflicts, recoveries.

    A conflict is a transaction whose nonce somebody else used.
    """
    from chainwallet.assembly import connect, open_home
    from chainwallet.evm import checksum
    from chainwallet.store import lanes, recoveries, submissions

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        chain = connection.chain.key
        with home.database.read() as tx:
            states = lanes.every(tx, chain)
            under_way = {lane.sender: submissions.count_unfinished(tx, chain, lane.sender) for lane in states}
            conflicts = submissions.conflicts(tx, chain)
            recovering = recoveries.open_ones(tx, chain)
    if as_json:
        say_json(
            {
                "lanes": [
                    {"sender": checksum(lane.sender), "waits": lane.waits, "since": lane.since_s}
                    | {"underWay": under_way[lane.sender]}
                    for lane in states
                ],
                "conflicts": [{"submission": one.id, "key": one.key, "reason": _reason(one)} for one in conflicts],
                "recoveries": [{"why": one.why, "until": one.until_s} for one in recovering],
            }
        )
        return
    for lane in states:
        state = f"waits since {utc(lane.since_s)}: {lane.waits}" if lane.waits else "goes on"
        print(f"{checksum(lane.sender)}  {under_way[lane.sender]} under way, {state}")
    for one in conflicts:
        print(f"submission {one.id}  conflict: {_reason(one)}")
    for recovery in recovering:
        print(f"recovery until {utc(recovery.until_s)} of the chain's time: {recovery.why}")
    if not states:
        print("no relayer has worked on this chain yet; begin with `chainwallet relayer run`")


@app.command("recover")
def recover(context: typer.Context, rpc: Rpc = None) -> None:
    """End a recovery at once.

    Everything that wallets of this home may have signed and this database forgot is cancelled.

    Wallets whose owners sign elsewhere cannot be cancelled from here: while a recovery concerns them, or nobody knows
    whom it concerns and there are such wallets, it is waited out.
    """
    from chainwallet.assembly import connect, now_s, open_home
    from chainwallet.relayer.recovery import end
    from chainwallet.store import recoveries

    with open_home(config_of(context, rpc=rpc)) as home, connect(home) as connection:
        connection.worker.catch_up()
        connection.worker.relayer.tick()
        with home.database.read() as tx:
            found = recoveries.open_ones(tx, connection.chain.key)
        if not found:
            print("nothing to recover from: the database knows all that the chain does")
            return
        cancelled = connection.cancel_all_forgotten(now_s())
        end(connection.tools, list(found), "cancelled", connection.node.block_number())
    print(f"cancelled what {cancelled} wallets may have signed; payments go on")


# ------------------------------------------------------------------------------------------------ the loop


def _carry(home: "OpenHome", connection: "Connection", stop: threading.Event, *, once: bool) -> None:
    from chainwallet.errors import ChainMismatch, KeyServiceTrouble, NodeTrouble, StoreTrouble

    told = _newest(home, connection.chain.key)
    while not stop.is_set():
        try:
            moved = connection.worker.tick()
        except (NodeTrouble, ChainMismatch, StoreTrouble, KeyServiceTrouble) as trouble:
            if once:
                raise
            say_error(f"waits: {trouble}")
            stop.wait(TROUBLE_PAUSE_S)
            continue
        told = _tell(home, connection.chain.key, told)
        if moved:
            continue
        if once:
            return
        stop.wait(connection.limits.poll_ms / 1_000)


def _newest(home: "OpenHome", chain: str) -> int:
    from chainwallet.store import happenings

    with home.database.read() as tx:
        return happenings.newest(tx, chain)


def _tell(home: "OpenHome", chain: str, after: int) -> int:
    """Prints what happened since line ``after`` of the journal; the last line now."""
    from chainwallet.store import happenings

    with home.database.read() as tx:
        lines = happenings.latest(tx, chain, after, TOLD_AT_ONCE)
    for number, line in lines:
        what = f"submission {line.submission_id}" if line.promise is None else f"promise {line.promise}"
        print(f"{utc(line.at_s)}  {what}: {line.words}", flush=True)
        after = number
    return after


def _reason(submission: object) -> str:
    return str(getattr(getattr(submission, "stage", None), "reason", ""))
