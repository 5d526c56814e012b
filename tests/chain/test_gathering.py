"""Gathering: orders that come at the same time are accepted together, and each asker gets its own outcome."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from chainwallet.abi.typed_data import Document, Domain
from chainwallet.errors import BadValue, DatabaseBusy, InsufficientFunds
from chainwallet.keys.signer import LocalSigner
from chainwallet.payments import Desk, Gatherer, Order, accepting, gathering
from chainwallet.rules.promise import Queued
from chainwallet.store import promises
from chainwallet.store.grouping import Bounds
from chainwallet.store.promises import Promise
from tests.chain.bench import PAYERS, Bench, key_of, wait_for
from tests.postgres import on_both

TIMEOUT_S = 20


class Asking:
    """Asks one gatherer from many threads; who comes while it is ``held`` waits for its turn."""

    def __init__(self, bench: Bench, **bounds: Any) -> None:
        usual: dict[str, Any] = {"together": 250, "company_s": 0.005, "waiting": 100, "place_s": TIMEOUT_S}
        self.desk = bench.desk()
        self.gatherer = Gatherer(lambda: b"salt", self._now_s, Bounds(**{**usual, **bounds}))
        self._now = bench.now_s
        self._arrived = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._threads = ThreadPoolExecutor(50)

    def _now_s(self) -> int:
        self._arrived.set()
        assert self._may_go_on.wait(TIMEOUT_S)
        return self._now

    @property
    def waiting(self) -> int:
        """How many wait, those at work not counted."""
        return self.gatherer._at[self.desk]._waiting.qsize()

    def asks(self, order: Order, signer: LocalSigner | None = None) -> "Future[Promise]":
        keys = signer or key_of(PAYERS[order.payer])
        return self._threads.submit(self.gatherer.accept, self.desk, order, keys)

    @contextmanager
    def held(self, order: Order) -> Iterator["Future[Promise]"]:
        """While the gatherer is at work on ``order``, and until it goes on."""
        self._arrived.clear()
        self._may_go_on.clear()
        first = self.asks(order)
        try:
            assert self._arrived.wait(TIMEOUT_S)
            yield first
        finally:
            self._may_go_on.set()

    def all_wait(self, *orders: Order) -> "list[Future[Promise]]":
        """``orders``, waiting in this order."""
        asked: list[Future[Promise]] = []
        for order in orders:
            asked.append(self.asks(order))
            wait_for(lambda: self.waiting == len(asked))
        return asked

    def close(self) -> None:
        self._may_go_on.set()
        self.gatherer.close()
        self._threads.shutdown()


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The ids that were accepted together, group by group."""
    seen: list[list[str]] = []
    really: Callable[..., Any] = accepting.accept_each

    def accept_each(desk: Desk, orders: Sequence[Order], *others: Any) -> Any:
        seen.append([order.id for order in orders])
        return really(desk, orders, *others)

    monkeypatch.setattr(gathering, "accept_each", accept_each)
    return seen


def numbered(bench: Bench, count: int) -> list[Order]:
    return [bench.order("ana", "ben", "1", id=f"{number}") for number in range(count)]


@on_both
def test_those_who_wait_are_accepted_together_and_get_their_own(bench: Bench, groups: list[list[str]]) -> None:
    """Who comes while others are at work is accepted with all who wait, and gets the payment that it asked for."""
    bench.indexer().catch_up()
    first, *others = numbered(bench, 21)
    with closing(Asking(bench)) as asking:
        with asking.held(first) as before:
            waiting = asking.all_wait(*others)
        found = [one.result(TIMEOUT_S) for one in (before, *waiting)]
    assert [promise.id for promise in found] == [order.id for order in (first, *others)]
    assert all(isinstance(promise.stage, Queued) for promise in found)
    assert len({promise.nonce for promise in found}) == 21
    assert groups == [["0"], [order.id for order in others]]


def test_more_than_fit_are_accepted_in_the_next_group(bench: Bench, groups: list[list[str]]) -> None:
    """No more orders than the bound are accepted together; the others come next, in their order."""
    bench.indexer().catch_up()
    first, *others = numbered(bench, 6)
    with closing(Asking(bench, together=3)) as asking:
        with asking.held(first):
            waiting = asking.all_wait(*others)
        assert [one.result(TIMEOUT_S).id for one in waiting] == ["1", "2", "3", "4", "5"]
    assert groups == [["0"], ["1", "2", "3"], ["4", "5"]]


def test_one_that_is_refused_hurts_nobody_else(bench: Bench) -> None:
    """In one group each refused order is told its own reason, and all others are accepted."""
    bench.indexer().catch_up()
    orders = [
        bench.order("ana", "ben", "60", id="good"),
        bench.order("ana", "ben", "60", id="too much"),
        bench.order("ana", "ana", "1", id="to oneself"),
        bench.order("ana", "ben", "40", id="the rest"),
    ]
    with closing(Asking(bench)) as asking:
        with asking.held(bench.order("gina", "ben", "1")):
            good, too_much, to_oneself, the_rest = asking.all_wait(*orders)
        with pytest.raises(InsufficientFunds, match=r"40\.00 EUR available, required 60\.00 EUR"):
            too_much.result(TIMEOUT_S)
        with pytest.raises(BadValue, match="payee"):
            to_oneself.result(TIMEOUT_S)
        assert [one.result(TIMEOUT_S).id for one in (good, the_rest)] == ["good", "the rest"]


