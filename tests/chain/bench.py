"""What the tests of the chain work with: real ledgers, a real database, people and services with their keys."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainwallet import history, issuing, payments
from chainwallet.abi.calls import PAUSER_ROLE, call_data
from chainwallet.config import LONGEST_LIFETIME_S, Limits
from chainwallet.deployment import Roles
from chainwallet.evm import Address, ChainName, Hash32, Receipt, Transaction, keccak256, to_hex
from chainwallet.indexer import Indexer, Source
from chainwallet.keys.signer import LocalSigner, Signer
from chainwallet.manifest import Manifest
from chainwallet.payments import Desk, Order
from chainwallet.relayer import Relayer, Tools
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money, currency_of, parse_money
from chainwallet.rules.submission import Attempt, Final, Submission
from chainwallet.store import promises, submissions
from chainwallet.store.database import Database
from chainwallet.store.promises import Promise
from chainwallet.worker import Worker
from tests.conftest import ask

ETHER = 10**18
SERVICES = ("admin", "issuer", "pauser", "compliance", "relayer")
GROUP = ("gina", "hugo", "iris", "jon", "kim")
FUNDED = {"ana": "100", **dict.fromkeys(GROUP, "50")}
"""Who has how many euros when a test begins; everybody else has none."""
EUR, JPY = currency_of("EUR"), currency_of("JPY")


def key_of(name: str) -> LocalSigner:
    """The key of somebody in the tests."""
    return LocalSigner(keccak256(f"chainwallet tests: {name}".encode()))


ROLES = Roles(*(key_of(name).address for name in ("admin", "issuer", "pauser", "compliance")))


LIMITS = Limits(confirmations=1)
PAYERS = {key_of(name).address: name for name in ("ana", "ben", "cleo", *GROUP)}
"""Who pays in the tests, by address."""


def tools_for(database: Database, node: Node, chain: ChainName, *names: str, **seams: Any) -> Tools:
    """What a relayer works with as ``assembly`` makes it, with the keys of ``names`` (all services without any)."""
    usual: dict[str, Any] = {
        "senders": {key.address: key for key in map(key_of, names or SERVICES)},
        "carriers": frozenset({key_of("relayer").address}),
        "own": frozenset({key_of("relayer").address}),
        "payers": lambda address: key_of(PAYERS[address]) if address in PAYERS else None,
        "managed": tuple,
        "limits": LIMITS,
        "clock_s": time.time,
        "monotonic_s": time.monotonic,
        "sleep_s": time.sleep,
    }
    return Tools(database, node, chain, **{**usual, **seams})


def relayer_for(database: Database, node: Node, chain: ChainName, *names: str, **seams: Any) -> Relayer:
    """A relayer as ``assembly`` makes it. All in the tests are one holder, so that none waits for another's leases."""
    return Relayer(tools_for(database, node, chain, *names, **seams), "tests")


CLOCK_SPEED = 500


