"""A shop that asks a customer for money and hands the goods over when the payment is final.

    SHOP_PASSWORD="..." .venv/bin/python examples/shop.py http://127.0.0.1:8420 @cafe @ana "12.40 EUR"

The first run opens the shop's account, under the password in SHOP_PASSWORD. The shop trusts nobody's word for it that
something was paid: it looks into its own history, which the service has verified on the chain block by block, for money
from this customer that came after the order. Whatever restarts meanwhile, the client asks again.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from chainwallet.client import Amount, Client, ClientError, amount_of
from chainwallet.client.history import Movement
from chainwallet.client.problems import AlreadyExists

PAUSE_S = 0.2
PATIENCE_S = 600.0
RESTART_S = 120.0  # so long a service may take to come back, on a busy machine

Place = tuple[int, int]
"""Block, and the number of the event in it: later is greater."""


@dataclass(frozen=True)
class Order:
    """What ``customer`` is to pay; money that had come in by ``after`` is not for it."""

    customer: str
    price: Amount
    after: Place


def open_shop(client: Client, handle: str, password: str) -> None:
    """Signs in; the first time it signs up before."""
    try:
        client.sign_up(handle, password)
    except AlreadyExists:
        print(f"{handle} is open again", flush=True)
    else:
        print(f"{handle} is new here", flush=True)
    client.sign_in(handle, password)


def take_order(client: Client, customer: str, price: Amount) -> Order:
    """An order of ``customer``, from this moment on."""
    newest = client.history_page(limit=1).movements
    return Order(customer, price, place_of(newest[0]) if newest else (-1, -1))


def money_for(client: Client, order: Order) -> Movement | None:
    """What came in for ``order``; None where nothing has yet. A reorg may take it back until it is final."""
    for movement in client.history(order.price.currency):
        if place_of(movement) <= order.after:
            return None
        if (movement.direction, movement.counterparty.handle) == ("in", order.customer):
            if movement.amount == order.price:
                return movement
            print(f"{movement.amount} from {order.customer} is not the price", flush=True)
    return None


def wait_until_paid(client: Client, order: Order) -> Movement:
    """The payment for ``order``, when it is final. Raises ``TimeoutError``."""
    give_up_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_at:
        movement = money_for(client, order)
        if movement is not None and movement.place.final:
            return movement
        time.sleep(PAUSE_S)
    raise TimeoutError(f"{order.customer} has not paid {order.price}")


def place_of(movement: Movement) -> Place:
    """Where ``movement`` stands on the chain."""
    return movement.place.block, movement.place.log_index


def main(arguments: Sequence[str]) -> int:
    """One order; exit status 0 where it was paid."""
    url, shop, customer, price = arguments
    with Client(url, retry_s=RESTART_S) as client:
        open_shop(client, shop, os.environ["SHOP_PASSWORD"])
        order = take_order(client, customer, amount_of(price))
        print(f"{customer}, please pay {order.price} to {shop}", flush=True)
        movement = wait_until_paid(client, order)
        print(f"final: {movement.amount} from {customer} in block {movement.place.block}", flush=True)
        print(f"transaction {movement.place.transaction}", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ClientError, TimeoutError) as error:
        sys.exit(f"error: {error}")
