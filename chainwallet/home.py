"""The home: one directory for everything this installation keeps, readable by its owner alone."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chainwallet.errors import HomeInUse, HomeNotWritable

LOCK_POLL_S = 0.05


@dataclass(frozen=True)
class Home:
    """The places under ``path``."""

    path: Path

    @property
    def chain(self) -> Path:
        """The local chain's state."""
        return self.path / "chain"

    @property
    def manifests(self) -> Path:
        """What is deployed where: one file for each chain."""
        return self.path / "manifests"

    @property
    def keys(self) -> Path:
        """Sealed keys and, unless configured elsewhere, the key that seals them."""
        return self.path / "keys"

    @property
    def database(self) -> Path:
        """Wallets, promises, submissions."""
        return self.path / "chainwallet.db"

    @property
    def settings(self) -> Path:
        """The settings file; a missing one is an empty one."""
        return self.path / "chainwallet.toml"

    def create(self) -> None:
        """Makes the directory (mode 0700); raises ``HomeNotWritable`` where it cannot be made or is no directory."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise HomeNotWritable(str(self.path), error.strerror or type(error).__name__) from error

    @contextmanager
    def locked(self, wait_s: float) -> Iterator[None]:
        """Holds the home's lock: one process at a time changes it.

        Raises ``HomeInUse`` after ``wait_s`` seconds, and ``HomeNotWritable``.
        """
        self.create()
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HomeNotWritable(str(self.path / "lock"), error.strerror or type(error).__name__) from error
        try:
            self._wait_for(lock, wait_s)
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"process {os.getpid()}".encode(), 0)
            yield
        finally:
            os.close(lock)

    def _wait_for(self, lock: int, wait_s: float) -> None:
        deadline_s = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                if time.monotonic() >= deadline_s:
                    holder = os.pread(lock, 64, 0).decode("ascii", "replace")
                    raise HomeInUse(str(self.path), holder or "another process") from None
                time.sleep(LOCK_POLL_S)
            else:
                return
