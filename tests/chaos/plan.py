"""What a run does, decided from its seed before it begins; and what must have happened in it at least once."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from chainwallet.faults import FAULTS
from tests.chaos import clients, others, processes
from tests.chaos.ground import Ground

Deed = Callable[[Ground], None]

OTHERS: tuple[Deed, ...] = (
    processes.pause_relayer,
    processes.kill_anvil,
    processes.kill_postgres,
    processes.restore,
    others.foreign_nonce,
    others.stuck,
    others.full_pool,
    others.stranger,
    clients.owner_asks_again,
    clients.expiry,
    clients.burst,
)
"""What is done beside kills and reorgs."""
SELDOM = 20  # kills, for one of each of the others

EVERYWHERE = (
    *("relayer killed -9", "relayer paused past its lease", "two relayers of one lane", "two relayers on one database"),
    *("node killed -9 and rewound", "reorg", "reorg deeper than final", "a nonce used behind our back"),
    *("a stuck fee bumped", "transactions of others in the pool", "a transaction refused by a full pool"),
    *("500 payments of one payer at once", "an item executed by a stranger first", "a skip provoked by a stranger"),
    *("a backup of an hour ago restored", "recovery waited out", "an external owner asks again"),
    "a document expires in the queue",
)
"""Deeds that are counted on every kind of database."""
ON_POSTGRES = ("PostgreSQL killed -9 and restarted",)
"""What an SQLite file cannot suffer: it has no server."""


@dataclass(frozen=True)
class Step:
    """So many payments are asked for, and then ``deed`` is done."""

    payments: int
    deed: Deed


def steps(seed: int, store: str, count: int, kills: int, reorgs: int) -> list[Step]:
    """The steps of a run of ``count`` payments: the same for the same seed."""
    deeds: list[Deed] = [*[processes.kill_relayer] * kills, *[others.reorg] * reorgs]
    for deed in OTHERS:
        if deed is not processes.kill_postgres or store == "postgres":
            deeds += [deed] * max(1, kills // SELDOM)
    dice = Random(f"{seed}: steps")  # noqa: S311 - chance that can be repeated is what is wanted
    dice.shuffle(deeds)
    asked = max(0, count - clients.BURST * deeds.count(clients.burst))
    cuts = sorted(dice.randrange(asked + 1) for _ in deeds[1:])
    shares = [upper - lower for lower, upper in zip([0, *cuts], [*cuts, asked], strict=True)]
    return [Step(share, deed) for share, deed in zip(shares, deeds, strict=True)]


def missing(ground: Ground, store: str) -> list[str]:
    """What should have happened in the run, and has not."""
    names = [*EVERYWHERE, *(ON_POSTGRES if store == "postgres" else ())]
    through = ground.proxy.counts
    return [name for name in names if not ground.injected[name]] + [name for name in FAULTS if not through[name]]
