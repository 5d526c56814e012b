"""A small piece of chaos in every test run; ``make chaos`` is the long one."""

from pathlib import Path

import pytest

from tests.chaos import clients, others, processes
from tests.chaos.ground import prepared
from tests.chaos.plan import OTHERS, Step, steps
from tests.chaos.run import run

SMALL = (
    Step(30, processes.kill_relayer),
    Step(10, others.reorg),
    Step(10, processes.kill_anvil),
    Step(10, clients.owner_asks_again),
)


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_little_of_everything(store: str, tmp_path: Path) -> None:
    """Relayers and node are killed, blocks are taken back and every request may fail: all is paid once."""
    planned = [*SMALL, *([Step(10, processes.kill_postgres)] if store == "postgres" else [])]
    with prepared(store, 5, tmp_path) as ground:
        report = run(ground, planned)
        assert report.problems == []
        assert report.figures["final"] == report.figures["asked"] == len(ground.orders)
        assert ground.injected["relayer killed -9"] == ground.injected["reorg"] == 1
        assert ground.injected["PostgreSQL killed -9 and restarted"] == (store == "postgres")


def test_a_run_is_decided_by_its_seed() -> None:
    """The same seed gives the same steps, another one others; all deeds and payments asked for are in them."""
    first, again, other = (steps(seed, "postgres", 5_000, 10, 10) for seed in (1, 1, 2))
    assert first == again != other
    for planned in (first, other):
        assert sum(step.payments for step in planned) == 5_000 - clients.BURST
        deeds = [step.deed for step in planned]
        assert {*OTHERS, processes.kill_relayer, others.reorg} == set(deeds)
        assert (deeds.count(processes.kill_relayer), deeds.count(others.reorg)) == (10, 10)
    assert processes.kill_postgres not in [step.deed for step in steps(1, "sqlite", 5_000, 10, 10)]
