"""Ids of an account's payments: each stands for one, whichever wallet pays, in whichever currency, at whatever time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chainwallet.errors import BadValue
from chainwallet.evm import Address
from chainwallet.payments import Teller, Wish
from chainwallet.payments.accepting import accept_each
from chainwallet.payments.teller import Asked
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import Handle
from chainwallet.rules.money import parse_money
from chainwallet.store import account_wallets, accounts, promises, wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.promises import Promise
from chainwallet.store.wallets import Wallet
from tests.chain.bench import JPY, Bench, key_of
from tests.chain.payers import teller_for
from tests.postgres import on_both

pytestmark = on_both

ANA, GINA = key_of("ana").address, key_of("gina").address
TIMEOUT_S = 30


@pytest.fixture
def teller(bench: Bench) -> Teller:
    """One account has the wallets of ana and gina, which have euros; ana's has yen too."""
    contract = bench.deployed.manifest.contract(JPY)
    assert contract is not None
    yen = replace(bench, cash=Cash(bench.chain, JPY, contract.address))
    yen.act("issuer", "mint(address,uint256,bytes32)", ANA, 10**9, b"\x07" * 32)
    yen.indexer().catch_up()
    with bench.database.transaction() as tx:
        account = accounts.add(tx, Handle("ana"), "$argon2id$", 5)
        for name in ("ana", "gina"):
            wallet = Wallet(name, key_of(name).address, "managed", "person")
            wallets.add(tx, wallet, 5)
            account_wallets.add(tx, OwnWallet(wallet, account.id, is_default=name == "ana", added_at_s=5))
    return teller_for(bench, desks={"EUR": bench.desk(), "JPY": yen.desk()})


def asked(teller: Teller, payer: Address, payment_id: str, amount: str, currency: str) -> Asked:
    money = parse_money(amount, teller.desks[currency].cash.currency)
    return teller.asked(payer, [ANA, GINA], Wish(payment_id, "@ben", money))


def taken_at_once(teller: Teller, some: Sequence[Asked]) -> list[Promise | BadValue]:
    """What became of each of ``some``, all of which were looked at before any was stored."""
    together = Barrier(len(some))

    def take(one: Asked) -> Promise | BadValue:
        together.wait(TIMEOUT_S)
        try:
            return teller.take(one)
        except BadValue as refused:
            return refused

    with ThreadPoolExecutor(len(some)) as threads:
        return list(threads.map(take, some))


def test_of_two_wallets_and_two_currencies_at_once_one_pays(bench: Bench, teller: Teller) -> None:
    """Of payments that one account asks for in one instant under one id, from two wallets and in two currencies, one
    is accepted, the others are refused by name, and the accepted one is the id's from then on."""
    ids = [f"order-{number}" for number in range(6)]
    ways = ((ANA, "1", "EUR"), (GINA, "1", "EUR"), (ANA, "100", "JPY"))
    outcomes = taken_at_once(teller, [asked(teller, way[0], one, *way[1:]) for one in ids for way in ways])
    for at, payment_id in enumerate(ids):
        its = outcomes[3 * at : 3 * at + 3]
        (accepted,) = [one for one in its if isinstance(one, Promise)]
        assert [one.field for one in its if isinstance(one, BadValue)] == ["id", "id"]
        assert teller.find([ANA, GINA], payment_id).number == accepted.number
    with bench.database.read() as tx:
        assert len(promises.listed(tx, bench.chain.key, limit=1_000)) == len(ids)


def test_in_one_group_one_of_two_wallets_pays(bench: Bench, teller: Teller) -> None:
    """Of payments that are decided about together, the first under an id is accepted, and asked for again the same."""
    orders = [asked(teller, payer, "order-1", "1", "EUR").order for payer in (ANA, GINA, ANA)]
    signers = {ANA: key_of("ana"), GINA: key_of("gina")}
    first, second, third = accept_each(bench.desk(), orders, signers.__getitem__, lambda: b"salt", bench.now_s)
    assert isinstance(first, Promise)
    assert first == third
    assert isinstance(second, BadValue)
    assert second.field == "id"


def test_somebody_elses_same_id_is_another_payment(teller: Teller) -> None:
    """Two accounts, or a wallet that is no account's, have their ids for themselves."""
    hugo = key_of("hugo").address
    ours = teller.take(asked(teller, ANA, "order-1", "1", "EUR"))
    theirs = teller.pay(hugo, [hugo], Wish("order-1", "@ben", parse_money("1", teller.desks["EUR"].cash.currency)))
    assert ours.number != theirs.number
