"""The worker: relayer, indexer and notifier in one loop. They meet in the store alone; here they only take turns."""

from collections.abc import Callable
from dataclasses import dataclass

from chainwallet.errors import NotFound, NotPaid, NotYetPaid
from chainwallet.indexer import Indexer, StoodStill
from chainwallet.notifier import Notifier, Reminders
from chainwallet.relayer import Relayer, Tools
from chainwallet.rules.promise import Canceled, Expired, Final, Queued
from chainwallet.rules.submission import Mined, Submission
from chainwallet.store import promises, submissions
from chainwallet.store.promises import Promise

PATIENCE_S = 180  # how long ``settle`` waits while nothing moves
POLL_S = 0.05
POLL_MAX_S = 2.0
LAST_STEPS = 3  # mined, confirmed, nothing left


class Paced:
    """Does ``work`` at most every ``every_s`` seconds, however often it is asked to; gives what it gave, or 0."""

    def __init__(self, work: Callable[[], int], every_s: float, monotonic_s: Callable[[], float]) -> None:
        self._work = work
        self._every_s = every_s
        self._monotonic_s = monotonic_s
        self._last_s: float | None = None

    def __call__(self) -> int:
        """Does it, where it is due."""
        now_s = self._monotonic_s()
        if self._last_s is not None and now_s - self._last_s < self._every_s:
            return 0
        self._last_s = now_s
        return self._work()


@dataclass(frozen=True)
class Worker:
    """Carries payments, follows the chain and tells accounts. ``follow`` makes the indexer of all ledgers by now."""

    tools: Tools
    relayer: Relayer
    follow: Callable[[], Indexer]
    notifier: Notifier | None = None
    """None where this home has no accounts to tell."""
    chore: Callable[[], int] | None = None
    """What answers have done beside it, after the chain was looked at; says how much moved."""
    reminders: Reminders | None = None
    """As the notifier."""

    def catch_up(self) -> None:
        """Takes in all that the chain says by now, and what it means for the promises; raises what the indexer does."""
        self.follow().catch_up()
        self.relayer.catch_up()

    def tick(self) -> int:
        """One step of each; how much moved."""
        progress = self.follow().tick()
        moved = self.relayer.tick() + (not isinstance(progress, StoodStill))
        moved += self.chore() if self.chore is not None else 0
        moved += self.reminders.tick() if self.reminders is not None else 0
        return moved + (self.notifier.tick() if self.notifier is not None else 0)

    def settle(self, number: int) -> Promise:
        """Ticks until the chain has ended the promise with this number; the promise, paid.

        Raises ``NotPaid`` where it ended otherwise, ``NotYetPaid`` where it would fail now or nothing moves, and what
        keeps the relayer from signing. Whatever is raised, the promise stays as it is and can go on later.
        """
        before = self._find(number)
        pause_s, seen, patience_until_s = POLL_S, None, 0.0
        while True:
            promise = self._find(number)
            match promise.stage:
                case Final():
                    self._see_off(promise)
                    return promise
                case Canceled() | Expired():
                    raise NotPaid(promise.id, promise.reason)
                case Queued() if promise.setbacks > before.setbacks:
                    raise NotYetPaid(promise.id, promise.reason)
            carrier = self._carrier(promise)
            reached = (promise.stage, carrier and carrier.progress)
            if reached != seen:
                seen, patience_until_s = reached, self.tools.monotonic_s() + PATIENCE_S
            if self.tools.monotonic_s() > patience_until_s:
                raise NotYetPaid(promise.id, f"nothing moved for {PATIENCE_S} s")
            if self.tick():
                pause_s = POLL_S
                continue
            self._raise_trouble(promise, carrier)
            self.tools.sleep_s(pause_s)
            pause_s = min(2 * pause_s, POLL_MAX_S)

    def _see_off(self, promise: Promise) -> None:
        """Ends the submission that carried it too, as far as that takes no waiting."""
        if promise.submission_id is None:
            return
        for _ in range(LAST_STEPS):
            if not self.relayer.tick():
                return

    def _find(self, number: int) -> Promise:
        with self.tools.database.read() as tx:
            promise = promises.by_number(tx, number)
        if promise is None:
            raise NotFound("promise", str(number), "it was stored here")
        return promise

    def _carrier(self, promise: Promise) -> Submission | None:
        if promise.submission_id is None:
            return None
        with self.tools.database.read() as tx:
            return submissions.by_id(tx, promise.submission_id)

    def _raise_trouble(self, promise: Promise, carrier: Submission | None) -> None:
        """Raises why no lane takes the promise up, or why the one that carries it does not move."""
        troubles = self.relayer.troubles
        if carrier is None or isinstance(promise.stage, Queued):
            stuck = [troubles[sender] for sender in sorted(self.tools.carriers) if sender in troubles]
            if stuck and len(stuck) == len(self.tools.carriers):
                raise stuck[0]
        elif carrier.sender in troubles and not isinstance(carrier.stage, Mined):
            raise troubles[carrier.sender]
