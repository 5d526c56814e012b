"""The contract and a model of it, driven together: docs/faults.md says how to drive them for longer."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chain.bench import Bench
from tests.machines.ledger import LedgerMachine

EXAMPLES = int(os.environ.get("CHAINWALLET_TEST_EXAMPLES", "10"))
STEPS = 30


def test_the_ledger_is_its_model(bench: Bench) -> None:
    """Whatever is delivered, replayed, cancelled, frozen, settled or undone: the contract is what the model says."""

    class Machine(LedgerMachine):
        pass

    Machine.bench = bench
    lengths = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            lengths,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.target, Phase.shrink),
        ),
    )
