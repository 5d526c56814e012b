"""The processes that ``chainwallet bench`` starts: its own verbs, which nobody else needs."""

import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import typer

from chainwallet.cli.terminal import config_of, say_json

_Payers = Annotated[int, typer.Option()]
_Rpc = Annotated[str, typer.Option()]
_Count = Annotated[int, typer.Option()]


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


def payments_accept(context: typer.Context, count: _Count, payers: _Payers, rpc: _Rpc) -> None:
    """The part of `bench payments` that accepts."""
    from chainwallet.assembly import connect, now_s, open_home
    from chainwallet.bench.parts import accept

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        accept(connection.desk(connection.cash(None)[0]), count, payers, now_s)


def payments_carry(context: typer.Context, payers: _Payers, rpc: _Rpc) -> None:
    """The part of `bench payments` that carries."""
    from chainwallet.assembly import connect, open_home
    from chainwallet.bench.parts import Carrier

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        Carrier(connection.tools, connection.indexer).run(payers)


def payments_loop(
    context: typer.Context, count: _Count, payers: _Payers, rpc: _Rpc, waits: Annotated[bool, typer.Option()]
) -> None:
    """A plain loop that `bench payments` compares with."""
    from chainwallet.assembly import connect, open_home
    from chainwallet.bench.loops import Loop

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        cash, _ = connection.cash(None)
    loop = Loop(rpc, cash.address, count, payers)
    name, seconds = ("waiting", loop.waiting()) if waits else ("unwaited", loop.unwaited())
    say_json({f"{name}_per_s": count / seconds, f"{name}_count": count})


def api_load(
    kind: Annotated[Literal["payments", "reads", "both"], typer.Option()], seconds: Annotated[float, typer.Option()]
) -> None:
    """The clients of `bench api`; who they are comes on stdin."""
    from chainwallet.bench.load import run

    say_json(run(kind, seconds, sys.stdin.read()))


VERBS: Mapping[str, Callable[..., None]] = {
    "index-once": index_once,
    "payments-accept": payments_accept,
    "payments-carry": payments_carry,
    "payments-loop": payments_loop,
    "api-load": api_load,
}
