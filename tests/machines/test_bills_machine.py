"""Bills of a group on one side, a simple model on the other, driven together."""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from chainwallet.store.database import Database
from tests.machines.bills import BillsMachine
from tests.machines.test_ledger_machine import EXAMPLES

STEPS = 20


def test_bills_become_what_their_people_say(tmp_path: Path) -> None:
    """Whatever members, viewers and strangers do with bills: states, debts, balances and refusals are the model's."""
    Database(tmp_path / "template").close()

    class Machine(BillsMachine):
        template, place = tmp_path / "template", tmp_path

    often = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    run_state_machine_as_test(Machine, settings=settings(often, suppress_health_check=list(HealthCheck)))
