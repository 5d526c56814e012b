"""Ana and Ben have accounts with a wallet each; what they pay is carried by a worker that tells their accounts."""

import time
from dataclasses import replace

from sqlalchemy import insert

from chainwallet.indexer import Indexer, Source
from chainwallet.notifier import Notifier
from chainwallet.rpc import Blocks
from chainwallet.rules.cash import Cash
from chainwallet.store import account_wallets, wallets
from chainwallet.store.account_schema import accounts
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.wallets import Wallet
from chainwallet.worker import Worker
from tests.api.service import PEOPLE
from tests.chain.bench import Bench, key_of


def settle_in(bench: Bench) -> None:
    """Gives Ana and Ben their accounts and wallets, and has the history followed."""
    with bench.database.transaction() as tx:
        for name, account_id in PEOPLE.items():
            row = {"id": account_id, "handle": name, "password_hash": "none", "created_at_s": 5}
            tx.execute(insert(accounts).values(row))
            wallet = Wallet(name, key_of(name).address, "managed", "person")
            wallets.add(tx, wallet, 5)
            account_wallets.add(tx, OwnWallet(wallet, account_id, True, 5))
    follow_all(bench).catch_up()


def follow_all(bench: Bench) -> Indexer:
    """An indexer of all ledgers, as the service has it."""
    sources = [
        Source(Cash(bench.chain, one.money_currency, one.address).token, one.address, one.block)
        for one in bench.deployed.manifest.contracts
    ]
    return Indexer(bench.database, Blocks(bench.node), bench.chain, sources, time.time, time.monotonic, patience_s=0)


def notifier_of(bench: Bench) -> Notifier:
    return Notifier(bench.database, bench.chain.key, 1, account_wallets.accounts_of, time.time)


def worker_of(bench: Bench) -> Worker:
    """A worker as ``assembly`` makes it."""
    return replace(bench.worker(), follow=lambda: follow_all(bench), notifier=notifier_of(bench))


def pay(bench: Bench, payer: str, payee: str, amount: str, payment_id: str, memo: str | None = None) -> None:
    """A payment from its acceptance to its end, all of it told."""
    bench.pay(bench.order(payer, payee, amount, id=payment_id, memo=memo), worker=worker_of(bench))
    worker = worker_of(bench)
    while worker.tick():
        pass
