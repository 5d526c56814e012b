"""Those who pay: the service accepts what they ask for, also where answers are lost and everybody asks again."""

import contextlib
import time

from chainwallet import payments
from chainwallet.abi.calls import call_data
from chainwallet.abi.domain import domain_of
from chainwallet.errors import BadValue, InsufficientFunds, Recovering
from chainwallet.rules.promise import Expired
from chainwallet.store import promises
from tests.chain.bench import key_of
from tests.chaos.crew import LIMITS, TROUBLE, indexer_of
from tests.chaos.ground import CONFIRMATIONS, EXTERNAL, LOOK_S, MANAGED, PATIENCE_S, Ground, signer_of

AT_ONCE = 200
BURST = 500
DAY_S = 86_400
MOST_OPEN = 2_000
"""No more is asked for while so much waits: what is to meet the faults is every stage of a payment, not a queue."""


def new_orders(ground: Ground, count: int, payer: str | None = None) -> list[payments.Order]:
    """Orders that nobody has asked for yet; of any managed payer where none is named."""
    first = len(ground.orders)
    names = [payer or ground.dice.choice(MANAGED) for _ in range(count)]
    return [ground.bench.order(name, "ben", "0.01", id=f"c{first + at}") for at, name in enumerate(names)]


def accept(ground: Ground, orders: list[payments.Order], lifetime_s: int = DAY_S) -> None:
    """Has the service accept ``orders``; who gets no answer asks again, until there is one."""
    desk = ground.bench.desk(confirmations=CONFIRMATIONS, lifetime_s=lifetime_s)
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(*TROUBLE, Recovering):
            ground.wait_out()
            look(ground)
            payments.accept_many(desk, orders, signer_of, lambda: b"salt", ground.bench.now_s)
            break
        assert time.monotonic() < give_up_at, "nothing is accepted"
        time.sleep(LOOK_S)
    remember(ground, orders)


def look(ground: Ground) -> None:
    """What a service does before it accepts: it takes in what the chain says, through nodes that fail."""
    through = ground.bench.through(ground.desk_node)
    indexer_of(through).catch_up()
    through.relayer(limits=LIMITS, managed=lambda: tuple(key_of(name).address for name in MANAGED)).catch_up()


def remember(ground: Ground, orders: list[payments.Order]) -> None:
    """Somebody was told that ``orders`` are accepted."""
    known = {order.id for order in ground.orders}
    ground.orders += [order for order in orders if order.id not in known]


def ask_for(ground: Ground, count: int) -> None:
    """``count`` more payments, as fast as the relayers can follow."""
    while count > 0:
        accept(ground, new_orders(ground, min(count, AT_ONCE)))
        count -= AT_ONCE
        ground.wait_until(lambda: ground.open() < MOST_OPEN, "the queue grows shorter")


# ------------------------------------------------------------------------------------------------ deeds


def burst(ground: Ground) -> None:
    """One payer has 500 payments at once; the replay window is 64 wide."""
    orders = new_orders(ground, BURST, "ana")
    accept(ground, orders)
    queued = ground.count("SELECT count(*) FROM promises WHERE stage IN ('queued', 'carried')")
    ground.injected["500 payments of one payer at once"] += queued > BURST // 2


def owner_asks_again(ground: Ground) -> None:
    """An external owner's answers are lost: both the offer and the signature are asked for and given twice."""
    (order,) = new_orders(ground, 1, EXTERNAL)
    sign_elsewhere(ground, order)
    remember(ground, [order])
    ground.injected["an external owner asks again"] += 1


def sign_elsewhere(ground: Ground, order: payments.Order) -> None:
    """The external owner's part: the document is fetched, signed, and handed in, each twice."""
    desk = ground.bench.desk(confirmations=CONFIRMATIONS)
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(*TROUBLE, Recovering):
            ground.wait_out()
            look(ground)
            begun = [payments.offer(desk, order, b"salt", ground.bench.now_s) for _ in range(2)]
            assert (begun[0].document, begun[0].promise.nonce) == (begun[1].document, begun[1].promise.nonce)
            signature = key_of(EXTERNAL).sign(begun[0].document, domain_of(ground.bench.cash))
            for _ in range(2):
                payments.take_signature(desk, order.payer, order.id, signature, ground.bench.now_s)
            return
        assert time.monotonic() < give_up_at, "the owner is not answered"
        time.sleep(LOOK_S)


def expiry(ground: Ground) -> None:
    """A document expires in the queue, because the ledger is paused until its time is over."""
    ground.bench.act("pauser", "pause()")
    (order,) = new_orders(ground, 1, "hugo")
    try:
        accept(ground, [order], lifetime_s=30)
        ground.pass_time(40)
        ground.wait_until(lambda: ground.stage_of(order) == "expired", "a document expires")
    finally:
        ground.bench.act("pauser", "unpause()")
    ground.injected["a document expires in the queue"] += 1


def stay_open(ground: Ground) -> None:
    """A reorg may have taken the end of a pause back: whoever paused the ledger ends it again."""
    if any(ground.bench.node.call(ground.bench.cash.address, call_data("paused()"))):
        ground.bench.act("pauser", "unpause()")
        ground.injected["the end of a pause taken back"] += 1


# ------------------------------------------------------------------------------------------------ peace


def ask_for_the_ended(ground: Ground) -> int:
    """Whoever's payment has expired asks for it again, under the same id, nonce and amount; how many do."""
    desk = ground.bench.desk(confirmations=CONFIRMATIONS)
    with ground.bench.database.read() as tx:
        found = promises.listed(tx, ground.bench.chain.key, stages=["expired", "offered"], limit=len(ground.orders))
    asked = 0
    by_id = {order.id: order for order in ground.orders}
    for promise in found:
        signer = None if promise.payer == key_of(EXTERNAL).address else signer_of(promise.payer)
        with contextlib.suppress(BadValue, InsufficientFunds):  # overtaken by later ones, for good: a new id is needed
            payments.retry(desk, promise, signer, ground.bench.now_s)
            if signer is None:
                sign_elsewhere(ground, by_id[promise.id])
            asked += isinstance(promise.stage, Expired)
    return asked
