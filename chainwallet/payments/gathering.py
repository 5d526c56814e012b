"""Gathering: those who ask for payments at the same time have them accepted together.

Many orders cost little more to decide about than one (``deciding``). Each asker gets the outcome of its own order, and
the same order at the same time is one payment.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from chainwallet.errors import ChainwalletError, DatabaseBusy
from chainwallet.keys.signer import Signer
from chainwallet.payments.accepting import ORDERS_AT_ONCE, accept_each
from chainwallet.payments.deciding import Desk
from chainwallet.payments.order import Order
from chainwallet.store.grouping import Bounds, Grouping, Outcome
from chainwallet.store.promises import Promise

BOUNDS = Bounds(together=ORDERS_AT_ONCE, company_s=0.005, waiting=1_024, place_s=5)


@dataclass(frozen=True)
class _Asked:
    order: Order
    signer: Signer


class Gatherer:
    """Accepts together, at each desk, what is asked for at the same time; for many threads.

    ``salt`` hides a memo in its commitment.
    """

    def __init__(self, salt: Callable[[], bytes], now_s: Callable[[], int], bounds: Bounds = BOUNDS) -> None:
        self._salt = salt
        self._now_s = now_s
        self._bounds = bounds
        self._state = threading.Lock()  # guards the two below
        self._at: dict[Desk, Grouping[_Asked, Promise]] = {}
        self._is_closed = False

    def accept(self, desk: Desk, order: Order, signer: Signer) -> Promise:
        """The promise of ``order``, signed by ``signer`` and queued.

        Raises as ``payments.accept``, and ``DatabaseBusy`` where too many wait or it was closed: then nothing is
        stored.
        """
        promise = self._grouping(desk).ask(_Asked(order, signer))
        assert promise is not None  # noqa: S101 - an order has a promise or an error
        return promise

    def accept_soon(self, desk: Desk, order: Order, signer: Signer) -> "Future[Promise | None]":
        """As ``accept``, for who must not wait here, as an event loop must not: its promise comes later."""
        return self._grouping(desk).ask_soon(_Asked(order, signer))

    def close(self) -> None:
        """Answers all who wait, and ends the threads; no more is accepted."""
        with self._state:
            self._is_closed = True
            groupings = list(self._at.values())
        for grouping in groupings:
            grouping.close()

    def _grouping(self, desk: Desk) -> Grouping[_Asked, Promise]:
        found = self._at.get(desk)
        if found is not None:
            return found
        with self._state:
            if self._is_closed:
                raise DatabaseBusy(desk.database.name, "it was closed here")
            if desk not in self._at:
                thread = f"acceptor of {desk.cash.currency}"
                carry_out = partial(self._accepted, desk)
                self._at[desk] = Grouping(desk.database.name, thread, self._bounds, carry_out)
            return self._at[desk]

    # ------------------------------------------------------------------------------------------------ its thread

    def _accepted(self, desk: Desk, group: Sequence[_Asked]) -> list[Outcome[Promise]]:
        """The outcome of each; what is wrong with one of them in a way that nobody foresaw is that one's alone."""
        try:
            return self._together(desk, group)
        except ChainwalletError:
            raise  # it concerns all of them
        except Exception as error:
            if len(group) == 1:
                return [Outcome(error=error)]
            return [outcome for one in group for outcome in self._accepted(desk, [one])]

    def _together(self, desk: Desk, group: Sequence[_Asked]) -> list[Outcome[Promise]]:
        signers = {asked.order.payer: asked.signer for asked in group}
        orders = [asked.order for asked in group]
        return [
            Outcome(error=outcome) if isinstance(outcome, ChainwalletError) else Outcome(outcome)
            for outcome in accept_each(desk, orders, signers.__getitem__, self._salt, self._now_s())
        ]
