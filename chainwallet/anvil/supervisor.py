"""The local chain beyond one command: a supervisor process runs it; others ask for it, find it and put it down."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Self
from urllib.parse import urlsplit

from chainwallet.anvil.chain import OpenChain, RunningChain
from chainwallet.anvil.child import STOP_TIMEOUT_S, Connect, is_listening, log_tail
from chainwallet.anvil.directory import ChainDirectory, Purpose, RunningNote
from chainwallet.errors import (
    BadValue,
    HomeInUse,
    HomeNotWritable,
    Installation,
    LocalChainDied,
    NodeTrouble,
    NodeUnreachable,
)
from chainwallet.evm import BlockNumber

TICK_S = 0.2
SAVE_INTERVAL_S = 1.0
SAVE_SHARE = 10
"""Saving takes at most about one part in this many of the supervisor's time."""
UP_TIMEOUT_S = 90.0
DOWN_TIMEOUT_S = 150.0
"""Longer than the longest save; then the supervisor is killed and the last save stands."""
POLL_S = 0.02


@dataclass(frozen=True)
class Stopped:
    """Nobody runs the chain; ``chain_id`` is the saved chain's, None when there is none."""

    chain_id: int | None


@dataclass(frozen=True)
class Starting:
    """Process ``pid`` owns the chain and it does not answer yet."""

    pid: int


@dataclass(frozen=True)
class Running:
    """The chain answers at ``url``; ``block`` is its head, None when it did not answer just now."""

    url: str
    chain_id: int
    pid: int
    anvil_pid: int
    supervised: bool
    started_at: str
    block: BlockNumber | None


@dataclass(frozen=True)
class Died:
    """The chain ended without being put down: why, and when, where that is known."""

    reason: str
    at: str | None


Status = Stopped | Starting | Running | Died


class Supervisor:
    """What a supervisor does again and again: hear of a death, and save what is new."""

    def __init__(self, chain: RunningChain, say: Callable[[str], None]) -> None:
        self._chain = chain
        self._say = say
        self._said = ""
        self._save_at = 0.0

    def tick(self) -> None:
        """Look once; raises ``LocalChainDied``. A save that fails is said once and tried again."""
        self._chain.check_alive()
        self._chain.bound_log()
        if time.monotonic() < self._save_at:
            return
        try:
            self._chain.save()
            self._said = ""
        except (NodeTrouble, HomeNotWritable) as error:
            if str(error) != self._said:
                self._said = str(error)
                self._say(f"chain not saved: {error}")
        self._save_at = time.monotonic() + max(SAVE_INTERVAL_S, SAVE_SHARE * self._chain.save_took_s)


class _StopSignals:
    """SIGTERM, SIGINT and SIGHUP as one waitable wish to stop, for as long as this context lasts."""

    def __enter__(self) -> Self:
        self._heard, self._heard_by_handler = os.pipe()
        names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        self._before = [(name, signal.signal(name, self._handle)) for name in names]
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._before:
            signal.signal(name, handler)
        os.close(self._heard)
        os.close(self._heard_by_handler)

    def wait(self, timeout_s: float) -> bool:
        """Whether a signal has come, waiting at most ``timeout_s`` for it."""
        return bool(select.select([self._heard], [], [], timeout_s)[0])

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        os.write(self._heard_by_handler, b"!")


def _say_on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def supervise(
    chain_dir: Path,
    anvil: Path,
    connect: Connect,
    *,
    chain_id: int | None = None,
    purpose: Purpose = "own",
    say: Callable[[str], None] = _say_on_stderr,
) -> None:
    """Run the chain in the foreground until SIGTERM, SIGINT or SIGHUP, then save and stop it. Main thread only.

    Raises what ``RunningChain.start`` raises, and ``LocalChainDied`` when Anvil ends by itself; both leave a note for
    ``status`` and ``up``.
    """
    directory = ChainDirectory(chain_dir)
    try:
        with (
            _StopSignals() as stop,
            RunningChain.start(chain_dir, anvil, connect, chain_id=chain_id, purpose=purpose, supervised=True) as chain,
        ):
            directory.forget_died()
            supervisor = Supervisor(chain, say)
            while not stop.wait(TICK_S):
                supervisor.tick()
    except HomeInUse:
        raise  # the chain is another's, and so are its notes
    except Installation as error:
        directory.note_died(error)
        raise


def status(chain_dir: Path, connect: Connect) -> Status:
    """What is so now, by the lock that the kernel takes from a dead process, not by what files say."""
    directory = ChainDirectory(chain_dir)
    owner = directory.owner_pid()
    note = directory.running()
    if owner is not None:
        if note is None or note.pid != owner:
            return Starting(owner)
        return Running(**vars(note), block=_head(note.url, connect))
    died = directory.died()
    if died is not None:
        return Died(str(died.error), died.at)
    if note is not None:
        return Died(f"process {note.pid}, which ran it, was killed; the chain stands as last saved", None)
    identity = directory.identity()
    return Stopped(identity.chain_id if identity else None)


