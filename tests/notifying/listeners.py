"""Accounts of the town's people, and a notifier as a process of its own, to be killed."""

import multiprocessing
import time
from collections.abc import Collection, Mapping
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

from chainwallet.evm import Address
from chainwallet.notifier import Notifier
from chainwallet.store import account_events
from chainwallet.store.account_events import AccountEvent
from chainwallet.store.database import Database, Transaction
from tests.indexing.town import PEOPLE, Town

ACCOUNTS = {PEOPLE[0]: 100, PEOPLE[1]: 101, PEOPLE[2]: 102}
"""Ana, Ben and Cleo have accounts; everybody else of the town has none."""
ANAS, BENS, CLEOS = 100, 101, 102

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def accounts(_: Transaction, addresses: Collection[Address]) -> Mapping[Address, int]:
    return {address: ACCOUNTS[address] for address in addresses if address in ACCOUNTS}


def notifier_for(database: Database, chain: str, **changes: Any) -> Notifier:
    usual: dict[str, Any] = {"confirmations": 1, "clock_s": lambda: 9_000, **changes}
    return Notifier(database, chain, usual.pop("confirmations"), accounts, usual.pop("clock_s"), **usual)


def events_of(database: Database, account: int, after: int = 0) -> tuple[AccountEvent, ...]:
    with database.read() as tx:
        return account_events.after(tx, account, after, 100_000)


def told(town: Town, account: int) -> list[tuple[str, int]]:
    """Kind and token units of all that ``account`` was told."""
    return [(event.kind, units_of(event)) for event in events_of(town.database, account)]


def units_of(event: AccountEvent) -> int:
    if event.promised is not None:
        return event.promised.value
    assert event.movement is not None
    value = event.movement[1].value
    assert value is not None
    return value


def begin(where: str, chain: str) -> BaseProcess:
    """A process that notifies without a pause, a few events in each tick, and has begun."""
    begun = _processes.Event()
    process = _processes.Process(target=notify, args=(where, chain, begun))
    process.start()
    assert begun.wait(20)
    return process


def notify(where: str, chain: str, begun: Event) -> None:
    """What the process does, until it is killed."""
    notifier = notifier_for(Database.open(where), chain, batch=3)
    begun.set()
    while True:
        if not notifier.tick():
            time.sleep(0.001)
