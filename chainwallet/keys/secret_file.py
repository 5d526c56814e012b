"""Files that only their owner reads (mode 0600), each written whole or not at all.

A write goes to a temporary file beside the target, is forced to disk, and only then takes the target's name.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from chainwallet.errors import AlreadyExists

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
