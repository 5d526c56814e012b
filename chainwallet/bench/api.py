"""How fast the HTTP service is: payments accepted and carried to final, and reads, under load on the same machine.

The service is run as its users run it, on a chain made for it; its clients are a process of their own (``load``).
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainwallet.accounts.tokens import SESSION, hashed, new_token
from chainwallet.bench.chain import give
from chainwallet.bench.load import Person
from chainwallet.bench.memory import status_kb
from chainwallet.errors import NodeRefused
from chainwallet.evm import Address
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import Handle
from chainwallet.store import account_wallets, accounts, promises, sessions
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.database import Database
from chainwallet.store.sessions import Session
from chainwallet.wallets import Wallets

UNITS_EACH = 10**10  # what everybody holds at the beginning, in token units
SESSION_S = 86_400
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 300
LOOK_S = 0.1  # between two looks
PATIENCE_S = 120  # how long nothing may become final before what is missing is given up
RATE_PER_MINUTE = 10**9  # no bound: all clients have one address
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What a run found. ``_per_s`` is by the clock on the wall; ``_cpu_ms`` is one request's or payment's share."""

    accepted_per_s: float
    accept_p50_ms: float
    accept_p99_ms: float
    final_per_s: float
    """From the first request until the last payment was final."""
    reads_per_s: float
    read_p99_ms: float
    errors: int
    """Requests that did not succeed, and payments that were accepted and did not become final."""
    accepted: int
    reads: int
    seconds: float
    people: int
    connections: int
    accept_api_cpu_ms: float
    accept_load_cpu_ms: float
    final_worker_cpu_ms: float
    read_api_cpu_ms: float
    read_load_cpu_ms: float
    rss_start_mb: dict[str, int]
    """Of ``api`` and ``worker``, before the first request."""
    rss_end_mb: dict[str, int]
    peak_rss_mb: dict[str, int]
    notes: tuple[str, ...]
    """What some of the errors were."""


@dataclass(frozen=True)
class Crowd:
    """People with accounts, managed wallets and open sessions."""

    people: tuple[Person, ...]
    addresses: tuple[Address, ...]


def settle(database: Database, wallets: Wallets, count: int, now_s: int) -> Crowd:
    """Makes ``count`` people. They have no passwords: nobody signs in again."""
    people: list[Person] = []
    owned = [wallets.create(f"bench {number}", now_s, "person") for number in range(count)]
    with database.transaction() as tx:
        for number, wallet in enumerate(owned):
            person = Person(f"bench{number}", new_token(SESSION, os.urandom))
            account = accounts.add(tx, Handle(person.handle), "no password", now_s)
            account_wallets.add(tx, OwnWallet(wallet, account.id, is_default=True, added_at_s=now_s))
            session = Session(f"bench {number}", account.id, "here", now_s, now_s, now_s + SESSION_S)
            sessions.add(tx, session, hashed(person.token))
            people.append(person)
    return Crowd(tuple(people), tuple(wallet.address for wallet in owned))


def fund(node: Node, cash: Cash, crowd: Crowd) -> None:
    """Gives everybody something to pay with."""
    give(node, cash, crowd.addresses, UNITS_EACH)


# ------------------------------------------------------------------------------------------------ the service


