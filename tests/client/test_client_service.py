"""The client and a real service: money moves, events are told, keys do what they may, and nothing is done twice."""

from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct

from chainwallet.client import Amount, Client, EndedUnpaid, StillWaiting
from chainwallet.client.problems import (
    AlreadyExists,
    InsufficientFunds,
    InvalidValue,
    MustStay,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLate,
    WrongPassword,
)
from tests.cli.command import wait_until
from tests.client.conftest import PASSWORD, Running

KEY = "0x" + "46" * 32
"""Of a wallet elsewhere."""


def handle_of(client: Client) -> str:
    return client.account().handle


def euros(client: Client) -> str:
    (balance,) = (one for one in client.balances().balances if one.held.currency == "EUR")
    return str(balance.held)


def test_a_payment_is_waited_for_until_it_is_final(ana: Client, ben: Client) -> None:
    """A payment to a handle is final after a wait, stands in both histories, and the same id again is the same one."""
    told = ben.events(after=0)
    paid = ana.pay(handle_of(ben), "12.40 EUR", memo="two tickets", payment_id="order-1").wait("final", timeout_s=60)
    assert (paid.stage, paid.amount, paid.memo) == ("final", Amount(Decimal("12.4"), "EUR"), "two tickets")
    assert paid.execution is not None
    assert [line.event for line in paid.story][:2] == ["WasAccepted", "WasSigned"]
    again = ana.pay(handle_of(ben), "12.40 EUR", memo="two tickets", payment_id="order-1")
    assert (again.stage, again.nonce) == ("final", paid.nonce)
    incoming = next(event for event in told if event.kind == "movement.final")
    assert incoming.movement is not None
    assert str(incoming.movement.amount) == "12.40 EUR"
    assert [(one.direction, str(one.amount), one.payment_id) for one in ana.history("EUR")] == [
        ("out", "12.40 EUR", "order-1"),
        ("in", "100.00 EUR", None),
    ]
    (movement,) = ben.history()
    assert (movement.counterparty.handle, movement.reference, movement.memo) == (
        handle_of(ana), paid.payment_ref, None,
    )  # fmt: skip
    assert (euros(ana), euros(ben)) == ("87.60 EUR", "12.40 EUR")
    assert [one.id for one in ana.payments()] == ["order-1"]


def test_what_is_refused_is_an_error_of_its_own(running: Running, ana: Client, ben: Client) -> None:
    """Too much, nobody, a value that none is, no token and a wrong password are told apart by their classes."""
    with pytest.raises(InsufficientFunds) as refused:
        ana.pay(handle_of(ben), "100.01 EUR")
    assert refused.value.members["available"].startswith("100.00")
    with pytest.raises(NotFound):
        ana.pay("@nobody-here", "1 EUR")
    with pytest.raises(InvalidValue) as invalid:
        ana.pay(handle_of(ana), "1 EUR")
    assert invalid.value.members["field"] == "payee"
    with Client(running.url) as stranger:
        with pytest.raises(NotSignedIn):
            stranger.balances()
        with pytest.raises(WrongPassword):
            stranger.sign_in(handle_of(ana), "seven geese walk to Rome")
    assert list(ana.payments()) == []


def test_a_key_does_what_it_was_made_for_until_it_is_revoked(running: Running, ana: Client, ben: Client) -> None:
    """A key that may read payments makes none; revoked it is good for nothing, and so is a session that signed out."""
    made = ana.make_key("till", ["payments:read"])
    with Client(running.url, made.token) as till:
        assert list(till.payments()) == []
        with pytest.raises(NotAllowed):
            till.pay(handle_of(ben), "1 EUR")
        (key,) = ana.keys()
        assert key.id == made.key.id
        ana.revoke_key(made.key.id)
        with pytest.raises(NotSignedIn):
            till.payments_page()
    token = ana.token
    ana.sign_out()
    assert ana.token is None
    with Client(running.url, token) as late, pytest.raises(NotSignedIn):
        late.account()


def test_a_password_is_changed(ben: Client) -> None:
    """After a change the new password signs in, the old one does not, and the session that changed it goes on."""
    handle = handle_of(ben)
    ben.change_password(PASSWORD, "nine cranes fly back from Porto")
    assert len(ben.sessions()) == 1
    with Client(ben.url) as client:
        with pytest.raises(WrongPassword):
            client.sign_in(handle, PASSWORD)
        client.sign_in(handle, "nine cranes fly back from Porto")


