"""The worker's process: carries payments and follows the chain, and looks at once when the API rings."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from chainwallet.assembly import Connection, OpenHome, clearings, connect, make_services, open_home
from chainwallet.config import Config
from chainwallet.errors import ChainMismatch, KeyServiceTrouble, NodeTrouble, StoreTrouble
from chainwallet.home import Home
from chainwallet.serve.log import say
from chainwallet.serve.memory import settle
from chainwallet.serve.place import Hold, held, lock_of_worker
from chainwallet.serve.signals import StopSignals
from chainwallet.serve.wake import hear
from chainwallet.store import leases
from chainwallet.worker import Paced, Worker

CHORES_EVERY_S = 0.5
TROUBLE_PAUSE_S = 1.0
"""After trouble with the node, the database or the key service."""


def work(config: Config, stop: StopSignals, hears: int | None) -> None:
    """Ticks until told to stop, through whatever trouble there is; the tick that is under way is finished.

    A home has one worker: raises ``HomeInUse``, and what keeps it from starting.
    """
    home = Home(config.home)
    home.create()
    with held(lock_of_worker(home)) as hold:
        make_services(config)
        with open_home(config, alone=False) as opened, connect(opened) as connection:
            _take_over(opened, connection, hold)
            settle()
            say("worker", "carries payments", chain=connection.chain.key)
            _Ticking(connection, _with_chores(connection), stop, hears).run()
    say("worker", "stopped")


def _take_over(opened: OpenHome, connection: Connection, hold: Hold) -> None:
    """Gives up the leases of the last worker of this home, which has ended: its lock is ours."""
    if hold.before:
        with opened.database.transaction() as tx:
            leases.release_all(tx, hold.before)
    hold.write(connection.relayer.holder)


def _with_chores(connection: Connection) -> Worker:
    """The worker, which also sees to the plans by which groups settle up."""
    plans = cache(partial(clearings, connection))  # of the ledgers that were deployed before its first step
    chore = Paced(lambda: plans().see_to(plans().tools.now_s()), CHORES_EVERY_S, time.monotonic)
    return replace(connection.worker, chore=chore)


class _Ticking:
    """The loop; ``hears`` is a bell's descriptor, where there is one."""

    def __init__(self, connection: Connection, worker: Worker, stop: StopSignals, hears: int | None) -> None:
        self._tick: Callable[[], int] = worker.tick
        self._pause_s = connection.limits.poll_ms / 1_000
        self._stop = stop
        self._bells = () if hears is None else (hears,)
        self._waits_for = ""

    def run(self) -> None:
        while not self._stop:
            for bell in self._bells:
                hear(bell)
            try:
                moved = self._tick()
            except (NodeTrouble, ChainMismatch, StoreTrouble, KeyServiceTrouble) as trouble:
                self._tell(str(trouble))
                self._stop.wait(TROUBLE_PAUSE_S)
                continue
            self._tell("")
            if not moved:
                self._stop.wait(self._pause_s, *self._bells)

    def _tell(self, trouble: str) -> None:
        """Says what it waits for, once for each thing, and when it goes on."""
        if trouble != self._waits_for:
            self._waits_for = trouble
            say("worker", f"waits: {trouble}" if trouble else "goes on")