class Clock:
    """Time that passes ``CLOCK_SPEED`` times faster, and only while somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        time.sleep(seconds / CLOCK_SPEED)

    @property
    def seams(self) -> dict[str, object]:
        return {
            "clock_s": lambda: time.time() + self.now_s,
            "monotonic_s": lambda: self.now_s,
            "sleep_s": self.sleep,
        }


def wait_for(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits until ``condition`` holds."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)


@dataclass(frozen=True)
class Deployed:
    """What the whole run shares: a ``Cash`` of EUR and one of JPY."""

    chain: ChainName
    manifest: Manifest
    manifests: Path


@dataclass(frozen=True)
class Bench:
    """One test's own database and node, beside the shared ledgers; the chain is put back after the test."""

    node: Node
    url: str
    where: str
    database: Database
    deployed: Deployed
    cash: Cash

    @property
    def chain(self) -> ChainName:
        return self.deployed.chain

    @property
    def now_s(self) -> int:
        return self.node.block("latest").timestamp_s

    def relayer(self, *names: str, **seams: Any) -> Relayer:
        return relayer_for(self.database, self.node, self.chain, *names, **seams)

    def tools(self, *names: str, **seams: Any) -> Tools:
        return tools_for(self.database, self.node, self.chain, *names, **seams)

    def worker(self, *names: str, **seams: Any) -> Worker:
        """A worker as ``assembly`` makes it."""
        tools = self.tools(*names, **seams)
        return Worker(tools, Relayer(tools, "tests"), self.indexer)

    def indexer(self) -> Indexer:
        contract = self.deployed.manifest.contract(self.cash.currency)
        assert contract is not None
        source = Source(self.cash.token, self.cash.address, contract.block)
        blocks = Blocks(self.node)
        return Indexer(self.database, blocks, self.chain, [source], time.time, time.monotonic, patience_s=0)

    def desk(self, **changes: Any) -> Desk:
        usual: dict[str, Any] = {"confirmations": 1, "lifetime_s": LONGEST_LIFETIME_S}
        return Desk(self.database, self.cash, **{**usual, **changes})

    def through(self, node: Node) -> "Bench":
        """The same bench with another way to the chain."""
        return replace(self, node=node)

    def count(self, name: str = "relayer") -> int:
        """How many transactions ``name`` has on the chain."""
        return self.node.transaction_count(key_of(name).address)

    def balance(self, *names: str) -> list[str]:
        """What people hold, as they read it."""
        return [payments.balance_text(self.node, self.cash, key_of(name).address) for name in names]

    def ask(self, method: str, *params: object) -> object:
        """What the node itself answers to a method that the product never calls."""
        return ask(self.url, method, *params)

    def put(self, name: str, signature: str, *values: object, key: str | None = None) -> int:
        """Stores a call of the ledger by ``name``."""
        data = call_data(signature, *values)
        with self.database.transaction() as tx:
            return submissions.put(
                tx, self.chain.key, key or f"{name} {data.hex()}", key_of(name).address, self.cash.address, data, 5
            )

    def mint(self, units: int = 5, *, ref: int = 1) -> int:
        """A submission of the issuer, for ben, with an effect that can be counted."""
        return self.put(
            "issuer", "mint(address,uint256,bytes32)", key_of("ben").address, units, ref.to_bytes(32, "big")
        )

    def grant(self, number: int) -> int:
        """A submission of the admin that would work any number of times."""
        holder = Address(number.to_bytes(20, "big"))
        return self.put("admin", "grantRole(bytes32,address)", PAUSER_ROLE, holder)

    def transaction(self, tx: Hash32) -> dict[str, str]:
        """A transaction as the node has it."""
        found = self.ask("eth_getTransactionByHash", to_hex(tx))
        assert isinstance(found, dict)
        return found

    def act(self, name: str, signature: str, *values: object) -> Receipt:
        """Somebody's call of the ledger, sent by nothing of the product, and mined."""
        return self.send(name, call_data(signature, *values))

    def send(self, name: str, data: bytes, to: Address | None = None, nonce: int | None = None) -> Receipt:
        """Somebody's own transaction, mined."""
        key = key_of(name)
        fees = self.node.fees()
        count = self.node.transaction_count(key.address) if nonce is None else nonce
        raw = key.sign_transaction(
            Transaction(self.chain.chain_id, count, to or self.cash.address, data, 3_000_000, *fees)
        )
        self.node.send_raw(raw)
        tx = Hash32(keccak256(raw))
        wait_for(lambda: self.node.receipt(tx) is not None)
        receipt = self.node.receipt(tx)
        assert receipt is not None
        return receipt

    def top_up(self, amount: str, *names: str, bank_ref: str = "bank") -> tuple[Final, ...]:
        amounts = {key_of(name).address: self.money(amount) for name in names}
        return issuing.top_up(
            self.database, self.relayer().deliver, ROLES.issuer, self.cash, amounts, bank_ref, self.now_s
        )

    def money(self, amount: str) -> Money:
        return parse_money(amount, self.cash.currency)

    def order(self, payer: str, payee: str, amount: str, **changes: Any) -> Order:
        order = Order("1", key_of(payer).address, key_of(payee).address, self.money(amount), None)
        return replace(order, **changes)

    def accept(self, order: Order, signer: Signer | None = None, now_s: int | None = None) -> Promise:
        """Accepts ``order``, signed by its payer unless told otherwise, by the facts up to now."""
        self.indexer().catch_up()
        keys = signer or key_of(PAYERS[order.payer])
        return payments.accept(self.desk(), order, keys, b"salt", self.now_s if now_s is None else now_s)

    def pay(
        self,
        order: Order,
        signer: Signer | None = None,
        *,
        worker: Worker | None = None,
        desk: Desk | None = None,
        now_s: int | None = None,
    ) -> payments.Receipt:
        """Pays ``order``, signed by its payer unless told otherwise."""
        return payments.pay(
            desk or self.desk(),
            worker or self.worker(),
            order,
            signer or key_of(PAYERS[order.payer]),
            b"salt",
            self.now_s if now_s is None else now_s,
        )

    def promise(self, payer: str, promise_id: str = "1", kind: promises.Kind = "payment") -> Promise | None:
        with self.database.transaction() as tx:
            return promises.by_id(tx, self.cash.token, key_of(payer).address, kind, promise_id)

    def submission(self, submission_id: int) -> Submission:
        with self.database.transaction() as tx:
            found = submissions.by_id(tx, submission_id)
        assert found is not None
        return found

    def attempts(self, submission_id: int) -> tuple[Attempt, ...]:
        with self.database.read() as tx:
            return submissions.attempts_of(tx, submission_id)

    def unfinished(self) -> tuple[Submission, ...]:
        with self.database.transaction() as tx:
            return submissions.unfinished(tx, self.chain.key, [key_of(name).address for name in SERVICES], 100)

    def rebuilt_balances(self) -> dict[Address, int]:
        """What the events since the deployment give."""
        contract = self.deployed.manifest.contract(self.cash.currency)
        assert contract is not None
        head = self.node.block_number()
        return history.rebuilt_ledger(self.node, self.cash, contract.block, head).balances
