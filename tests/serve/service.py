"""The service, run as its users run it, and what its log says."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.command import INSTALLED, TIMEOUT_S, Command, wait_until

Line = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """One process of ``chainwallet serve``: what it says on stdout and on stderr goes to files."""

    process: "subprocess.Popen[bytes]"
    out: Path
    log: Path

    @property
    def lines(self) -> list[Line]:
        """The log until now; last words of a process that ends by itself are no JSON."""
        whole = self.log.read_text("utf-8").split("\n")[:-1]
        return [json.loads(line) for line in whole if line.startswith("{")]

    def said(self, what: str) -> list[Line]:
        """The lines that say ``what``."""
        return [line for line in self.lines if line.get("what") == what]

    def wait_for(self, what: str, times: int = 1) -> Line:
        """Waits until it has said ``what`` so many times; the last of these lines."""

        def has_said() -> bool:
            has_ended = self.process.poll() is not None  # asked first: it may say it and end
            found = len(self.said(what)) >= times
            assert found or not has_ended, self.log.read_text("utf-8")
            return found

        wait_until(has_said, f"{what!r} in {self.log}")
        return self.said(what)[times - 1]

    def pid_of(self, name: str) -> int:
        """The process that was last started under ``name``."""
        return int(self.said(f"{name} started")[-1]["pid"])

    def told(self, number: signal.Signals) -> int:
        """Its exit status after this signal."""
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT_S)


@contextmanager
def serving(command: Command, *options: str) -> Iterator[Service]:
    """``chainwallet serve`` with ``options``; killed at the end of the block, if it still runs then."""
    place = command.home.with_name(f"{command.home.name}-{len(list(command.home.parent.iterdir()))}")
    out, log = place.with_suffix(".out"), place.with_suffix(".log")
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(
            [INSTALLED, "serve", *options],
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        yield Service(process, out, log)
    finally:
        process.kill()
        process.wait()


def answer(url: str) -> tuple[int, bytes]:
    """Status and body of what is answered there."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - our own service
        return response.status, response.read()


def is_ready(url: str) -> bool:
    """Whether the service there says that it is ready."""
    try:
        return answer(f"{url}/readyz")[0] == 200
    except OSError:
        return False


def runs(pid: int) -> bool:
    """Whether a process has this number and has not ended, as Linux tells it."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return False
    try:
        return stat.read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
