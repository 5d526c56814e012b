"""Answers under keys of the clients' own: found for a day by their account, and swept a few at a time."""

import threading
from contextlib import closing

from sqlalchemy import func, select

from chainwallet.store import idempotency
from chainwallet.store.database import Database
from chainwallet.store.idempotency import LIFETIME_S, SWEPT_AT_ONCE, Answered
from chainwallet.store.schema import idempotent_answers
from tests.postgres import on_both

pytestmark = on_both

FIRST, SECRET = Answered("ab", '{"a": 1}'), Answered("cd", None)


def keep(database: Database, key: str, answered: Answered, now_s: int, account: str = "ana") -> None:
    with database.transaction() as tx:
        assert idempotency.find(tx, account, key, now_s) is None
        idempotency.keep(tx, account, key, answered, now_s)


def find(database: Database, key: str, now_s: int, account: str = "ana") -> Answered | None:
    with database.transaction() as tx:
        return idempotency.find(tx, account, key, now_s)


def test_an_answer_is_found_by_its_account_for_a_day(database: Database) -> None:
    """A key belongs to its account; a day after it is as if it had never come, and may come anew."""
    keep(database, "key", FIRST, 1_000)
    keep(database, "key", SECRET, 1_000, "ben")
    assert find(database, "key", 1_000 + LIFETIME_S - 1) == FIRST
    assert find(database, "key", 1_000, "ben") == SECRET
    assert find(database, "other", 1_000) is None
    keep(database, "key", SECRET, 1_000 + LIFETIME_S)
    assert find(database, "key", 1_000 + LIFETIME_S) == SECRET


def test_answers_that_are_over_are_swept_a_few_at_a_time(database: Database) -> None:
    """Each answer that is stored removes a bounded number of old ones, until there are none."""
    count = select(func.count()).select_from(idempotent_answers)
    for number in range(2 * SWEPT_AT_ONCE):
        keep(database, f"old {number}", FIRST, 1_000)
    left = []
    for number in range(3):
        keep(database, f"new {number}", FIRST, 1_000 + LIFETIME_S)
        with database.read() as tx:
            left.append(tx.execute(count).scalar_one())
    assert left == [SWEPT_AT_ONCE + 1, 2, 3]


def test_of_many_at_once_one_does_the_work(database: Database, where: str) -> None:
    """Of many that come with one key at the same moment one does the work, and the others find its answer."""
    found: list[Answered | None] = []
    start = threading.Barrier(6)

    def ask(number: int) -> None:
        with closing(Database.open(where)) as mine:
            start.wait(20)
            with mine.transaction() as tx:
                answered = idempotency.find(tx, "ana", "key", 1_000)
                if answered is None:
                    idempotency.keep(tx, "ana", "key", Answered("ab", str(number)), 1_000)
                found.append(answered)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    stored = find(database, "key", 1_000)
    assert found.count(None) == 1
    assert found.count(stored) == 5
