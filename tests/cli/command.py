"""The installed command, run as its users run it: a process of its own, a home of its own, no terminal."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from chainwallet import deployment, payments
from chainwallet.evm import parse_address
from chainwallet.rpc import Node
from tests.cli.forking import Forks

INSTALLED = Path(sys.executable).with_name("chainwallet")
TIMEOUT_S = 180.0  # a compiler on a busy machine takes a minute
POLL_S = 0.01
FORKS = Forks()

GROUP = """Date,Description,Category,Cost,Currency,Ana,Björn,由紀
2026-03-01,Ferry,Transportation,90.00,EUR,60.00,-30.00,-30.00
2026-03-02,Dinner,Dining out,30.00,EUR,-10.00,20.00,-10.00
2026-03-03,Total balance, , ,EUR,50.00,-10.00,-40.00
"""

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Command:
    """``chainwallet`` in ``home``; of the tester's own settings only ``CHAINWALLET_ANVIL`` is kept."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    """Where it is run; None for where the tests are."""

    @property
    def environment(self) -> dict[str, str]:
        """What the command finds in its environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAINWALLET_")}
        anvil = os.environ.get("CHAINWALLET_ANVIL")
        ours = {"CHAINWALLET_ANVIL": anvil} if anvil else {}
        return {**kept, **ours, "CHAINWALLET_HOME": str(self.home), **self.settings}

    def __call__(self, *arguments: str | Path) -> Done:
        """Runs to its end; in a fork, unless the settings are for Python's start."""
        if not any(name.startswith("PYTHON") for name in self.settings):
            return FORKS.run([str(one) for one in arguments], self.environment, self.directory or Path.cwd(), TIMEOUT_S)
        return subprocess.run(
            [INSTALLED, *arguments],
            env=self.environment,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def each(self, lines: Iterable[Sequence[str | Path]]) -> list[Done]:
        """Runs several to their ends, as many at once as this machine has processors."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda line: self(*line), lines))

    def json(self, *arguments: str | Path) -> Any:
        """What it prints with ``--json``, where all goes well."""
        done = self(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)

    def said(self, *arguments: str | Path) -> str:
        """What it prints where all goes well."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *arguments: str | Path) -> str:
        """The one line on stderr with which it refuses."""
        return refusal_in(self(*arguments))

    def begin(self, *arguments: str | Path, stdout: int | IO[str] = subprocess.PIPE) -> "subprocess.Popen[str]":
        """Starts it and leaves it running."""
        return subprocess.Popen(
            [INSTALLED, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def running(self, *arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
        """It runs inside the block, and no longer, whatever happens there."""
        with self.begin(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    def with_settings(self, **settings: str | Path) -> "Command":
        """The same home with further variables in the environment."""
        return replace(self, settings={**self.settings, **{name: str(value) for name, value in settings.items()}})

    def inside(self, directory: Path) -> "Command":
        """The same, run in ``directory``."""
        return replace(self, directory=directory)


def refusal_in(done: Done) -> str:
    """The one line on stderr of a command that refused and printed nothing else."""
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Waits for ``condition``; fails after a minute."""
    give_up_at = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        time.sleep(POLL_S)


def interrupted_at(running: "subprocess.Popen[str]", line: str, number: signal.Signals) -> tuple[int, str]:
    """Sends the signal when ``line`` shows on stderr; the exit status and all of stderr."""
    stream: IO[str] | None = running.stderr
    assert stream is not None
    seen = []
    for said in stream:
        seen.append(said)
        if line in said:
            break
    running.send_signal(number)
    _, rest = running.communicate(timeout=TIMEOUT_S)
    return running.returncode, "".join(seen) + rest


def addresses(command: Command) -> dict[str, str]:
    """The addresses of all wallets of the home by their names."""
    with sqlite3.connect(command.home / "chainwallet.db") as database:
        return dict(database.execute("SELECT name, address FROM wallets ORDER BY name").fetchall())


def held(command: Command) -> dict[str, Decimal]:
    """What each wallet of a home whose chain runs holds in EUR, by the chain itself."""
    people = {name: address for name, address in addresses(command).items() if not name.startswith("service ")}
    with Node(note_of(command.home)["url"]) as node:
        cash, _ = deployment.open_cash(node, command.home / "manifests", "EUR")
        return {
            name: Decimal(payments.balance_text(node, cash, parse_address(address))) for name, address in people.items()
        }


def note_of(home: Path) -> dict[str, Any]:
    """Where the local chain of ``home`` answers, and whose processes they are, by its own note."""
    note: dict[str, Any] = json.loads((home / "chain" / "running.json").read_bytes())
    return note


def is_answering(url: str) -> bool:
    """Whether anything takes connections at ``url``."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) == 0


def wait_until_gone(url: str) -> None:
    """Waits until nothing answers at ``url`` any more."""
    wait_until(lambda: not is_answering(url), f"the end of Anvil at {url}")
