"""A small town on a chain of its own: a ``Cash`` of EUR, people who pay each other, and indexers that follow it."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainwallet import deployment, issuing
from chainwallet.abi.calls import call_data, pay_item, settle_data
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Consent, Document, Payment, Settlement
from chainwallet.anvil import RunningChain
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32, Transaction, from_hex, keccak256, to_hex
from chainwallet.indexer import Indexer, Source
from chainwallet.keys.signer import to_compact
from chainwallet.manifest import Manifest
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import currency_of, parse_money
from chainwallet.store import facts
from chainwallet.store.database import Database
from tests.chain.bench import ROLES, SERVICES, key_of, relayer_for
from tests.conftest import ask

ETHER = 10**18
EUR = currency_of("EUR")
NAMES = tuple(f"citizen {number}" for number in range(8))
PEOPLE = tuple(key_of(name).address for name in NAMES)
GAS = hex(300_000)
TRANSFER = "transfer(address,uint256)"


def found_town(directory: Path, anvil: Path) -> Manifest:
    """Begins a chain in ``directory`` on which everybody has 1,000 euros and ETH, and leaves it saved."""
    with RunningChain.start(directory / "chain", anvil, Node) as chain, Node(chain.url) as node:
        database = Database(directory / "founding.db")
        for name in (*SERVICES, *NAMES):
            node.set_balance(key_of(name).address, 1_000 * ETHER)
        name_of_chain = deployment.chain_of(node)
        deliver = relayer_for(database, node, name_of_chain).deliver
        now_s = int(time.time())
        manifest, _ = deployment.deploy(node, database, deliver, directory, ROLES, [EUR], now_s)
        contract = manifest.contract(EUR)
        assert contract is not None
        cash = Cash(name_of_chain, EUR, contract.address)
        amounts = dict.fromkeys(PEOPLE, parse_money("1000", EUR))
        issuing.top_up(database, deliver, ROLES.issuer, cash, amounts, "founding", now_s)
        database.close()
    return manifest


@dataclass
class Town:
    """One test's chain, the database that follows it, and what people do there."""

    url: str
    database: Database
    manifest: Manifest
    node: Node
    now_s: int = 1_000
    """What the indexers take for the time; a test moves it."""
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - the same in every run

    holds_blocks: bool = False

    def __post_init__(self) -> None:
        self.ask("anvil_autoImpersonateAccount", True)

    # ------------------------------------------------------------------------------------------------ who is there

    @property
    def cash(self) -> Cash:
        contract = self.manifest.contract(EUR)
        assert contract is not None
        return Cash(self.manifest.chain, EUR, contract.address)

    @property
    def chain(self) -> str:
        return self.cash.chain.key

    @property
    def token(self) -> str:
        return self.cash.token

    @property
    def source(self) -> Source:
        contract = self.manifest.contract(EUR)
        assert contract is not None
        return Source(self.token, self.cash.address, contract.block)

    def indexer(self, node: Node | None = None, database: Database | None = None, **changes: Any) -> Indexer:
        usual: dict[str, Any] = {"clock_s": lambda: self.now_s, "monotonic_s": time.monotonic, "patience_s": 0.0}
        return Indexer(
            database or self.database,
            Blocks(node or self.node),
            self.cash.chain,
            [self.source],
            **{**usual, **changes},
        )

    # ------------------------------------------------------------------------------------------------ what they do

    def ask(self, method: str, *params: object) -> Any:
        return ask(self.url, method, *params)

    def call(self, sender: Address, signature: str, *values: object) -> Hash32:
        """A transaction to the ledger by ``sender``; mined at once unless the town holds its blocks."""
        return self.send(call_data(signature, *values), sender)

    def pay(self, payer: int = 0, payee: int = 1, units: int = 1) -> Hash32:
        return self.call(PEOPLE[payer], TRANSFER, PEOPLE[payee], units)

    def send(self, data: bytes, sender: Address = PEOPLE[0]) -> Hash32:
        """A transaction to the ledger with this call data."""
        transaction = {"from": to_hex(sender), "to": to_hex(self.cash.address), "data": to_hex(data), "gas": GAS}
        tx = Hash32(from_hex(self.ask("eth_sendTransaction", transaction)))
        if not self.holds_blocks:
            until(lambda: self.node.receipt(tx) is not None)
        return tx

    def signed(self, data: bytes, sender: str = NAMES[5]) -> str:
        """A raw transaction to the ledger with this call data, signed by ``sender`` with its next nonce."""
        key = key_of(sender)
        nonce = self.node.transaction_count(key.address)
        transaction = Transaction(self.cash.chain.chain_id, nonce, self.cash.address, data, 300_000, 10**10, 1)
        return to_hex(key.sign_transaction(transaction))

    def item(self, payment: Payment) -> bytes:
        """A payment signed by its payer, as ``pay`` takes it."""
        r, vs = to_compact(self.sign(payment, payment.payer))
        return pay_item(payment, r + vs)

    def sign(self, document: Document, signer: Address) -> bytes:
        return key_of(NAMES[PEOPLE.index(signer)]).sign(document, domain_of(self.cash))

    def settle(self, settlement: Settlement, nonces: Sequence[int]) -> Hash32:
        """The settlement with every debtor's consent, carried out."""
        consents = [
            (nonce, self.sign(Consent(leg.account, settlement, nonce), leg.account))
            for nonce, leg in zip(nonces, settlement.debits, strict=True)
        ]
        return self.send(settle_data(settlement, consents))

    def live(self, blocks: int, payments: int = 1) -> None:
        """``blocks`` blocks with ``payments`` payments each, between people drawn by the dice."""
        for _ in range(blocks):
            with self.one_block():
                for _ in range(payments):
                    payer, payee = self.dice.sample(range(len(PEOPLE)), 2)
                    self.pay(payer, payee, self.dice.randrange(1, 1_000))

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """What is done inside is mined in one block."""
        self.ask("evm_setAutomine", False)
        self.holds_blocks = True
        yield
        self.node.mine()
        self.ask("evm_setAutomine", True)
        self.holds_blocks = False

    def reorg(self, depth: int, replacements: Sequence[tuple[int, int, int]] = ()) -> None:
        """Replaces the last ``depth`` blocks by others; payments (payer, payee, units) stand in the first of them."""
        pairs = [
            [
                {
                    "from": to_hex(PEOPLE[payer]),
                    "to": to_hex(self.cash.address),
                    "data": to_hex(call_data(TRANSFER, PEOPLE[payee], units)),
                    "gas": GAS,
                },
                0,
            ]
            for payer, payee, units in replacements
        ]
        self.ask("anvil_reorg", depth, pairs)

    # ------------------------------------------------------------------------------------------------ what is true

    def held(self, owner: Address, at: str = "latest") -> int:
        call = {"to": to_hex(self.cash.address), "data": to_hex(call_data("balanceOf(address)", owner))}
        return int(self.ask("eth_call", call, at), 16)

    def holding_slot(self, place: int, owner: Address = PEOPLE[0]) -> str:
        """Where ``owner``'s account is stored, if the mapping of accounts is the ledger's variable at ``place``."""
        return to_hex(keccak256(bytes(12) + owner + place.to_bytes(32, "big")))

    def storage(self, slot: str) -> str:
        return str(self.ask("eth_getStorageAt", to_hex(self.cash.address), slot, "latest"))

    def supply(self) -> int:
        call = {"to": to_hex(self.cash.address), "data": to_hex(call_data("totalSupply()"))}
        return int(self.ask("eth_call", call, "latest"), 16)

    def check(self, database: Database | None = None) -> None:
        """Everything that the facts say is what the chain says at its head."""
        head = self.ask("eth_getBlockByNumber", "latest", False)
        with (database or self.database).read() as tx:
            followed = facts.head(tx, self.chain)
            assert followed is not None
            assert (followed.number, to_hex(followed.hash)) == (int(head["number"], 16), head["hash"])
            assert followed.waits_because is None
            held = facts.balances(tx, self.token)
            assert held == {owner: self.held(owner) for owner in held}
            assert {owner for owner in PEOPLE if self.held(owner)} <= held.keys()
            assert facts.supply(tx, self.token) == self.supply() == facts.balance(tx, self.token, ZERO_ADDRESS)
            rebuilt = facts.rebuilt(tx, self.token, followed.number)
            assert rebuilt.balances | dict.fromkeys(held.keys() - rebuilt.balances.keys(), 0) == held
            logs = self.node.logs(self.cash.address, 0, BlockNumber(followed.number))
            rows = list(facts.canonical_rows(tx, self.token))
            assert [(log.block, to_hex(log.block_hash), log.index) for log in logs] == places(rows)

    def rows(self, database: Database | None = None) -> list[tuple[object, ...]]:
        with (database or self.database).read() as tx:
            return list(facts.canonical_rows(tx, self.token))


def places(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, object, object]]:
    """Block, its hash and log index of rows that stand for a whole log."""
    return [(row[1], row[2], row[4]) for row in rows if row[5] == 0]


def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits until ``condition`` holds."""
    give_up_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)
