"""Reminders: requests for money that the service looks at by itself, once before their deadline and once at it."""

from collections.abc import Callable

from chainwallet.store import reminding, requests
from chainwallet.store.database import Database

AT_ONCE = 100  # requests, in one transaction


class Reminders:
    """Looks for requests that are due, at most once a second. Several may work on one database."""

    def __init__(self, database: Database, clock_s: Callable[[], float], *, at_once: int = AT_ONCE) -> None:
        self._database = database
        self._clock_s = clock_s
        self._at_once = at_once
        self._looked_at_s: int | None = None

    def tick(self) -> int:
        """Reminds of what is due, and says what is over; how many requests were looked at, 0 for nothing.

        Each is seen to once, in the transaction that tells of it. Raises what the store raises.
        """
        now_s = int(self._clock_s())
        if now_s == self._looked_at_s:
            return 0
        with self._database.read() as tx:
            due = requests.due(tx, now_s, self._at_once)
        if not due:
            self._looked_at_s = now_s
            return 0
        with self._database.transaction() as tx:
            for request_id in sorted(due):
                reminding.look(tx, request_id, now_s)
        return len(due)
