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
from tests.cli.command import TIMEOUT_S, Command, note_of, wait_until
from tests.postgres import PostgresProcess
from tests.serve.service import is_ready, runs, serving


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


def test_a_start_that_cannot_succeed_says_why(tmp_path: Path) -> None:
    """With a node that does not answer the service does not start: exit status 2, why, and nothing is left running."""
    command = Command(tmp_path / "home")
    with serving(command, "--port", "0", "--rpc", "http://127.0.0.1:1") as service:
        assert service.process.wait(TIMEOUT_S) == 2
        words = service.log.read_text("utf-8").splitlines()
        assert "error: node http://127.0.0.1:1: unreachable (connection refused)" in words
        assert words[-1].startswith("error: service: its process ")
        assert service.out.read_text("utf-8") == ""
        assert not any(runs(service.pid_of(name)) for name in ("worker", "api"))


def last_worker(command: Command) -> str:
    """How the last worker of the home signs its leases."""
    return (command.home / "worker.lock").read_text("ascii").strip()


def lane(command: Command, database: Database) -> Lease:
    """The lease of the sender that makes money on this home's chain."""
    (manifest,) = read_every_manifest(command.home / "manifests")
    with database.read() as tx:
        found = leases.find(tx, manifest.chain.key, manifest.contracts[0].issuer)
    assert found is not None
    return found
