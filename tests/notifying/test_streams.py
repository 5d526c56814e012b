"""Listening to events: each once and in order, after any absence, with bounded memory and one question for all."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event as sql_event

from chainwallet.errors import BadValue, TooMany
from chainwallet.notifier import Stream, Streams
from chainwallet.notifier.streams import MOST_OF_ACCOUNT, PAGE_EVENTS, WAITING_EVENTS
from chainwallet.store import promises
from chainwallet.store.database import Database
from tests.indexing.test_fates import payment
from tests.indexing.town import PEOPLE, until
from tests.notifying.listeners import ANAS, BENS, CLEOS, notifier_for
from tests.notifying.test_notifier import CHAIN, promise_of
from tests.postgres import on_both

pytestmark = on_both

ANA, BEN = PEOPLE[:2]


@pytest.fixture
def streams(database: Database) -> Iterator[Streams]:
    with closing(Streams(database, poll_s=0.01)) as opened:
        yield opened


class Listener:
    """Takes from a stream whenever it is woken, as a route does."""

    def __init__(self, streams: Streams, account: int, after: int | None = 0) -> None:
        self.ids: list[int] = []
        self.woken = 1
        self.stream: Stream = streams.open(account, after, self.wake)

    def wake(self) -> None:
        self.woken += 1

    def take(self) -> None:
        while found := self.stream.take():
            self.ids += [event.id for event in found]

    def hear(self, count: int) -> None:
        """Takes until it has heard ``count`` events."""

        def has_heard() -> bool:
            self.take()
            return len(self.ids) >= count

        until(has_heard)


def happen(database: Database, count: int, *, first: int = 1) -> None:
    """``count`` payments of Ana, and of Ben, are accepted and told."""
    with database.transaction() as tx:
        for number in range(first, first + count):
            for payer in (ANA, BEN):
                one = payment(number, ref=number, payer=payer, value=number)
                promises.add(tx, promise_of(one, f"{CHAIN}/0xca", f"id {number}"))
    notifier_for(database, CHAIN).catch_up()


def test_a_listener_hears_its_own_accounts_events(streams: Streams, database: Database) -> None:
    """What is told to an account is heard by all who listen for it, in order, and by nobody else."""
    happen(database, 2)
    one, other, bens, cleos = (Listener(streams, account) for account in (ANAS, ANAS, BENS, CLEOS))
    happen(database, 3, first=3)
    for listener in (one, other, bens):
        listener.hear(5)
    cleos.take()
    assert one.ids == other.ids == sorted(set(one.ids))
    assert len(one.ids) == len(bens.ids) == 5
    assert not set(one.ids) & set(bens.ids)
    assert cleos.ids == []
    until(lambda: one.woken > 1)


def test_who_comes_back_hears_what_was_missed(streams: Streams, database: Database) -> None:
    """After a restart of the service, too, a listener goes on after the last event it heard."""
    first = Listener(streams, ANAS)
    happen(database, 3)
    first.hear(3)
    first.stream.close()
    streams.close()
    happen(database, 2, first=4)
    with closing(Streams(database, poll_s=0.01)) as restarted:
        again = Listener(restarted, ANAS, after=first.ids[1])
        again.hear(3)
        happen(database, 1, first=6)
        again.hear(4)
        whole = Listener(restarted, ANAS)
        whole.hear(6)
    assert first.ids[2:] == again.ids[:1]
    assert whole.ids == [*first.ids, *again.ids[1:]]


def test_who_names_no_event_hears_what_is_to_come(streams: Streams, database: Database) -> None:
    """Without a last event, a stream begins now."""
    happen(database, 2)
    listener = Listener(streams, ANAS, after=None)
    listener.take()
    assert listener.ids == []
    happen(database, 1, first=3)
    listener.hear(1)


@pytest.mark.parametrize("after", [-1, 3, 10**18, 2**63, 10**30])
def test_an_event_that_is_none_is_refused(streams: Streams, database: Database, after: int) -> None:
    """A number above the account's last event, as after a restore of the database, is refused with what there is."""
    happen(database, 1)
    with pytest.raises(
        BadValue, match=r"Last-Event-ID: got .* expected 0 to 1, the number of the account's last event"
    ):
        streams.open(ANAS, after, lambda: None)
    assert len(streams) == 0


