"""The worker: relayer and indexer in one loop. They meet in the store alone; here they only take turns."""

from collections.abc import Callable
from dataclasses import dataclass

from chainwallet.errors import ChainwalletError, NotFound, NotPaid, NotYetPaid
from chainwallet.indexer import Indexer, StoodStill
from chainwallet.relayer import Relayer, Tools
from chainwallet.rules.promise import Canceled, Expired, Final, Queued
from chainwallet.store import promises, submissions
from chainwallet.store.promises import Promise

PATIENCE_S = 180  # how long ``settle`` waits while nothing moves
POLL_S = 0.05
POLL_MAX_S = 2.0


@dataclass(frozen=True)
class Worker:
    """Carries payments and follows the chain. ``follow`` makes the indexer of all ledgers that are deployed by now."""

    tools: Tools
    relayer: Relayer
    follow: Callable[[], Indexer]

    def catch_up(self) -> None:
        """Takes in all that the chain says by now, and what it means for the promises; raises what the indexer does."""
        self.follow().catch_up()
        self.relayer.judge()

    def tick(self) -> int:
        """One step of each; how much moved."""
        progress = self.follow().tick()
        return self.relayer.tick() + (not isinstance(progress, StoodStill))

    def settle(self, number: int) -> Promise:
        """Ticks until the chain has ended the promise with this number; the promise, paid.

        Raises ``NotPaid`` where it ended otherwise, ``NotYetPaid`` where it would fail now or nothing moves, and what
        keeps the relayer from signing. Whatever is raised, the promise stays as it is and can go on later.
        """
        before = self._find(number)
        patience_until_s = self.tools.monotonic_s() + PATIENCE_S
        pause_s = POLL_S
        while True:
            promise = self._find(number)
            match promise.stage:
                case Final():
                    return promise
                case Canceled() | Expired():
                    raise NotPaid(promise.id, promise.reason)
                case Queued() if promise.setbacks > before.setbacks:
                    raise NotYetPaid(promise.id, promise.reason)
            if self.tick():
                patience_until_s = self.tools.monotonic_s() + PATIENCE_S
                pause_s = POLL_S
                continue
            self._raise_trouble(promise)
            if self.tools.monotonic_s() > patience_until_s:
                raise NotYetPaid(promise.id, f"nothing moved for {PATIENCE_S} s")
            self.tools.sleep_s(pause_s)
            pause_s = min(2 * pause_s, POLL_MAX_S)

    def _find(self, number: int) -> Promise:
        with self.tools.database.read() as tx:
            promise = promises.by_number(tx, number)
        if promise is None:
            raise NotFound("promise", str(number), "it was stored here")
        return promise

    def _raise_trouble(self, promise: Promise) -> None:
        """Raises why no lane takes the promise up, or why the one that carries it does not move."""
        troubles = self.relayer.troubles
        if promise.submission_id is None or isinstance(promise.stage, Queued):
            stuck = [troubles.get(sender) for sender in self.tools.carriers]
            if stuck and all(stuck):
                raise _first(stuck)
            return
        with self.tools.database.read() as tx:
            carrier = submissions.by_id(tx, promise.submission_id)
        trouble = troubles.get(carrier.sender) if carrier is not None else None
        if trouble is not None:
            raise trouble


def _first(troubles: list[ChainwalletError | None]) -> ChainwalletError:
    return next(trouble for trouble in troubles if trouble is not None)
