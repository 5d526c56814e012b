"""Five friends share a dinner, one disputes it, and all are even by one transaction that everybody who pays has signed.

    DINNER_PASSWORD="..." .venv/bin/python examples/dinner.py http://127.0.0.1:8420 @iris

@iris is an issuer of the service (`chainwallet account role @iris issuer --grant`), who makes money for what came in at
the bank; the password in DINNER_PASSWORD is everybody's. Daria's key is not kept by the service: it is made here, and
signs the typed data that she is shown.
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct

from chainwallet.client import Client, ClientError
from chainwallet.client.problems import AlreadyExists

FRIENDS = ("@alma", "@bruno", "@carla", "@daria", "@elisa")
PAUSE_S = 0.1
PATIENCE_S = 120.0

People = dict[str, Client]
DARIAS_KEY = Account.create()


def bring_money(at: People, issuer: Client) -> None:
    """Daria takes an address of her own for hers; then everybody gets 50.00 EUR."""
    challenge = at["@daria"].ask_for_address(DARIAS_KEY.address)
    signed = DARIAS_KEY.sign_message(encode_defunct(text=challenge.text))
    at["@daria"].use_address(at["@daria"].take_address(challenge.nonce, "0x" + signed.signature.hex()).address)
    references = {handle: f"{uuid.uuid4().hex[:8]}-{handle[1:]}" for handle in FRIENDS}
    for handle, reference in references.items():
        issuer.top_up(reference, handle, "50.00 EUR")
    wait(lambda: all(issuer.topup(reference).stage == "final" for reference in references.values()))


def dine(at: People) -> str:
    """The bill, the dispute, and what comes of it: the id of the group."""
    group = at["@alma"].make_group("Porto").id
    for handle in FRIENDS[1:]:
        at[handle].accept_invitation(at["@alma"].invite(group, handle).invitation.id)
    ids = {one.name: one.id for one in at["@alma"].group(group).members}

    def had(label: str, price: str, quantity: int, *who: str) -> dict[str, Any]:
        people = [{"member": ids[name]} for name in who]
        return {"label": label, "price": price, "quantity": quantity, "people": people}

    food = [had("Bacalhau", "18.50", 2, "@alma", "@bruno"), had("Francesinha", "12.10", 2, "@carla", "@daria")]
    food.append(had("Caldo verde", "7.00", 1, "@elisa"))
    split = {"mode": "itemised", "items": [*food, had("Vinho", "9.90", 2, *FRIENDS)], "tip": {"percent": "10"}}
    bill = at["@alma"].add_bill(group, "Dinner", "EUR", split, {ids["@alma"]: "60.00", ids["@bruno"]: "36.80"})
    shares = sorted(f"{one.member.name} had {one.share}" for one in bill.lines)
    print(f"{bill.title}, {bill.total} EUR with tip: {', '.join(shares)}")
    for name in ("@carla", "@daria"):
        at[name].accept_bill(group, bill.id, bill.version)
    fairer = {**split, "items": [*food, had("Vinho", "9.90", 2, *FRIENDS[:-1])]}
    bill = at["@elisa"].propose_split(group, bill.id, bill.version, fairer, "I had no wine")
    print(f"@elisa had no wine: the bill is {bill.state}, and counts nowhere")
    bill = at["@alma"].adopt_proposal(group, bill.id, bill.version, ids["@elisa"])
    print(f"@alma agrees; asked again: {', '.join(sorted(one.name for one in bill.asked))}")
    for person in bill.asked:
        bill = at[person.name].accept_bill(group, bill.id, bill.version)
    print(f"the bill is {bill.state}")
    for balance in at["@elisa"].group_balances(group)[0].owed:
        print(f"@elisa reads: {balance.words}")
    return group


def settle_up(at: People, group: str) -> None:
    """One plan, signed by everybody who pays; back when the chain has carried it out for good."""
    plan = at["@bruno"].make_plan(group, "EUR")
    for leg in (leg for leg in plan.legs if leg.has_signed is not None):
        to_sign = at[leg.name].consent(group, plan.id).to_sign
        if to_sign is not None:
            signed = DARIAS_KEY.sign_typed_data(full_message=dict(to_sign))
            at[leg.name].consent(group, plan.id, "0x" + signed.signature.hex())
        print(f"{leg.name} signs {leg.net}" + (", with a key of her own" if to_sign else ""))
    wait(lambda: at["@bruno"].plan(group, plan.id).is_final)
    carried = at["@bruno"].plan(group, plan.id).execution
    print(f"final: {plan.total} moved at once, in transaction {carried and carried.transaction}")


def wait(is_so: Callable[[], bool]) -> None:
    """Asks until it is so. Raises ``TimeoutError``."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > give_up_at:
            raise TimeoutError("it takes too long")
        time.sleep(PAUSE_S)


def main(arguments: Sequence[str]) -> int:
    """One evening; exit status 0 where all are even."""
    url, issuer = arguments
    with ExitStack() as stack:
        at = {handle: stack.enter_context(Client(url)) for handle in (issuer, *FRIENDS)}
        for handle, client in at.items():
            with suppress(AlreadyExists):
                client.sign_up(handle, os.environ["DINNER_PASSWORD"])
            client.sign_in(handle, os.environ["DINNER_PASSWORD"])
        bring_money(at, at[issuer])
        settle_up(at, group := dine(at))
        left = [net for one in at["@alma"].group_balances(group) for net in one.nets if net.amount]
        print(f"not even: {left}" if left else "all are even")
    return 1 if left else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ClientError, TimeoutError) as error:
        sys.exit(f"error: {error}")
