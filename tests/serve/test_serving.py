"""``chainwallet serve`` on its embedded parts: it starts, goes on whatever is killed, and stops in order."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from chainwallet.accounts.tokens import hashed
from chainwallet.rules.handle import Handle
from chainwallet.serve.api import GRACE_S
from chainwallet.store import accounts, sessions
from chainwallet.store.database import Database
from chainwallet.store.sessions import Session
from tests.cli.command import TIMEOUT_S, Command, note_of, wait_until, wait_until_gone
from tests.serve.service import Service, answer, is_ready, runs, serving

PARTS = ("chain", "worker", "api")


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("serve") / "home")


@pytest.fixture(scope="module")
def service(command: Command) -> Iterator[Service]:
    """A service that was started on an empty home."""
    with serving(command, "--port", "0") as started:
        started.wait_for("ready")
        yield started


@pytest.fixture(scope="module")
def url(service: Service) -> str:
    return str(service.said("ready")[0]["url"])


def test_it_starts_on_an_empty_home_and_says_where_things_are(service: Service, command: Command, url: str) -> None:
    """On an empty home the service deploys EUR and says where API, reference, contracts and the issuer's key are."""
    wait_until(lambda: "Issuer" in service.out.read_text("utf-8"), "the announcement")
    (manifest,) = (command.home / "manifests").glob("*.json")
    (contract,) = json.loads(manifest.read_bytes())["contracts"]
    said = service.out.read_text("utf-8")
    for place in (url, f"{url}/docs", str(command.home), contract["address"], contract["issuer"]):
        assert place in said
    assert (command.home / "keys" / f"{contract['issuer']}.json").is_file()
    assert contract["currency"] == "EUR"
    assert answer(f"{url}/healthz")[0] == 200
    assert answer(f"{url}/readyz")[0] == 200


def test_its_status_is_told(service: Service, command: Command, url: str) -> None:
    """`serve status` says where the service is, and exits with 0 while it is ready."""
    status = command.json("serve", "status")
    assert (status["state"], status["url"], status["pid"]) == ("ready", url, service.process.pid)


def test_a_second_service_of_the_home_is_refused(service: Service, command: Command, url: str) -> None:
    """A home has one service: another one is refused and told where the first is."""
    said = command.refusal("serve", "--port", "0")
    assert said == f"error: home {command.home}: in use by a service at {url}, process {service.process.pid}\n"


def test_other_commands_work_beside_it(service: Service, command: Command) -> None:
    """While the service runs, `wallet new` and `topup` do not wait for it, and its worker may do their carrying."""
    assert service.process.poll() is None
    command.said("wallet", "new", "Ana")
    command.said("topup", "Ana", "12.50")
    assert Decimal(command.json("balance", "Ana")["balances"]["Ana"]["EUR"]) == Decimal("12.5")


def test_a_backup_taken_from_a_running_service_pays(service: Service, command: Command, tmp_path: Path) -> None:
    """A backup that was taken while the service ran, put back into an empty home, has the money and the keys to pay."""
    assert service.process.poll() is None
    home, restored = command.home, Command(tmp_path / "home")
    for directory in ("chain", "keys", "manifests"):
        (restored.home / directory).mkdir(mode=0o700, parents=True)
    for name in ("chain.json", "state.json.gz"):
        shutil.copy2(home / "chain" / name, restored.home / "chain")
    with (
        closing(sqlite3.connect(home / "chainwallet.db")) as origin,
        closing(sqlite3.connect(restored.home / "chainwallet.db")) as backup,
    ):
        origin.backup(backup)
    for pattern in ("keys/*.json", "keys/kek", "manifests/*"):
        for path in home.glob(pattern):
            shutil.copy2(path, restored.home / path.relative_to(home))
    restored.said("pay", "Ana", f"0x{'11' * 20}", "2.50")
    assert Decimal(restored.json("balance", "Ana")["balances"]["Ana"]["EUR"]) == Decimal(10)


def test_a_currency_that_is_deployed_meanwhile_is_taken_up(service: Service, command: Command, url: str) -> None:
    """What is deployed while the service runs is served without anybody starting it again, and can be topped up."""
    starts = len(service.said("carries payments"))
    command.said("deploy", "--currency", "JPY")
    assert service.wait_for("takes up what was deployed")["currencies"] == ["JPY"]
    service.wait_for("carries payments", starts + 1)
    wait_until(lambda: is_ready(url) and b'"JPY"' in answer(f"{url}/v1/network")[1], "a service with yen")
    command.said("topup", "Ana", "500", "--currency", "JPY")
    wait_until(lambda: b'"500"' in answer(f"{url}/v1/audit/supply?currency=JPY")[1], "yen in the verified history")


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_killed_process_is_started_again(service: Service, url: str, name: str) -> None:
    """When the API or the worker is killed it is started again, at the same address, and the service is ready again."""
    before, starts = service.pid_of(name), len(service.said(f"{name} started"))
    os.kill(before, signal.SIGKILL)
    after = service.wait_for(f"{name} started", starts + 1)["pid"]
    assert after != before
    if name == "worker":
        service.wait_for("carries payments", starts + 1)
    wait_until(lambda: is_ready(url), "a service that is ready")


