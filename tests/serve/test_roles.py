"""Each role alone, on a node and a database that somebody else runs."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chainwallet.config import Limits
from chainwallet.manifest import read_every_manifest
from chainwallet.store import leases
from chainwallet.store.database import Database
from chainwallet.store.leases import Lease
from tests.cli.command import Command, note_of, wait_until
from tests.postgres import PostgresProcess
from tests.serve.service import is_ready, serving


@pytest.fixture
def command(tmp_path: Path, postgres: PostgresProcess) -> Iterator[Command]:
    """A home with a running chain, whose database is on a server."""
    with postgres.migrated() as url:
        command = Command(tmp_path / "home").with_settings(CHAINWALLET_DATABASE=url)
        command.said("chain", "up")
        yield command
        command.said("chain", "down")


def test_worker_and_api_run_apart_on_postgresql(command: Command) -> None:
    """Worker and API alone share a node and PostgreSQL; the lanes of a killed worker are its successor's at once."""
    rpc = note_of(command.home)["url"]
    command.said("deploy", "--currency", "EUR")
    with (
        closing(Database.open(command.settings["CHAINWALLET_DATABASE"])) as database,
        serving(command, "--role", "api", "--rpc", rpc, "--port", "0") as api,
    ):
        with serving(command, "--role", "worker", "--rpc", rpc) as killed:
            killed.wait_for("carries payments")
            wait_until(lambda: lane(command, database).holder == last_worker(command), "a worker that has the lane")
            url = api.wait_for("listens")["url"]
            wait_until(lambda: is_ready(url), "an API that is ready")
            refused = command.refusal("serve", "--role", "worker", "--rpc", rpc)
            assert refused == f"error: home {command.home}: in use by another worker\n"
            before = lane(command, database)
        with serving(command, "--role", "worker", "--rpc", rpc) as worker:
            worker.wait_for("carries payments")
            began = time.monotonic()
            wait_until(lambda: lane(command, database).holder == last_worker(command), "a worker that took it over")
            assert time.monotonic() - began < Limits.lease_s / 2
            assert lane(command, database).epoch == before.epoch + 1
            assert worker.told(signal.SIGTERM) == 0
        assert api.told(signal.SIGTERM) == 0


def last_worker(command: Command) -> str:
    """How the last worker of the home signs its leases."""
    return (command.home / "worker.lock").read_text("ascii")


def lane(command: Command, database: Database) -> Lease:
    """The lease of the sender that makes money on this home's chain."""
    (manifest,) = read_every_manifest(command.home / "manifests")
    with database.read() as tx:
        found = leases.find(tx, manifest.chain.key, manifest.contracts[0].issuer)
    assert found is not None
    return found
