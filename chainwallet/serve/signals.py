"""Being told to stop: SIGTERM, SIGINT and SIGHUP as something that can be waited for."""

import os
import select
import signal
from types import FrameType
from typing import Self

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """Counts the signals that tell this process to stop, as long as the context lasts. Main thread only.

    Where ``second_ends``, the second one ends the process as it would have without us.
    """

    def __init__(self, *, second_ends: bool) -> None:
        self.heard = 0
        self.last = 0
        """The last signal's number."""
        self._second_ends = second_ends

    def __enter__(self) -> Self:
        self._told, self._tells = os.pipe()
        os.set_blocking(self._tells, False)
        heard = [number for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._hear) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._told)
        os.close(self._tells)

    def __bool__(self) -> bool:
        return self.heard > 0

    def wait(self, timeout_s: float, *others: int) -> None:
        """Returns after ``timeout_s``, at a signal, or when one of the descriptors ``others`` can be read."""
        ready, _, _ = select.select([self._told, *others], [], [], timeout_s)
        if self._told in ready:
            os.read(self._told, 1)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self.heard += 1
        self.last = number
        os.write(self._tells, b"!")
        if self._second_ends and self.heard > 1:
            signal.signal(number, self._before[signal.Signals(number)])
            signal.raise_signal(number)