def test_a_signer_that_fails_hurts_nobody_else(bench: Bench) -> None:
    """Where a key is another's, or a signer fails in a way that nobody foresaw, its own order alone is not accepted."""

    class Broken(LocalSigner):
        def sign(self, document: Document, domain: Domain) -> bytes:
            raise ZeroDivisionError(document, domain)

    bench.indexer().catch_up()
    broken = Broken(bytes(range(32)))
    with closing(Asking(bench)) as asking:
        with asking.held(bench.order("gina", "ben", "1")):
            good = asking.asks(bench.order("ana", "ben", "1", id="good"))
            wrong = asking.asks(bench.order("hugo", "ben", "1", id="wrong"), key_of("ana"))
            failing = asking.asks(bench.order("iris", "ben", "1", id="failing"), broken)
            wait_for(lambda: asking.waiting == 3)
        with pytest.raises(BadValue, match="which signs here"):
            wrong.result(TIMEOUT_S)
        with pytest.raises(ZeroDivisionError):
            failing.result(TIMEOUT_S)
        assert good.result(TIMEOUT_S).id == "good"


def test_the_same_order_at_the_same_time_is_one_payment(bench: Bench) -> None:
    """An id that comes many times at once is one payment; with other content it is refused and changes nothing."""
    bench.indexer().catch_up()
    same = bench.order("ana", "ben", "5", id="once")
    other = bench.order("ana", "ben", "6", id="once")
    with closing(Asking(bench)) as asking:
        with asking.held(bench.order("gina", "ben", "1")):
            *alike, different = asking.all_wait(*[same] * 10, other)
        assert len({one.result(TIMEOUT_S).number for one in alike}) == 1
        with pytest.raises(BadValue, match="id"):
            different.result(TIMEOUT_S)
    with bench.database.read() as tx:
        assert [one.value for one in promises.listed(tx, bench.chain.key, limit=10) if one.id == "once"] == [5_000_000]


def test_where_too_many_wait_the_next_is_told(bench: Bench) -> None:
    """Beyond the bound nobody waits without end: the next is told that the database is busy, and is not accepted."""
    bench.indexer().catch_up()
    first, second, third = numbered(bench, 3)
    with closing(Asking(bench, waiting=2, place_s=0.01)) as asking:
        with asking.held(first):
            waiting = asking.all_wait(second)
            with pytest.raises(DatabaseBusy, match=r"2 others waited for 0\.01 s"):
                asking.asks(third).result(TIMEOUT_S)
        assert waiting[0].result(TIMEOUT_S).id == "1"
        assert bench.promise("ana", "2") is None
        assert asking.asks(third).result(TIMEOUT_S).id == "2"


def test_who_does_not_wait_is_answered_later(bench: Bench) -> None:
    """An event loop gets a future at once; one that is given up while it waits is not accepted, the others are."""
    bench.indexer().catch_up()
    first, second, third = numbered(bench, 3)
    with closing(Asking(bench, waiting=3)) as asking:
        with asking.held(first):
            soon = [asking.gatherer.accept_soon(asking.desk, order, key_of("ana")) for order in (second, third)]
            with pytest.raises(DatabaseBusy, match="3 others"):
                asking.gatherer.accept_soon(asking.desk, first, key_of("ana"))
            assert soon[0].cancel()
        accepted = soon[1].result(TIMEOUT_S)
        assert accepted is not None
        assert accepted.id == "2"
        assert asking.asks(bench.order("ana", "ben", "1", id="3")).result(TIMEOUT_S).id == "3"
    assert bench.promise("ana", "1") is None


def test_closing_answers_all_who_wait(bench: Bench) -> None:
    """Who waits when the gatherer is closed is still answered; then its threads end, and nothing more is accepted."""
    bench.indexer().catch_up()
    first, second, third = numbered(bench, 3)
    with closing(Asking(bench)) as asking:
        with asking.held(first) as before:
            waiting = asking.all_wait(second)
            closing_it = threading.Thread(target=asking.gatherer.close)
            closing_it.start()
            wait_for(lambda: asking.waiting == 2)
            with pytest.raises(DatabaseBusy, match="closed"):
                asking.asks(third).result(TIMEOUT_S)
        assert [one.result(TIMEOUT_S).id for one in (before, *waiting)] == ["0", "1"]
        closing_it.join(TIMEOUT_S)
        assert not [one.name for one in threading.enumerate() if one.name.startswith("acceptor")]
    assert bench.promise("ana", "2") is None


def test_what_fails_for_all_is_told_to_all(bench: Bench) -> None:
    """Where the ledger's history is not followed yet all who wait are told so."""
    first, *others = numbered(bench, 4)
    with closing(Asking(bench)) as asking:
        with asking.held(first) as before:
            waiting = asking.all_wait(*others)
        found = [str(one.exception(TIMEOUT_S)) for one in (before, *waiting)]
    assert len(found) == 4
    assert {text.partition(" here; ")[2] for text in found} == {"it is not followed yet; see `chainwallet index run`"}