def up(chain_dir: Path, argv: Sequence[str], connect: Connect, timeout_s: float = UP_TIMEOUT_S) -> Running:
    """Have a supervisor run the chain, and wait until it answers; a chain that runs already is returned as it is.

    ``argv`` is the command that calls ``supervise`` on this directory; it outlives this process. Raises the error
    that the supervisor ended with, ``HomeInUse`` when one command runs the chain for itself, and ``NodeUnreachable``
    when nothing answers within ``timeout_s``.
    """
    directory = ChainDirectory(chain_dir)
    directory.make()
    pid = None
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        now = status(chain_dir, connect)
        match now:
            case Running(supervised=True, block=block) if block is not None:
                if pid not in (None, now.pid):
                    _withdraw(pid)
                return now
            case Running(supervised=False):
                raise HomeInUse(str(chain_dir), f"process {now.pid}, for the length of one command")
            case Stopped() | Died() if pid is None:
                directory.forget_died()
                pid = _spawn(argv, directory.supervisor_log)
            case Stopped() | Died() if pid and _has_ended(pid) and directory.owner_pid() is None:
                died = directory.died()
                raise died.error if died else LocalChainDied(1, log_tail(directory.supervisor_log))
        time.sleep(POLL_S)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
    raise NodeUnreachable(str(chain_dir), f"the local chain does not answer within {timeout_s:g} s")


def down(chain_dir: Path, timeout_s: float = DOWN_TIMEOUT_S) -> bool:
    """Have the supervisor save and stop the chain, and wait until Anvil is gone; whether anything was running.

    Raises ``HomeInUse`` when one command runs the chain for itself.
    """
    directory = ChainDirectory(chain_dir)
    if not chain_dir.is_dir():
        return False
    note = _settled_note(directory)
    if note is not None and not note.supervised:
        raise HomeInUse(str(chain_dir), f"process {note.pid}, for the length of one command")
    if note is not None:
        _signal(note.pid, signal.SIGTERM)
        if not _wait_until(lambda: directory.owner_pid() != note.pid, timeout_s):
            _signal(note.pid, signal.SIGKILL)
        port = urlsplit(note.url).port or 0
        _wait_until(lambda: directory.owner_pid() != note.pid and not is_listening(port), STOP_TIMEOUT_S)
    directory.acquire()
    directory.forget_running()
    directory.forget_died()
    directory.release()
    return note is not None


@dataclass(frozen=True)
class SupervisedChain:
    """A local chain that another process runs."""

    url: str
    chain_id: int
    chain_dir: Path
    supervised: bool = True

    def check_alive(self) -> None:
        """Raise ``LocalChainDied`` when the chain, or its supervisor, has ended."""
        directory = ChainDirectory(self.chain_dir)
        note = directory.running()
        if note is None or note.url != self.url or directory.owner_pid() != note.pid:
            died = directory.died()
            raise died.error if died else LocalChainDied(-signal.SIGKILL, "its supervisor has ended")

    def save(self) -> None:
        """Nothing to do: the supervisor saves within a second of a new block."""


@contextmanager
def open_chain(
    chain_dir: Path, anvil: Path, connect: Connect, *, chain_id: int | None = None, purpose: Purpose = "own"
) -> Iterator[OpenChain]:
    """The chain of ``chain_dir``: the supervised one if it runs, else run by this process while the context lasts.

    Raises what ``RunningChain.start`` raises; ``LocalChainDied`` replaces ``NodeTrouble`` when the chain has ended.
    """
    note = _settled_note(ChainDirectory(chain_dir))
    if note is None or not note.supervised:
        with RunningChain.start(chain_dir, anvil, connect, chain_id=chain_id, purpose=purpose) as chain:
            yield chain
        return
    if chain_id not in (None, note.chain_id):
        raise BadValue("chain_id", chain_id, f"{note.chain_id}, the id of the running chain")
    supervised = SupervisedChain(note.url, note.chain_id, chain_dir)
    try:
        yield supervised
    except NodeTrouble:
        supervised.check_alive()
        raise


def _settled_note(directory: ChainDirectory) -> RunningNote | None:
    """The note of the process that owns the chain, waiting while it starts; None when nobody owns it."""
    give_up_at = time.monotonic() + UP_TIMEOUT_S
    while time.monotonic() < give_up_at:
        owner, note = directory.owner_pid(), directory.running()
        if owner is None:
            return None
        if note is not None and note.pid == owner:
            return note
        time.sleep(POLL_S)
    raise HomeInUse(str(directory.path), f"process {directory.owner_pid()}, which is starting it")


def _head(url: str, connect: Connect) -> BlockNumber | None:
    node = connect(url)
    try:
        return node.block("latest").number
    except NodeTrouble:
        return None
    finally:
        node.close()


def _spawn(argv: Sequence[str], log: Path) -> int:
    """Start a process that outlives us: a session of its own, nothing of our terminal, its last words in ``log``."""
    null, words = os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    files = [
        (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(log), words, 0o600),
    ]
    return os.posix_spawn(argv[0], list(argv), os.environ, file_actions=files, setsid=True)


def _withdraw(pid: int) -> None:
    """End our supervisor, where somebody else's was first: it would run the chain again once that one is put down."""
    _signal(pid, signal.SIGTERM)
    _wait_until(lambda: _has_ended(pid), STOP_TIMEOUT_S)


def _has_ended(pid: int) -> bool:
    """Whether our child ``pid`` has ended; collects it then."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    if pid > 0:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    give_up_at = time.monotonic() + timeout_s
    while time.monotonic() < give_up_at:
        if condition():
            return True
        time.sleep(POLL_S)
    return condition()
