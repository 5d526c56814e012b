"""Chaos: real workers, real nodes behind faults, a real database; everything fails, and all is paid once.

    python -m tests.chaos.run --count 50000 --kills 100 --reorgs 100 --store sqlite --seed 0

Prints how often each fault was really injected, and what the checker found, which shares no code with the product. The
exit status is 1 where a fault was never injected, or the checker has a problem.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chainwallet.errors import ChainwalletError
from chainwallet.evm import to_hex
from chainwallet.faults import Rates
from scripts.check_payments import Report, check, rows_of
from tests.chaos.clients import ask_for, ask_for_the_ended, stay_open
from tests.chaos.ground import CONFIRMATIONS, LOOK_S, Ground, prepared
from tests.chaos.plan import ON_POSTGRES, Step, missing, steps
from tests.chaos.processes import lanes_used

TRIES = 5  # of one deed, where the run's own questions meet trouble
ROUNDS = 5  # of asking again, at the end
SPARE_UNITS = 1_000


def run(ground: Ground, planned: list[Step]) -> Report:
    """The whole run, and what the checker says."""
    total = sum(step.payments for step in planned)
    ground.begin(units=total + SPARE_UNITS)
    for step in planned:
        ask_for(ground, step.payments)
        ground.say(step.deed.__name__)
        _done(ground, step)
        ground.crew.check()
        if ground.dice.random() < 0.3:
            ground.chain.save()
    return finish(ground)


def _done(ground: Ground, step: Step) -> None:
    for tried in range(1, TRIES + 1):
        try:
            step.deed(ground)
            stay_open(ground)
            return
        except (ChainwalletError, OSError) as trouble:
            if tried == TRIES:
                raise
            ground.say(f"{step.deed.__name__} again: {trouble}")


def finish(ground: Ground) -> Report:
    """Nothing fails any more. Everybody whose payment has expired asks again; all must end; then the checker looks."""
    ground.proxy.rates = Rates()
    for _ in range(ROUNDS):
        ground.wait_until(lambda: not ground.open(), "all has ended")
        ground.say("peace")
        if not ask_for_the_ended(ground):
            break
    ground.injected["two relayers on one database"] = lanes_used(ground) > 1
    with ground.pulse.held():  # what is compared stands still
        head = ground.bench.node.block_number()
        cursor = "SELECT min(number) FROM cursors"
        ground.wait_until(lambda: ground.count(cursor) == head and not ground.open(), "the head is followed")
        ground.crew.kill_all()
        time.sleep(LOOK_S)
        return check(ground.where, ground.chain.url, [_asked(order) for order in ground.orders], CONFIRMATIONS)


def _asked(order: Any) -> dict[str, Any]:
    payer, payee = to_hex(order.payer), to_hex(order.payee)
    return {"payer": payer, "payee": payee, "value": order.amount.token_units, "id": order.id}


def summary(ground: Ground, store: str, report: Report) -> dict[str, Any]:
    """What is printed at the end."""
    return {
        "seed": ground.seed,
        "injected": {name: int(times) for name, times in sorted(ground.injected.items())},
        "through the proxy": dict(ground.proxy.counts),
        "never injected": missing(ground, store),
        "cannot be here": [] if store == "postgres" else list(ON_POSTGRES),
        "ended unpaid": unpaid(ground),
        "checker": {"problems": len(report.problems), "first problems": report.problems[:20], **report.figures},
    }


def unpaid(ground: Ground) -> dict[str, str]:
    """By id, why payments ended without being paid; the first of them."""
    query = "SELECT id, reason FROM promises WHERE stage IN ('expired', 'canceled') ORDER BY number LIMIT 20"
    return {str(row["id"]): str(row["reason"]) for row in rows_of(ground.where, query)}


def standing(ground: Ground) -> dict[str, Any]:
    """What waits, and for what, where a run gets no further."""
    queries = {
        "payments": "SELECT stage, count(*) AS count, min(number) AS first FROM promises GROUP BY stage",
        "transactions": "SELECT stage, count(*) AS count, min(id) AS first, max(waits) AS waits FROM submissions "
        "GROUP BY stage",
        "lanes": "SELECT sender, waits, since_s FROM lanes",
        "leases": "SELECT sender, holder, epoch, expires_at_s FROM leases",
        "cursors": "SELECT number, moved_at_s, waits_because, waits_since_s FROM cursors",
        "recoveries": "SELECT * FROM recoveries WHERE ended_at_s IS NULL",
        "last happening": "SELECT * FROM happenings ORDER BY id DESC LIMIT 3",
    }
    found = {name: [dict(row) for row in rows_of(ground.where, query)] for name, query in queries.items()}
    return {"now_s": int(time.time()), "head": ground.bench.node.block_number(), **found}


@contextmanager
def _place(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="chainwallet-chaos-") as place:
        yield Path(place)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Carry payments through everything that can go wrong.")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--reorgs", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a new directory for what the run writes, which stays")
    given = parser.parse_args()
    print(f"seed {given.seed}", file=sys.stderr, flush=True)
    began = time.monotonic()
    with _place(given.keep) as place, prepared(given.store, given.seed, place) as ground:
        try:
            report = run(ground, steps(given.seed, given.store, given.count, given.kills, given.reorgs))
        except AssertionError:
            print(json.dumps(standing(ground), indent=2), file=sys.stderr)
            raise
        shown = summary(ground, given.store, report)
    print(json.dumps({**shown, "seconds": round(time.monotonic() - began)}, indent=2))
    return 1 if shown["never injected"] or report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