@pytest.mark.parametrize("killed", ["chain", "anvil"])
def test_a_killed_chain_is_started_again_and_the_others_follow(
    service: Service, command: Command, url: str, killed: str
) -> None:
    """When the local chain is killed it goes on from its last save, and worker and API go on with it."""
    before = note_of(command.home)
    starts = len(service.said("carries payments"))
    os.kill(before["anvil_pid"] if killed == "anvil" else before["pid"], signal.SIGKILL)
    service.wait_for("carries payments", starts + 1)
    after = note_of(command.home)
    assert (after["chain_id"], after["anvil_pid"] != before["anvil_pid"]) == (before["chain_id"], True)
    wait_until(lambda: is_ready(url), "a service that is ready")


def test_no_process_outlives_a_killed_supervisor(service: Service, command: Command) -> None:
    """`kill -9` of the supervisor ends all its processes, Anvil too; a new service goes on and is stopped in order.

    A request that is under way then is answered, nothing is left running, and the exit status is 0.
    """
    pids = [service.pid_of(name) for name in PARTS]
    chain = note_of(command.home)
    assert all(map(runs, pids))
    service.process.kill()
    service.process.wait()
    wait_until(lambda: not any(map(runs, pids)), "the end of all processes")
    wait_until_gone(chain["url"])
    assert not runs(chain["anvil_pid"])
    assert command("serve", "status").returncode == 3
    with serving(command, "--port", "0") as again:
        again.wait_for("ready")
        assert not again.said("deploys")
        assert note_of(command.home)["chain_id"] == chain["chain_id"]
        pids = [*(again.pid_of(name) for name in PARTS), note_of(command.home)["anvil_pid"]]
        with half_asked(again.said("ready")[0]["url"]) as (connection, rest):
            again.process.send_signal(signal.SIGTERM)
            again.wait_for("stops")
            connection.sendall(rest)
            assert connection.recv(4096).startswith(b"HTTP/1.1 405 ")
        assert again.process.wait(TIMEOUT_S) == 0
        assert not any(map(runs, pids))
        assert [line["what"] for line in again.lines if "what" in line][-3:] == ["stops", "stopped", "stopped"]
    assert not (command.home / "chain" / "running.json").exists()


def test_a_second_signal_waits_for_nobody(service: Service, command: Command) -> None:
    """While a stop waits for a request, a second signal ends everything at once, with a status that says so."""
    service.process.kill()
    with serving(command, "--port", "0") as impatient:
        impatient.wait_for("ready")
        pids = [*(impatient.pid_of(name) for name in PARTS), note_of(command.home)["anvil_pid"]]
        with half_asked(impatient.said("ready")[0]["url"]):
            impatient.process.send_signal(signal.SIGTERM)
            impatient.wait_for("stops")
            assert impatient.told(signal.SIGTERM) == 128 + signal.SIGTERM
        assert impatient.said("kills api")
        wait_until(lambda: not any(map(runs, pids)), "the end of all processes")


def test_a_stop_ends_event_streams_at_once(service: Service, command: Command) -> None:
    """Who listens to events when the service is told to stop hears their end at once, and the service does not wait."""
    service.process.kill()
    token = f"cws_{'a' * 43}"
    with serving(command, "--port", "0") as stopping:
        url = stopping.wait_for("ready")["url"]
        sign_in(command, token)
        asked = Request(f"{url}/v1/events", headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our service
        with urlopen(asked, timeout=TIMEOUT_S) as stream:  # noqa: S310 - as above
            assert stream.readline() == b"retry: 2000\n"
            began_s = time.monotonic()
            assert stopping.told(signal.SIGTERM) == 0
            assert stream.read() == b""
        assert time.monotonic() - began_s < GRACE_S / 2


def sign_in(command: Command, token: str) -> None:
    """Gives the home an account that is signed in by ``token``."""
    now_s = int(time.time())
    with closing(Database.open(command.home / "chainwallet.db")) as database, database.transaction() as tx:
        account = accounts.add(tx, Handle("ana"), "no password", now_s)
        sessions.add(tx, Session("1", account.id, "here", now_s, now_s, now_s + 3_600), hashed(token))


@contextmanager
def half_asked(url: str) -> Iterator[tuple[socket.socket, bytes]]:
    """A connection on which half of a request was sent, and the other half."""
    body = json.dumps({"any": "thing"}).encode()
    head = f"POST /v1/network HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=TIMEOUT_S) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body[:5])
        yield connection, body[5:]
