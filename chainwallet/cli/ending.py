"""How a command ends when it is told to: by an exception, so that what is open is closed, at a place that allows it.

Python handles a signal wherever it happens to be. An exception between a transaction's beginning and its block, at its
end, or in the middle of a statement, would leave it open: what is closed on the way out would wait for it in vain.
"""

import os
import signal
import sys
import threading
from types import FrameType

SIGNALLED = 128  # and the signal's number, as shells report it
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 0.005
_TRANSACTION = "Database.transaction"


def end(number: int, frame: FrameType | None) -> None:
    """Raises ``SystemExit`` with the status for the signal ``number``; a little later where that cannot be now."""
    if is_between(frame):
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()
        return
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # saving and stopping a local chain takes a moment; once is enough
    sys.exit(SIGNALLED + number)


def is_between(frame: FrameType | None) -> bool:
    """Whether ``frame``, or what called it, begins or ends a transaction or carries out a statement.

    A transaction begins or ends where its generator runs, or has just run: then ``contextlib`` holds it.
    """
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        entered = getattr(frame.f_locals.get("self"), "gen", None) if module == "contextlib" else None
        names = (frame.f_code.co_qualname, getattr(getattr(entered, "gi_code", None), "co_qualname", None))
        if _TRANSACTION in names or module.startswith("sqlalchemy."):
            return True
        frame = frame.f_back
    return False
