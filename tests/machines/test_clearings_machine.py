"""Plans of a group on a real chain on one side, a simple model on the other, driven together."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chain.bench import Bench
from tests.chain.clearing.friends import friends_of
from tests.machines.clearings import ClearingsMachine
from tests.machines.test_ledger_machine import EXAMPLES

STEPS = 20


def test_plans_settle_what_they_say_or_nothing(bench: Bench, tmp_path: Path) -> None:
    """Whoever signs, is dropped or spends the money meanwhile: a plan moves all its legs, or nobody's money."""
    friends_of(bench, owed={})
    worker = bench.worker()
    worker.catch_up()
    worker.relayer.close()
    template = tmp_path / "template"
    with closing(sqlite3.connect(bench.where)) as begun, closing(sqlite3.connect(template)) as copy:
        begun.backup(copy)

    class Machine(ClearingsMachine):
        place = tmp_path

    Machine.bench, Machine.template = bench, template
    lengths = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            lengths,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.target, Phase.shrink),
        ),
    )
