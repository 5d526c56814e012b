"""Where the service stands: the locks it holds in the home, the address it listens at, and the note that says so."""

import fcntl
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from chainwallet.errors import BadValue, HomeInUse, HomeNotWritable
from chainwallet.home import Home

LOCK_WAIT_S = 5.0
"""How long a taken lock is tried again: the processes of a service that was killed need a moment to end."""
LOCK_POLL_S = 0.05
NOTE_BYTES = 512  # always as many, written at once: a reader finds the old ones or the new ones
BACKLOG = 2048
ASK_TIMEOUT_S = 2.0
MOST_ANSWER_BYTES = 4096


@dataclass(frozen=True)
class Hold:
    """A lock that this process has, and what its last holder wrote into it."""

    descriptor: int
    before: str

    def write(self, text: str) -> None:
        """Replaces what is written in it, for others to read and for the next holder."""
        os.pwrite(self.descriptor, text.encode().ljust(NOTE_BYTES), 0)


@dataclass(frozen=True)
class Note:
    """What a running service says about itself."""

    url: str
    pid: int
    started_at: str
    is_ready: bool

    def text(self) -> str:
        """As it stands in the lock."""
        return json.dumps(asdict(self))


def lock_of_service(home: Home) -> Path:
    """Held by the supervisor and all its processes: the service of a home is one."""
    return home.path / "service.lock"


def lock_of_worker(home: Home) -> Path:
    """Held by the worker."""
    return home.path / "worker.lock"


@contextmanager
def held(path: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[Hold]:
    """The lock ``path``; a process that inherits its descriptor holds it too. Raises ``HomeInUse``."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or type(error).__name__) from error
    try:
        give_up_at = time.monotonic() + wait_s
        while not _taken(lock, fcntl.LOCK_EX):
            if time.monotonic() > give_up_at:
                raise HomeInUse(str(path.parent), _holder(path))
            time.sleep(LOCK_POLL_S)
        yield Hold(lock, os.pread(lock, NOTE_BYTES, 0).decode("utf-8", "replace").strip())
    finally:
        os.close(lock)


def running_note(home: Home) -> Note | None:
    """What the service of ``home`` says about itself; None where none runs, by the lock and not by what files say."""
    try:
        lock = os.open(lock_of_service(home), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _taken(lock, fcntl.LOCK_SH) else _read_note(os.pread(lock, NOTE_BYTES, 0))
    finally:
        os.close(lock)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at ``host``, at a free port where ``port`` is 0.

    Raises ``BadValue`` of field ``host`` where it is no address of this machine, of field ``port`` where others listen.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise BadValue("host", host, f"a name or address of this machine ({error})") from None
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise BadValue("port", f"{host}:{port}", f"a free address of this machine ({error.strerror})") from None
    return listening


def what_is_behind(url: str) -> str | None:
    """What the service at ``url`` answers to whether it is ready; None where it is."""
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=ASK_TIMEOUT_S):  # noqa: S310 - our own service
            return None
    except urllib.error.HTTPError as refused:
        return refused.read(MOST_ANSWER_BYTES).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return f"no answer ({error})"


def url_of(listening: socket.socket) -> str:
    """Where somebody on this machine finds it; one that listens everywhere is told by the loopback address."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - as above
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    note = _read_note(path.read_bytes())
    if note is None:
        return "another service" if path.name == "service.lock" else "another worker"
    return f"a service at {note.url}, process {note.pid}"


def _read_note(content: bytes) -> Note | None:
    try:
        return Note(**json.loads(content))
    except (ValueError, TypeError):
        return None
