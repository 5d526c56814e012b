"""Rules and store on one side, a model of the chain on the other, driven together."""

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from chainwallet.store.database import Database
from tests.machines.books import BooksMachine
from tests.machines.test_ledger_machine import EXAMPLES

STEPS = 20


def test_what_is_said_about_payments_is_true(tmp_path: Path) -> None:
    """Whatever is asked for, delivered, cancelled or undone: what is said about each payment is what the chain says."""
    Database(tmp_path / "template").close()

    class Machine(BooksMachine):
        template, place = tmp_path / "template", tmp_path

    often = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None)
    run_state_machine_as_test(Machine, settings=settings(often, suppress_health_check=list(HealthCheck)))
