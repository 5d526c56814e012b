"""One process of the service: started, started again when it ends, and ended with us, however we end."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainwallet.anvil import launcher
from chainwallet.anvil.child import TIE
from chainwallet.serve.log import say

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
LASTED_S = 60.0
"""A process that lived so long begins with the shortest pause again."""


@dataclass(frozen=True)
class Command:
    """What is run: its words, what its environment has, and the descriptors that it gets under their numbers."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    descriptors: tuple[int, ...] = ()


def pause_s(ends: int) -> float:
    """How long to wait before a process is started that ended ``ends`` times without lasting."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(max(0, ends - 1), 16))


def spawn(command: Command, *, quiet: bool = False) -> "subprocess.Popen[bytes]":
    """Starts ``command`` in a session of its own, tied to this thread's life.

    What it says goes to our stderr; where ``quiet``, only what it says on its own stderr.
    """
    return subprocess.Popen(  # noqa: S603 - our launcher and our own commands
        [sys.executable, "-I", "-S", str(Path(launcher.__file__)), TIE, str(os.getpid()), *command.argv],
        env=dict(command.environ),
        stdin=subprocess.PIPE if TIE == "pipe" else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else sys.stderr,
        pass_fds=command.descriptors,
        start_new_session=True,  # Ctrl-C at a terminal reaches us alone: we stop them in order
    )


class Process:
    """The process ``name``; ``command`` gives what is run, asked anew at each start. For one thread."""

    def __init__(self, name: str, command: Callable[[], Command], monotonic_s: Callable[[], float]) -> None:
        self.name = name
        self.ends = 0
        """How often it ended by itself without lasting."""
        self.last_status: int | None = None
        self._command = command
        self._monotonic_s = monotonic_s
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at_s = 0.0
        self._start_at_s = 0.0
        self._is_to_start_again = False

    @property
    def pid(self) -> int | None:
        """Its process id while it runs, as far as we have noticed."""
        return None if self._process is None else self._process.pid

    def tick(self) -> None:
        """Notices its end, and starts it when it is time."""
        now_s = self._monotonic_s()
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return
            self._forget(status)
            if self._is_to_start_again:
                self._is_to_start_again = False
                return
            self.ends = 1 if now_s - self._started_at_s >= LASTED_S else self.ends + 1
            self._pause(now_s, "ended by itself", status=status)
        if now_s >= self._start_at_s:
            self._start(now_s)

    def _start(self, now_s: float) -> None:
        try:
            self._process = spawn(self._command())
        except OSError as error:  # no memory, or no more processes: there may be later
            self.ends += 1
            self._pause(now_s, f"does not start: {error.strerror}")
            return
        self._started_at_s = now_s
        say("supervisor", f"{self.name} started", pid=self._process.pid)

    def _pause(self, now_s: float, what: str, **more: object) -> None:
        wait_s = pause_s(self.ends)
        self._start_at_s = now_s + wait_s
        say("supervisor", f"{self.name} {what}", **more, starts_in_s=wait_s)

    def ask_to_end(self) -> None:
        """Tells it to finish what is in hand and end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def start_again(self) -> None:
        """As ``ask_to_end``; then ``tick`` starts it anew, without a pause."""
        self._is_to_start_again = self._process is not None
        self.ask_to_end()

    def has_ended(self) -> bool:
        """Whether it does not run; it is not started by this."""
        if self._process is not None:
            status = self._process.poll()
            if status is not None:
                self._forget(status)
        return self._process is None

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._forget(self._process.wait())

    def _forget(self, status: int) -> None:
        assert self._process is not None  # noqa: S101 - callers have looked
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.last_status = status
        self._process = None
