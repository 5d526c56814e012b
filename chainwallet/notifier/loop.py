"""The notifier's loop: one tick writes some of what accounts have not been told yet."""

from collections.abc import Callable

from chainwallet.store import news
from chainwallet.store.database import Database, Transaction
from chainwallet.store.news import Accounts, News

BATCH = 500  # of each kind of news, at most, in one tick


class Notifier:
    """Tells the accounts of one chain. Several may work on one database; they take turns.

    ``confirmations`` is how deep is final, ``clock_s`` gives seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        chain: str,
        confirmations: int,
        accounts: Accounts,
        clock_s: Callable[[], float],
        *,
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._chain = chain
        self._confirmations = confirmations
        self._accounts = accounts
        self._clock_s = clock_s
        self._batch = batch

    def tick(self) -> int:
        """Writes the next events, and that they are written, in one transaction; how much was seen to, 0 for nothing.

        Raises what the store raises; the next tick goes on where the last one that ended well did.
        """
        with self._database.read() as tx:
            if not self._gather(tx, 1).progress:
                return 0
        with self._database.transaction() as tx:
            news.lock(tx, self._chain)
            found = self._gather(tx, self._batch)
            news.write(tx, self._chain, found, self._now_s())
        return found.progress

    def catch_up(self) -> None:
        """Ticks until there is nothing more to tell."""
        while self.tick():
            pass

    def _gather(self, tx: Transaction, limit: int) -> News:
        return news.gather(tx, self._chain, self._confirmations, self._accounts, self._now_s(), limit)

    def _now_s(self) -> int:
        return int(self._clock_s())
