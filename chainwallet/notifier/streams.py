"""Streams: hands events to those who listen, from the database, in order, each once, however long they were away.

One thread of a process looks for new events, for all listeners together. A listener who does not keep up, or who comes
back, reads from the database until it has caught up; so nothing is held for it but a bounded number of events.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable

from chainwallet.errors import BadValue, StoreTrouble, TooMany
from chainwallet.store import account_events
from chainwallet.store.account_events import AccountEvent
from chainwallet.store.database import Database

POLL_S = 0.25
MOST_OF_ACCOUNT = 8  # streams open at once
MOST_STREAMS = 2_000  # of one process
PAGE_EVENTS = 200  # read or looked for at once
WAITING_EVENTS = 256  # held for one listener; beyond, it reads from the database
WAIT_S = 5  # what somebody with too many streams is told to wait


class Stream:
    """One listener. ``take`` is for one thread at a time; ``wake`` is called, by another, when there may be more."""

    def __init__(self, streams: "Streams", account: int, last: int, wake: Callable[[], None]) -> None:
        self._streams = streams
        self.account = account
        self._last = last
        self.wake = wake
        self._state = threading.Lock()  # guards the two below
        self._waiting: deque[AccountEvent] = deque()
        self._is_behind = True

    def take(self) -> tuple[AccountEvent, ...]:
        """What the account is to be told after what was taken before, in order; empty where there is nothing yet.

        Raises what the store raises; then nothing is taken.
        """
        with self._state:
            reads, self._is_behind = self._is_behind, False
            held = tuple(event for event in self._waiting if event.id > self._last)
            self._waiting.clear()
        if reads:
            held = self._read()
        if held:
            self._last = held[-1].id
        return held

    def give(self, events: list[AccountEvent]) -> None:
        """Takes in what has just been written, in order; where it does not keep up, it reads that later."""
        with self._state:
            if len(self._waiting) + len(events) > WAITING_EVENTS:
                self._is_behind = True
            if self._is_behind:
                self._waiting.clear()
            else:
                self._waiting.extend(events)
        self.wake()

    def close(self) -> None:
        """Ends it."""
        self._streams.forget(self)

    def _read(self) -> tuple[AccountEvent, ...]:
        is_whole = False
        try:
            with self._streams.database.read() as tx:
                found = account_events.after(tx, self.account, self._last, PAGE_EVENTS)
            is_whole = len(found) < PAGE_EVENTS
        finally:
            if not is_whole:
                with self._state:
                    self._is_behind = True
        return found


class Streams:
    """All listeners of one process."""

    def __init__(self, database: Database, *, poll_s: float = POLL_S) -> None:
        self.database = database
        self._poll_s = poll_s
        self._change = threading.Condition()  # guards all below
        self._open: defaultdict[int, set[Stream]] = defaultdict(set)
        self._count = 0
        self._position: int | None = None
        """The last event that was handed out; None while nobody listens."""
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def open(self, account: int, after: int | None, wake: Callable[[], None]) -> Stream:
        """A stream of ``account``'s events after the one numbered ``after``; None: of those to come.

        Raises ``BadValue`` of field ``Last-Event-ID`` for a number that no event has yet, and ``TooMany`` where the
        account or the process has too many streams.
        """
        with self.database.read() as tx:
            newest = account_events.newest_of(tx, account)
            position = account_events.newest(tx)
        if after is not None and not 0 <= after <= newest:
            raise BadValue("Last-Event-ID", after, f"0 to {newest}, the number of the account's last event")
        with self._change:
            if self._count >= MOST_STREAMS or self._is_closed:
                raise TooMany("event streams of this service", f"{MOST_STREAMS} at once", WAIT_S)
            if len(self._open[account]) >= MOST_OF_ACCOUNT:
                raise TooMany("event streams of your account", f"{MOST_OF_ACCOUNT} at once", WAIT_S)
            stream = Stream(self, account, newest if after is None else after, wake)
            self._open[account].add(stream)
            self._count += 1
            if self._thread is None:
                self._position = position  # read before the stream reads: what comes in between is handed out
                self._thread = threading.Thread(target=self._run, name="event streams", daemon=True)
                self._thread.start()
        return stream

    def forget(self, stream: Stream) -> None:
        """Hands nothing to ``stream`` any more."""
        with self._change:
            listeners = self._open.get(stream.account, set())
            if stream in listeners:
                listeners.remove(stream)
                self._count -= 1
                if not listeners:
                    del self._open[stream.account]
            self._change.notify()

    def close(self) -> None:
        """Ends all streams, and waits for the thread to end."""
        with self._change:
            self._is_closed = True
            thread = self._thread
            self._change.notify()
        if thread is not None:
            thread.join()

    @property
    def is_closed(self) -> bool:
        """Whether the process is ending, and every stream with it."""
        return self._is_closed

    def __len__(self) -> int:
        return self._count

    # ------------------------------------------------------------------------------------------------ its thread

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait(self._poll_s)
                if self._is_closed or self._count == 0:
                    self._thread = None
                    everybody = [stream for some in self._open.values() for stream in some]
                    break
            try:
                while self._hand_out():
                    pass
            except StoreTrouble:
                continue  # the database is asked again; who listens has lost nothing
        for stream in everybody:
            stream.wake()

    def _hand_out(self) -> bool:
        """Hands out the next events; whether there may be more."""
        assert self._position is not None  # noqa: S101 - it is known before the thread starts
        with self.database.read() as tx:
            numbers = account_events.numbers_after(tx, self._position, PAGE_EVENTS)
            with self._change:
                wanted = [number for number, account in numbers if account in self._open]
            found = account_events.numbered(tx, wanted) if wanted else ()
        by_account: defaultdict[int, list[AccountEvent]] = defaultdict(list)
        for event in found:
            by_account[event.account].append(event)
        with self._change:
            for account, events in by_account.items():
                for stream in self._open.get(account, ()):
                    stream.give(events)
            if numbers:
                self._position = numbers[-1][0]
        return len(numbers) == PAGE_EVENTS