def test_people_share_a_group(ben: Client, running: Running) -> None:
    """Somebody comes in by a link, becomes a guest by another, hears of it by the worker, and leaves."""
    group = ben.make_group("Porto")
    guest = ben.add_guest(group.id, "Cyprian")
    token = ben.claim_link(group.id, guest.id).token
    assert token is not None
    with Client(running.url) as cyprian:
        handle = f"{handle_of(ben)}-friend"
        cyprian.sign_up(handle, PASSWORD)
        cyprian.sign_in(handle, PASSWORD)
        told = cyprian.events(after=0)
        entered = cyprian.join(token)
        assert (entered.me, entered.role, [one.name for one in entered.members].count("Cyprian")) == (
            guest.id, "member", 1,
        )  # fmt: skip
        heard = next(event for event in told if event.kind == "member.claimed")
        assert heard.group is not None
        assert (heard.wallet, heard.group.id, heard.group.actor) == (None, group.id, handle)
        with pytest.raises(AlreadyExists):
            cyprian.join(token)
        friend = cyprian.ask_friend(handle_of(ben))
        (invitation,) = ben.invitations()
        assert ben.accept_invitation(invitation.id).id == friend.group
        assert [(one.handle, one.state) for one in cyprian.friends()] == [(handle_of(ben), "friend")]
        with pytest.raises(MustStay):
            ben.remove_member(group.id, group.me)
        cyprian.remove_member(group.id, guest.id)
        with pytest.raises(NotFound):
            cyprian.group(group.id)
    kinds = [one.kind for one in ben.activity(group.id)]
    assert kinds == ["member.left", "member.claimed", "invitation.made", "member.added", "group.made"]


def signed(typed: Any, key: str = KEY) -> str:
    """The signature of a wallet elsewhere: an independent implementation of EIP-712."""
    return "0x" + bytes(EthAccount.sign_typed_data(key, full_message=dict(typed)).signature).hex()


def test_a_key_elsewhere_pays_and_cancels_in_two_steps(ana: Client, ben: Client) -> None:
    """An address joins the account by its owner's signature; what is to be signed is told, signed and handed in."""
    challenge = ana.ask_for_address(EthAccount.from_key(KEY).address)
    signature = EthAccount.sign_message(encode_defunct(text=challenge.text), KEY).signature
    wallet = ana.take_address(challenge.nonce, "0x" + bytes(signature).hex())
    assert (wallet.custody, wallet.default) == ("external", False)
    ana.pay(wallet.address, "20 EUR").wait()
    offered = ana.pay(handle_of(ben), "5 EUR", payer=wallet.address)
    assert (offered.stage, offered.to_sign is None) == ("offered", False)
    with pytest.raises(StillWaiting, match="is offered, not final"):
        offered.wait(timeout_s=0.2)
    assert offered.sign(signed(offered.to_sign)).wait().stage == "final"
    second = ana.pay(handle_of(ben), "5 EUR", payer=wallet.address)
    asked = second.cancel()
    assert second.cancel(signed(asked.to_sign)).payment.wait("canceled").stage == "canceled"
    with pytest.raises(EndedUnpaid):
        second.wait()
    with pytest.raises(TooLate):
        offered.cancel(signed(asked.to_sign))


def test_money_leaves_by_the_issuer(ana: Client, iris: Client) -> None:
    """What a customer paid to the issuer is burned under the bank's reference, once, and the supply says so."""
    before = iris.supply("EUR").supplies[0]
    paid = ana.pay("@issuer", "30 EUR", payment_id="out-1").wait()
    order = (f"OUT-{handle_of(ana)[1:]}", handle_of(ana), paid.id, "30 EUR")
    assert iris.withdraw(*order).reference == iris.withdraw(*order).reference
    wait_until(lambda: iris.withdrawal(order[0]).stage == "final", "the burn")
    after = iris.supply("EUR").supplies[0]
    assert (before.issued.amount - after.issued.amount, after.conserved) == (Decimal(30), True)
    with pytest.raises(NotAllowed):
        ana.withdraw(*order)


def test_what_anybody_may_check_needs_no_account(running: Running, ana: Client) -> None:
    """Without a token a client checks the network, an address's movements and its balance, against the state."""
    address = ana.wallets()[0].address
    with Client(running.url) as anybody:
        network = anybody.network()
        assert [ledger.currency for ledger in network.currencies] == ["EUR"]
        assert (anybody.is_alive(), anybody.readiness().status) == (True, "ready")
        (movement,) = anybody.movements_of(address).movements
        assert (movement.direction, str(movement.amount)) == ("in", "100.00 EUR")
        (held,) = anybody.balance_of(address, compare=True).balances
        assert held.state is not None
        assert (str(held.amount), held.state.agrees) == ("100.00 EUR", True)
        (empty,) = anybody.balance_of(address, block=movement.place.block - 1).balances
        assert empty.amount.amount == 0
