"""What the service's processes do, as lines of JSON on stderr: the time, who says it, and what."""

import json
import logging
import sys
import time
from contextlib import suppress

READY_MADE = "chainwallet.api"
"""The logger whose messages are lines of JSON already."""


def say(who: str, what: str, **more: object) -> None:
    """One line: ``who`` (``supervisor``, ``worker``, ``api``) did ``what``."""
    with suppress(OSError):  # there is nobody else to tell
        print(_line(who, what, **more), file=sys.stderr, flush=True)


def log_to_stderr(who: str) -> None:
    """Has what ``logging`` gets in this process written the same way."""
    # What no line tells need not be found out for each.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(who))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(READY_MADE).setLevel(logging.INFO)


class _Lines(logging.Formatter):
    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == READY_MADE:
            return message
        more = {"error": self.formatException(record.exc_info)} if record.exc_info else {}
        return _line(self._who, message, level=record.levelname.lower(), **more)


def _line(who: str, what: str, **more: object) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"at": at, "from": who, "what": what, **more})