@dataclass(frozen=True)
class Running:
    """The running service: where it answers, and its processes by name."""

    url: str
    pids: Mapping[str, int]

    def cpu_s(self, name: str) -> float:
        """Seconds that a process has used a processor until now, as Linux tells it."""
        fields = Path(f"/proc/{self.pids[name]}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def memory_mb(self, kind: str) -> dict[str, int]:
        """By process, its memory now (``VmRSS``) or at most until now (``VmHWM``)."""
        return {name: status_kb(pid, kind) // 1_024 for name, pid in self.pids.items()}


@contextmanager
def serving(command: Sequence[str], log: Path) -> Iterator[Running]:
    """Runs the service by ``command``, without bounds of rates; raises ``NodeRefused`` where it does not start."""
    rates = ("ADDRESS_PER_MINUTE", "ACCOUNT_PER_MINUTE")
    environment = {**os.environ, **{f"CHAINWALLET_{name}": str(RATE_PER_MINUTE) for name in rates}}
    with (
        log.open("wb") as stderr,
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr) as process,  # noqa: S603 - our own
    ):
        try:
            yield _ready(process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(process: "subprocess.Popen[bytes]", log: Path) -> Running:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at and process.poll() is None:
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.endswith("}")]
        ready = [line["url"] for line in lines if line.get("what") == "ready"]
        if ready:
            pids = {
                name: line["pid"]
                for name in ("api", "worker")
                for line in lines
                if line.get("what") == f"{name} started"
            }
            return Running(ready[0], pids)
        time.sleep(LOOK_S)
    raise NodeRefused("bench", process.poll() or 0, f"the service does not start: {log.read_text('utf-8')[-500:]}")


# ------------------------------------------------------------------------------------------------ measuring


@dataclass(frozen=True)
class Measuring:
    """Puts load on ``service``; ``part`` is the command of a process that does, by its words."""

    service: Running
    database: Database
    cash: Cash
    crowd: Crowd
    connections: int
    part: Callable[..., list[str]]

    def figures(self, seconds: float) -> Figures:
        """Payments for ``seconds`` and until they are final, then reads for ``seconds``."""
        rss_start_mb = self.service.memory_mb("VmRSS")
        worker_s = self.service.cpu_s("worker")
        paid, paid_cpu_s = self._load("payments", seconds)
        ended_s, missing = self.until_final()
        worker_s = self.service.cpu_s("worker") - worker_s
        read, read_cpu_s = self._load("reads", seconds)
        accepted, reads = max(1, paid["count"]), max(1, read["count"])
        return Figures(
            accepted_per_s=round(paid["per_s"], 1),
            accept_p50_ms=round(1_000 * paid["p50_s"], 1),
            accept_p99_ms=round(1_000 * paid["p99_s"], 1),
            final_per_s=round((paid["count"] - missing) / (ended_s - paid["began_s"]), 1),
            reads_per_s=round(read["per_s"], 1),
            read_p99_ms=round(1_000 * read["p99_s"], 1),
            errors=paid["errors"] + read["errors"] + missing,
            accepted=paid["count"],
            reads=read["count"],
            seconds=seconds,
            people=len(self.crowd.people),
            connections=self.connections,
            accept_api_cpu_ms=round(1_000 * paid_cpu_s / accepted, 3),
            accept_load_cpu_ms=round(1_000 * paid["load_cpu_s"] / accepted, 3),
            final_worker_cpu_ms=round(1_000 * worker_s / accepted, 3),
            read_api_cpu_ms=round(1_000 * read_cpu_s / reads, 3),
            read_load_cpu_ms=round(1_000 * read["load_cpu_s"] / reads, 3),
            rss_start_mb=rss_start_mb,
            rss_end_mb=self.service.memory_mb("VmRSS"),
            peak_rss_mb=self.service.memory_mb("VmHWM"),
            notes=(*paid["notes"], *read["notes"]),
        )

    def _load(self, kind: str, seconds: float) -> tuple[dict[str, Any], float]:
        """What the clients said at their end, and how long the API used a processor for them."""
        before_s = self.service.cpu_s("api")
        return self.load(kind, seconds), self.service.cpu_s("api") - before_s

    def load(self, kind: str, seconds: float, per_s: int | None = None) -> dict[str, Any]:
        """Puts ``kind`` of load on the service, at most ``per_s`` times a second; what the clients said at their end.

        Raises ``NodeRefused`` where they ended otherwise.
        """
        told = {
            "url": self.service.url,
            "people": [asdict(person) for person in self.crowd.people],
            "currency": self.cash.currency.code,
            "connections": self.connections,
            "per_s": per_s,
        }
        done = subprocess.run(  # noqa: S603 - our own
            self.part("api-load", "--kind", kind, "--seconds", str(seconds)),
            input=json.dumps(told),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NodeRefused("bench", done.returncode, "its clients ended; why is above")
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    def until_final(self) -> tuple[float, int]:
        """When the last payment became final, and how many have not; by the monotonic clock."""
        moved_s, last = time.monotonic(), -1
        while time.monotonic() - moved_s < PATIENCE_S:
            with self.database.read() as tx:
                live = promises.count_live(tx, self.cash.token)
            if live == 0:
                return time.monotonic(), 0
            if live != last:
                moved_s, last = time.monotonic(), live
            time.sleep(LOOK_S)
        return moved_s, last
