"""What the tests of the service are made of: parts, callers with tokens, and routes that only tests have."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Self

import httpx
from fastapi import FastAPI

from chainwallet import clearing, payments
from chainwallet.accounts import Accounts, Argon2id, Caller, load_blocklist, sign_up
from chainwallet.api.callers import CallersOf
from chainwallet.api.parts import Parts
from chainwallet.bills import Bills
from chainwallet.clearing import Clearings
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import ChainwalletError, NotSignedIn
from chainwallet.evm import Address
from chainwallet.groups import Groups
from chainwallet.history import Audit, Chronicle, Witness
from chainwallet.interchange import Interchange
from chainwallet.issuing import Counter, Office
from chainwallet.keys.signer import Signer
from chainwallet.notifier import Streams
from chainwallet.payments import AccountDirectory, Desk, Order, Teller
from chainwallet.requests import Requests
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.handle import Handle
from chainwallet.rules.scope import SCOPES, parse_scopes
from chainwallet.rules.sign_in_message import Site
from chainwallet.store import account_wallets, accounts, wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database
from chainwallet.store.promises import Promise
from chainwallet.store.wallets import Wallet
from tests.chain.bench import EUR, PAYERS, Deployed, key_of

PEOPLE = {"ana": 1, "ben": 2, "cleo": 3, "iris": 4}
"""Who has tokens."""
QUICK = Argon2id(time_cost=1, memory_cost_kib=8, parallelism=1)
"""Real hashes, at the lowest cost."""
EXTERNAL = ("cleo",)
"""Whose keys are elsewhere."""


def caller_of(token: str) -> Caller:
    """``<handle>`` has every scope, ``<handle>:<scope>`` that one."""
    handle, _, scope = token.partition(":")
    if handle not in PEOPLE:
        raise NotSignedIn("the token is unknown, expired or revoked")
    scopes = parse_scopes([scope]) if scope else frozenset(SCOPES)
    return Caller(PEOPLE[handle], Handle(handle), frozenset({"person"}), scopes, "session", None)


def each_of(caller_of: Callable[[str], Caller]) -> CallersOf:
    """Who is meant by each of some tokens, by who is meant by one."""

    def callers_of(tokens: Sequence[str]) -> list[Caller | NotSignedIn]:
        return [_or_none(caller_of, token) for token in tokens]

    return callers_of


def _or_none(caller_of: Callable[[str], Caller], token: str) -> Caller | NotSignedIn:
    try:
        return caller_of(token)
    except NotSignedIn as nobody:
        return nobody


def open_accounts(database: Database) -> None:
    """Accounts of the people with tokens, with a wallet each; ana has gina's beside her own."""
    with database.transaction() as tx:
        for name, account_id in PEOPLE.items():
            account = accounts.add(tx, Handle(name), QUICK.hash("no password", b"no salt at all.."), 5)
            assert account.id == account_id
            for owner in (name, *(["gina"] if name == "ana" else [])):
                custody: Any = "external" if name in EXTERNAL else "managed"
                wallet = Wallet(f"@{owner}", key_of(owner).address, custody, "person")
                wallets.add(tx, wallet, 5)
                account_wallets.add(tx, OwnWallet(wallet, account_id, is_default=owner == name, added_at_s=5))


def orders_for(deployed: Deployed, node: Node, database: Database) -> dict[str, Any]:
    """Teller and office on the ledger of EUR."""
    contract = deployed.manifest.contract(EUR)
    assert contract is not None
    cash = Cash(deployed.chain, EUR, contract.address)
    desk = Desk(database, cash, 1, LONGEST_LIFETIME_S)
    issuer = key_of("issuer")
    directory = AccountDirectory(database, issuer.address)

    def accept(desk: Desk, order: Order, signer: Signer) -> Promise:
        return payments.accept(desk, order, signer, b"salt", int(time.time()))

    def accept_soon(desk: Desk, order: Order, signer: Signer) -> "Future[Promise | None]":
        soon: Future[Promise | None] = Future()
        try:
            soon.set_result(accept(desk, order, signer))
        except ChainwalletError as error:
            soon.set_exception(error)
        return soon

    def signer_of(address: Address) -> Signer | None:
        return key_of(PAYERS[address]) if address in PAYERS and PAYERS[address] not in EXTERNAL else None

    return {
        "teller": Teller(
            database=database,
            node=node,
            chain=deployed.chain.key,
            desks={"EUR": desk},
            directory=directory,
            accept=accept,
            signer_of=signer_of,
            relayer=key_of("relayer").address,
            salt=lambda: b"salt",
            now_s=lambda: int(time.time()),
            accept_soon=accept_soon,
        ),
        "office": Office(
            counters={"EUR": Counter(database, cash, issuer.address, 1)},
            node=node,
            directory=directory,
            accept=lambda _, order: payments.accept_or_retry(desk, accept, order, issuer, int(time.time())),
            now_s=lambda: int(time.time()),
        ),
        "clearings": Clearings(
            clearing.Tools(
                database=database,
                desks={"EUR": desk},
                relayer=key_of("relayer").address,
                signer_of=signer_of,
                new_id=lambda: secrets.token_hex(8),
                clock_s=time.time,
            )
        ),
    }


def parts_for(deployed: Deployed, node: Node, database: Database, **others: Any) -> Parts:
    """The parts of a service on the tests' chain."""
    ledgers = tuple(Cash(deployed.chain, one.money_currency, one.address) for one in deployed.manifest.contracts)
    witness = Witness(node, iter(range(0, 10**6, 2)).__next__)  # nobody waits for a second to pass
    chronicle = Chronicle(database, ledgers, 1, witness, account_wallets.handles_of)
    people = Accounts(database, QUICK, load_blocklist(), time.time, secrets.token_bytes)

    def open_account(handle: str, password: str, client_address: str) -> Account:
        return sign_up(people, handle, password, client_address, lambda: key_of(handle.lstrip("@")).address)

    orders = orders_for(deployed, node, database)
    shared = Bills(database, orders["teller"], lambda: int(time.time()), secrets.token_bytes)
    usual: dict[str, Any] = {
        "accounts": people,
        "open_account": open_account,
        "site": Site("service", "http://service", deployed.chain.chain_id),
        "chronicle": chronicle,
        "audit": Audit(chronicle, node),
        "streams": Streams(database, poll_s=0.01),
        "database": database,
        "node": node,
        "manifest": deployed.manifest,
        "confirmations": 1,
        "carriers": (key_of("relayer").address,),
        "callers_of": each_of(caller_of),
        "clock_s": time.time,
        "groups": Groups(database, lambda: int(time.time()), secrets.token_bytes),
        "bills": shared,
        "interchange": Interchange(shared),
        **orders,
    }
    usual["requests"] = Requests(
        database, usual["teller"], "http://service", secrets.token_bytes, lambda: int(time.time())
    )
    return Parts(**{**usual, **others})


def bearer(token: str) -> dict[str, str]:
    """The header of who has ``token``."""
    return {"Authorization": f"Bearer {token}"}


class Asking:
    """Asks a service in this process, over ASGI; what goes through its frame is raised here."""

    def __init__(self, app: FastAPI, client: str = "127.0.0.1") -> None:
        self.app = app
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(app, client=(client, 50_000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The answer to one request."""
        return self._runner.run(self._client.request(method, path, **given))

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.request("POST", path, **given)

    def delete(self, path: str, **given: Any) -> httpx.Response:
        return self.request("DELETE", path, **given)
