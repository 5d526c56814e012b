"""The directory of one local chain: who owns it, which chain it is, its saved state, and notes for other processes.

lock            held (flock) by the one process that runs the chain; names that process
chain.json      the chain's id, genesis hash and purpose; written once, when the chain begins
state.json.gz   the last save, as Anvil dumps it; gzip carries the checksum that notices damage
running.json    where the chain answers, while it runs; left behind by a process that was killed
died.json       why the supervised chain ended by itself, until it is started or put down
anvil-home/     Anvil's HOME, emptied at each start       anvil.log, supervisor.log
"""

import fcntl
import gzip
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from chainwallet.errors import DamagedHome, HomeInUse, HomeNotWritable, Installation, LocalChainDied, MissingTool

FORMAT = 1
LOCK_WAIT_S = 2.0
"""How long a taken lock is tried again: another process may be looking, or be about to let go."""
LOCK_POLL_S = 0.02
GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952

Purpose = Literal["own", "demo"]
T = TypeVar("T")

_NOTED_ERRORS: dict[str, type[Installation]] = {
    kind.__name__: kind for kind in (LocalChainDied, DamagedHome, HomeNotWritable, MissingTool)
}


@dataclass(frozen=True)
class Identity:
    """Which chain a directory holds; ``genesis`` is the hash of block 0 in hex, made at ``created_at_s`` since 1970."""

    chain_id: int
    genesis: str
    created_at_s: int
    purpose: Purpose


@dataclass(frozen=True)
class RunningNote:
    """Where a chain answers and who runs it; ``supervised`` is False when it runs only as long as one command."""

    url: str
    chain_id: int
    pid: int
    anvil_pid: int
    supervised: bool
    started_at: str


@dataclass(frozen=True)
class DiedNote:
    """Why a supervised chain ended by itself."""

    error: Installation
    at: str


def now_text() -> str:
    """The time now in UTC, to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class ChainDirectory:
    """The files of the local chain in ``path``; making this object touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state.json.gz"
        self.anvil_home = path / "anvil-home"
        self.anvil_log = path / "anvil.log"
        self.supervisor_log = path / "supervisor.log"
        self._identity = path / "chain.json"
        self._running = path / "running.json"
        self._died = path / "died.json"
        self._lock = path / "lock"
        self._held: IO[str] | None = None

    def make(self) -> None:
        """Make the directory, open to nobody else."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise HomeNotWritable(str(self.path), error.strerror or type(error).__name__) from error

    # Who owns it.

    def acquire(self) -> None:
        """Own the chain until ``release`` or the end of this process; raises ``HomeInUse`` naming the owner."""
        try:
            file = self._lock.open("a+")
        except OSError as error:
            raise HomeNotWritable(str(self._lock), error.strerror or type(error).__name__) from error
        give_up_at = time.monotonic() + LOCK_WAIT_S
        while not _locked(file, fcntl.LOCK_EX):
            if time.monotonic() > give_up_at:
                file.close()
                raise HomeInUse(str(self.path), f"process {self.owner_pid() or 'unknown'}")
            time.sleep(LOCK_POLL_S)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._held = file

    def release(self) -> None:
        """Let another process own the chain."""
        if self._held is not None:
            self._held.truncate(0)
            self._held.close()
            self._held = None

    def owner_pid(self) -> int | None:
        """The process that owns the chain now; 0 when it has not said its number yet; None when nobody owns it."""
        try:
            with self._lock.open() as file:
                if _locked(file, fcntl.LOCK_SH):
                    return None
                text = file.read()
        except FileNotFoundError:
            return None
        return int(text) if text.isdecimal() else 0

    # Which chain it is.

    def identity(self) -> Identity | None:
        """The chain that the saved state is of; None without a saved state: then the next start is a new chain.

        Raises ``DamagedHome`` when there is a state and the identity does not read.
        """
        if not self.state.exists():
            return None
        expected = f"the identity of the chain in {self.state.name}; move both files away to begin a new chain"
        record = self._read(self._identity, _identity, expected)
        if record is None:
            raise DamagedHome(str(self._identity), expected)
        return record

    def write_identity(self, identity: Identity) -> None:
        """Say which chain this is."""
        self._write(self._identity, _json(asdict(identity)))

    # Its saved state.

    def unpack_state(self) -> Path | None:
        """The saved state as the plain JSON that Anvil loads, in a file below ``anvil_home``; None without a state.

        Raises ``DamagedHome`` for a state that is cut off or altered.
        """
        if not self.state.exists():
            return None
        plain = self.anvil_home / "state.json"
        try:
            self.anvil_home.mkdir(mode=0o700, exist_ok=True)
            with gzip.open(self.state) as packed, plain.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedHome(str(self.state), f"a whole saved chain ({error})") from error
        except OSError as error:
            raise HomeNotWritable(str(plain), error.strerror or type(error).__name__) from error
        return plain

    def write_state(self, dump: bytes) -> None:
        """Replace the saved state; a crash at any moment leaves the old or the new one, whole."""
        if not dump.startswith(GZIP_MAGIC):
            raise DamagedHome(str(self.state), "a gzip stream from Anvil; the saved state was left as it was")
        self._write(self.state, dump)

    # Notes for other processes.

    def running(self) -> RunningNote | None:
        """The note of the process that runs, or ran, the chain."""
        return self._read(self._running, _running_note, None)

    def note_running(self, note: RunningNote) -> None:
        """Tell other processes where the chain answers."""
        self._write(self._running, _json(asdict(note)))

    def died(self) -> DiedNote | None:
        """Why the supervised chain ended by itself."""
        return self._read(self._died, _died_note, None)

    def note_died(self, error: Installation) -> None:
        """Tell other processes why the chain ended; kinds that the note cannot carry are left to the log."""
        kind = type(error).__name__
        if kind in _NOTED_ERRORS:
            self._write(self._died, _json({"kind": kind, "fields": vars(error), "at": now_text()}))

    def forget_running(self) -> None:
        """The chain runs no more."""
        self._running.unlink(missing_ok=True)

    def forget_died(self) -> None:
        """The death was answered by a new start, or by putting the chain down."""
        self._died.unlink(missing_ok=True)

    def _read(self, path: Path, build: Callable[[dict[str, Any]], T], expected: str | None) -> T | None:
        """The record in ``path``; None without one, and, where nothing is ``expected``, for one that does not read."""
        try:
            fields = json.loads(path.read_bytes())
            if fields.pop("format") != FORMAT:
                raise ValueError(f"not format {FORMAT}")
            return build(fields)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if expected is None:
                return None
            raise DamagedHome(str(path), expected) from error

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(path.name + ".new")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            directory = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise HomeNotWritable(str(path), error.strerror or type(error).__name__) from error


def _identity(fields: dict[str, Any]) -> Identity:
    identity = Identity(**fields)
    numbers = (identity.chain_id, identity.created_at_s)
    if not all(isinstance(number, int) for number in numbers) or not isinstance(identity.genesis, str):
        raise TypeError("chain_id, created_at_s or genesis")
    return identity


def _running_note(fields: dict[str, Any]) -> RunningNote:
    note = RunningNote(**fields)
    if not isinstance(note.pid, int) or not isinstance(note.anvil_pid, int) or not isinstance(note.url, str):
        raise TypeError("pid, anvil_pid or url")
    return note


def _died_note(fields: dict[str, Any]) -> DiedNote:
    return DiedNote(_NOTED_ERRORS[fields["kind"]](**fields["fields"]), str(fields["at"]))


def _json(fields: dict[str, object]) -> bytes:
    return json.dumps({"format": FORMAT, **fields}, indent=1).encode()


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
