"""A gate before an SQLite file's only writer: the processes that write one file take turns.

SQLite lets in whoever asks at the right moment, and who waits looks again after pauses of up to a tenth of a second: a
process that writes without pause keeps others out for seconds. Here the next one stands in a gate, a lock on a file
beside the database, and looks every millisecond. Who has just written finds the gate taken and comes after.

The gate makes waiting fair and short, and nothing else: that there is one writer is SQLite's own doing. So a process
that is stopped in the gate is passed after a while, and one that ends leaves it open.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_S = 0.001
PASSED_S = 0.25  # who stands in the gate for so long is passed: longer than nearly all transactions take


class Gate:
    """The gate of the database at ``path``, for one thread at a time; ``name`` is its file.

    Its methods raise ``OSError`` where that file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.with_name(f"{path.name}-turn")
        self._file: int | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Stands in the gate for the length of the block; before that, waits for who stands there, but not for long."""
        file = self._opened()
        until_s = time.monotonic() + PASSED_S
        while not _is_taken(file) and time.monotonic() < until_s:
            time.sleep(LOOK_S)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes the file. The gate may be used again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file


def _is_taken(file: int) -> bool:
    """Takes the lock, if it is free; whether this process has it now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
