"""Writing by many threads: in common transactions on SQLite, each in its own on PostgreSQL, answered when committed."""

import threading
from collections.abc import Callable

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from chainwallet.store.database import Database, Transaction
from chainwallet.store.schema import wallets
from tests.postgres import on_both


def adding(name: str) -> Callable[[Transaction], str]:
    """A request that stores a row called ``name``."""

    def work(tx: Transaction) -> str:
        row = {"name": name, "address": name, "custody": "external", "purpose": "person", "created_at_s": 5}
        tx.execute(insert(wallets).values(row))
        return name

    return work


def names(database: Database) -> list[str]:
    with database.read() as tx:
        return list(tx.execute(select(wallets.c.name).order_by(wallets.c.name)).scalars())


class Threads:
    """Calls in threads of their own; what each returned or raised, in their order."""

    def __init__(self, *works: Callable[[], object]) -> None:
        self.outcomes: dict[int, object] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(place, work), daemon=True) for place, work in enumerate(works)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, place: int, work: Callable[[], object]) -> None:
        try:
            self.outcomes[place] = work()
        except BaseException as error:
            self.outcomes[place] = error

    def ended(self) -> list[object]:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        return [self.outcomes[place] for place in range(len(self._threads))]


@on_both
def test_what_was_answered_is_there(database: Database) -> None:
    """Every request that many threads made at the same time is answered with its own result, and stored."""
    made = [[f"{thread:02} {number:02}" for number in range(20)] for thread in range(16)]
    threads = Threads(*(lambda wanted=wanted: [database.write(adding(name)) for name in wanted] for wanted in made))
    assert threads.ended() == made
    assert names(database) == [name for wanted in made for name in wanted]


@on_both
def test_a_request_that_raises_is_undone_alone(database: Database) -> None:
    """A request that raises changes nothing, its caller gets what it raised, and all others are stored."""
    database.write(adding("taken"))

    def half(name: str) -> None:
        def work(tx: Transaction) -> None:
            adding(f"{name} before")(tx)
            adding("taken")(tx)

        database.write(work)

    def fail(name: str) -> None:
        def work(tx: Transaction) -> None:
            adding(name)(tx)
            raise KeyError(name)

        database.write(work)

    good = [lambda name=f"good {number}": database.write(adding(name)) for number in range(8)]
    bad = [lambda: half("half"), lambda: fail("own")]
    outcomes = Threads(*good[:4], *bad, *good[4:]).ended()
    assert [type(outcome) for outcome in outcomes] == [str] * 4 + [IntegrityError, KeyError] + [str] * 4
    assert names(database) == [f"good {number}" for number in range(8)] + ["taken"]