def test_streams_of_one_account_are_bounded(streams: Streams) -> None:
    """An account has so many streams at once and no more; one that ends makes room, others have their own."""
    opened = [Listener(streams, ANAS) for _ in range(MOST_OF_ACCOUNT)]
    with pytest.raises(TooMany):
        Listener(streams, ANAS)
    Listener(streams, BENS)
    opened[0].stream.close()
    opened[0].stream.close()
    Listener(streams, ANAS)
    assert len(streams) == MOST_OF_ACCOUNT + 1


def test_a_slow_listener_loses_nothing_and_holds_little(streams: Streams, database: Database) -> None:
    """A listener that does not take for a while has a bounded number of events waiting, and then hears every one."""
    slow, fast = Listener(streams, ANAS), Listener(streams, ANAS)
    slow.take()
    count = WAITING_EVENTS + PAGE_EVENTS + 50
    for start in range(1, count, 100):
        happen(database, min(100, count + 1 - start), first=start)
        fast.take()
        assert len(slow.stream._waiting) <= WAITING_EVENTS
    slow.hear(count)
    fast.hear(count)
    assert slow.ids == fast.ids == sorted(set(slow.ids))
    assert len(slow.ids) == count


def test_all_listeners_share_one_question(streams: Streams, database: Database) -> None:
    """However many listen while nothing happens, the database is asked the same few questions a second."""
    happen(database, 1)
    listeners = [Listener(streams, account) for account in (ANAS, BENS, CLEOS) for _ in range(MOST_OF_ACCOUNT)]
    for listener in listeners:
        listener.take()
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "account_events" in statement:
            asked.append(statement)

    with database.read() as tx:
        engine = tx.engine
    sql_event.listen(engine, "before_cursor_execute", note)
    until(lambda: len(asked) >= 5)
    sql_event.remove(engine, "before_cursor_execute", note)
    for listener in listeners:
        assert listener.stream.take() == ()
    assert len(set(asked)) == 1
    assert sum(1 for thread in threading.enumerate() if thread.name == "event streams") == 1


def test_nobody_listening_asks_nothing(streams: Streams) -> None:
    """When the last listener has gone, nothing looks for events, and the next one starts it again."""
    listener = Listener(streams, ANAS)
    listener.stream.close()
    until(lambda: streams._thread is None)
    Listener(streams, ANAS)
    assert streams._thread is not None


def test_listeners_come_and_go_while_events_are_written(streams: Streams, database: Database) -> None:
    """Whoever opens a stream at any moment, closes it and comes back, hears every event once and in order."""
    rounds, each = 12, 5
    heard: dict[int, list[int]] = {}

    def listen(number: int) -> None:
        ids: list[int] = []
        give_up_at = time.monotonic() + 30
        while len(ids) < rounds * each and time.monotonic() < give_up_at:
            listener = Listener(streams, ANAS, after=ids[-1] if ids else 0)
            stop_at = time.monotonic() + 0.003 * (number + 1)
            while time.monotonic() < stop_at:
                listener.take()
            listener.stream.close()
            ids += listener.ids
        heard[number] = ids

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for number in range(rounds):
        happen(database, each, first=1 + number * each)
    for thread in threads:
        thread.join()
    with database.read() as tx:
        from chainwallet.store import account_events

        whole = [event.id for event in account_events.after(tx, ANAS, 0, 1_000)]
    assert len(whole) == rounds * each
    assert [heard[number] for number in range(4)] == [whole] * 4


def test_the_end_wakes_everybody(streams: Streams) -> None:
    """When the process ends, all who listen are told so at once."""
    listeners = [Listener(streams, account) for account in (ANAS, BENS)]
    streams.close()
    assert streams.is_closed
    assert [listener.woken for listener in listeners] == [2, 2]
    with pytest.raises(TooMany):
        Listener(streams, ANAS)
