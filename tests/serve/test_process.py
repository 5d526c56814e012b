"""One process of the service by itself, and what tells it to stop or to look."""

import asyncio
import os
import select
import signal
import sys
import time
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from chainwallet.config import Config, Limits
from chainwallet.errors import BadValue, HomeInUse
from chainwallet.home import Home
from chainwallet.serve import commands
from chainwallet.serve.place import Note, held, listen, lock_of_service, running_note, url_of
from chainwallet.serve.process import LONGEST_PAUSE_S, Command, Process, pause_s
from chainwallet.serve.signals import StopSignals
from chainwallet.serve.wake import Ringing, hear, make_bell, ring
from tests.cli.command import wait_until


def python(code: str) -> Command:
    return Command([sys.executable, "-S", "-c", code], dict(os.environ))


def test_pauses_grow_and_are_bounded() -> None:
    """A process that does not last is started after pauses that double, up to half a minute."""
    pauses = [pause_s(ends) for ends in range(1, 40)]
    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE_S == 30


def test_a_process_that_ends_is_started_after_its_pause(capfd: pytest.CaptureFixture[str]) -> None:
    """What ends by itself is not started before its pause is over; one that lasted a minute gets the shortest again."""
    now = [1000.0]
    process = Process("it", lambda: python("raise SystemExit(7)"), lambda: now[0])

    def ended() -> bool:
        process.tick()
        return process.pid is None

    for ends, pause in ((1, 0.2), (2, 0.4)):
        process.tick()
        wait_until(ended, "the end of the process")
        assert (process.ends, process.last_status) == (ends, 7)
        now[0] += pause - 0.01
        process.tick()
        assert process.pid is None
        now[0] += 0.02
    process.tick()
    now[0] += 61
    wait_until(ended, "the end of the process")
    assert process.ends == 1
    assert capfd.readouterr().err.count('"it started"') == 3


def test_one_that_is_to_start_again_does_so_without_a_pause(capfd: pytest.CaptureFixture[str]) -> None:
    """A process that we had end for a new start is started at once, and its end counts for nothing."""
    process = Process("it", lambda: python("import time; time.sleep(100)"), lambda: 0.0)
    process.tick()
    before = process.pid
    process.start_again()

    def is_another() -> bool:
        process.tick()
        return process.pid not in (before, None)

    wait_until(is_another, "another process")
    process.kill()
    assert process.ends == 0
    assert "ended by itself" not in capfd.readouterr().err


def test_a_signal_ends_a_wait() -> None:
    """Who waits is told of a signal to stop at once, however long the wait; a second one ends the process as usual."""
    with StopSignals(second_ends=True) as stop:
        signal.raise_signal(signal.SIGINT)
        began = time.monotonic()
        stop.wait(60)
        assert time.monotonic() - began < 30
        assert stop
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_bell_rings_after_changes_alone() -> None:
    """The worker is woken after an answer to POST or DELETE and not after one to GET; unheard rings do not add up."""
    hears, rings = make_bell()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": []})

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        pass

    def is_rung() -> bool:
        return bool(select.select([hears], [], [], 0)[0])

    for method, expected in (("GET", False), ("POST", True), ("DELETE", True)):
        asyncio.run(Ringing(app, lambda: ring(rings))({"type": "http", "method": method}, receive, send))
        assert is_rung() is expected
        hear(hears)
        assert not is_rung()
    for _ in range(100_000):
        ring(rings)
    with StopSignals(second_ends=False) as stop:
        began = time.monotonic()
        stop.wait(60, hears)
        assert time.monotonic() - began < 30
    os.close(hears)
    ring(rings)
    os.close(rings)


def test_a_lock_names_who_holds_it(tmp_path: Path) -> None:
    """A service's lock is refused to others with its address; what it noted counts only while the lock is held."""
    home = Home(tmp_path)
    note = Note("http://127.0.0.1:8420", 77, "2026-01-01T00:00:00+00:00", is_ready=True)
    with held(lock_of_service(home)) as hold:
        hold.write(note.text())
        assert running_note(home) == note
        with (
            pytest.raises(HomeInUse, match=r"a service at http://127.0.0.1:8420, process 77"),
            held(lock_of_service(home), wait_s=0),
        ):
            pass
    assert running_note(home) is None
    with held(lock_of_service(home)) as hold:
        assert hold.before == note.text()


def test_an_address_that_is_taken_or_none_is_refused() -> None:
    """A port where others listen and a host that is not this machine's are refused by name."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(BadValue, match=rf"port: got '127.0.0.1:{port}', expected a free"):
            listen("127.0.0.1", port)
    with pytest.raises(BadValue, match="host"):
        listen("no such host", 0)


def test_processes_do_not_get_the_deployers_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No way to the deployer's key is in the environment of the service's processes; what flags said is."""
    names = ("DEPLOYER_KEY", "PASSPHRASE", "KEYSTORE", "SIGNER_COMMAND")
    secrets = {f"CHAINWALLET_{name}": f"secret {name}" for name in names}
    for name, value in {**secrets, "CHAINWALLET_DATABASE": "of before", "CHAINWALLET_RELAYERS": "1"}.items():
        monkeypatch.setenv(name, value)
    database = "postgresql://me:hidden@host/db"
    config = Config(tmp_path, deployer_key="ab" * 32, database=database, relayers=3, limits=Limits(confirmations=7))
    told = {"CHAINWALLET_DATABASE": database, "CHAINWALLET_RELAYERS": "3", "CHAINWALLET_CONFIRMATIONS": "7"}
    told_others = {**told, "CHAINWALLET_RPC": "http://127.0.0.1:1"}
    for command, expected in (
        (commands.chain_command(config, 3), told),
        (commands.deploy_command(config, "http://127.0.0.1:1", ["EUR"], 3), told_others),
        (commands.worker_command(config, "http://127.0.0.1:1", 3, 4), told_others),
        (commands.api_command(config, "http://127.0.0.1:1", 3, 4, 5), told_others),
    ):
        assert not secrets.keys() & command.environ.keys()
        assert not {"ab" * 32, *secrets.values()} & set(command.environ.values())
        assert expected.items() <= command.environ.items()
        assert "hidden" not in " ".join(command.argv)
