"""Files that only their owner reads (mode 0600), each written whole or not at all.

A write goes to a temporary file beside the target, is forced to disk, and only then takes the target's name.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chainwallet.errors import AlreadyExists, HomeInUse

LOCK_NAME = ".lock"
LOCK_WAIT_S = 30
LOCK_POLL_S = 0.01
MAX_BYTES = 65_536  # a keystore or sealed key is about 600 bytes


def read(path: Path) -> bytes:
    """The first ``MAX_BYTES`` of ``path``, so that a huge file ends as JSON that does not parse. Raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def make_directory(path: Path) -> None:
    """Make ``path`` a directory that only its owner may enter (mode 0700), also if it is there with a wider mode."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)


def write_new(path: Path, data: bytes) -> None:
    """Create ``path`` holding ``data``. Raises ``AlreadyExists``, leaving the file that is there as it was."""
    temporary = _write_temporary(path, data)
    try:
        os.link(temporary, path)  # unlike a rename, a link never replaces
    except FileExistsError:
        raise AlreadyExists("file", str(path)) from None
    finally:
        temporary.unlink()
    _sync_directory(path.parent)


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Give every path its new content; after a crash each file holds either its old content or its new one.

    All is on disk before the first file is replaced.
    """
    temporaries: dict[Path, Path] = {}
    try:
        for path, data in contents.items():
            temporaries[path] = _write_temporary(path, data)
        for path, temporary in temporaries.items():
            temporary.replace(path)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
    for directory in {path.parent for path in contents}:
        _sync_directory(directory)


def append_line(path: Path, line: bytes) -> None:
    """Add ``line`` and an end of line to ``path``, made if it is not there; what a crash cut off stays a line apart."""
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        is_cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = (b"\n" if is_cut_off else b"") + line + b"\n"
        while data:
            data = data[file.write(data) :]
        os.fsync(descriptor)
    if is_new:
        _sync_directory(path.parent)


def rename(path: Path, to: Path) -> None:
    """Put ``path`` in the place of ``to``, for good."""
    path.replace(to)
    _sync_directory(to.parent)


def remove_left_behind(path: Path) -> None:
    """Remove what killed writes of ``path`` left behind; nobody may be writing it. Its name may hold ``*``."""
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds ``directory`` against other processes and threads that take this lock too.

    Raises ``HomeInUse`` after ``LOCK_WAIT_S``.
    """
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_up_at = time.monotonic() + LOCK_WAIT_S
        while not _has_locked(descriptor):
            if time.monotonic() > give_up_at:
                raise HomeInUse(str(directory), "another process that changes keys")
            time.sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_temporary(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
