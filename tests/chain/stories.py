"""What the tests of payments see of a payment, and how they let a worker go on."""

from collections.abc import Callable

from chainwallet.abi.calls import payment_ref
from chainwallet.payments import Order
from chainwallet.store import happenings, promises
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker
from tests.chain.bench import Bench
from tests.chain.signed_payments import paid_events


def times_paid(bench: Bench, order: Order) -> int:
    return len(paid_events(bench, payment_ref(order.payer, bench.cash.address, order.id)))


def now(bench: Bench, promise: Promise) -> Promise:
    with bench.database.read() as tx:
        found = promises.by_number(tx, promise.number)
    assert found is not None
    return found


def story(bench: Bench, promise: Promise) -> list[str]:
    with bench.database.read() as tx:
        return [line.name for line in happenings.of_promise(tx, promise.number)]


def tick_until_still(worker: Worker, most: int = 60) -> None:
    for _ in range(most):
        if not worker.tick():
            return
    raise AssertionError("it never comes to rest")


def tick_until(worker: Worker, is_there: Callable[[], bool], pause_s: float = 0.05, most: int = 400) -> None:
    for _ in range(most):
        if is_there():
            return
        if not worker.tick():
            worker.tools.sleep_s(pause_s)
    raise AssertionError("it never gets there")
