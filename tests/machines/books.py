"""A machine that drives rules and store together, on a chain that is a model: promises, blocks, reorgs, and judgement.

The store is a real database and the answers are the product's; the chain is ``ledger_model`` and a list of blocks. What
the product says about a payment is compared with what the model's chain says about it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chainwallet import payments
from chainwallet.abi.domain import domain_of
from chainwallet.config import Limits
from chainwallet.errors import BadValue, InsufficientFunds
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, ChainName, Hash32, keccak256
from chainwallet.payments import Desk, Order
from chainwallet.relayer import Tools
from chainwallet.relayer.judging import Judging
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.fact import Fact, Place
from chainwallet.rules.following import Cursor, Point
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.promise import (
    LIVE,
    OPEN,
    Canceled,
    Carried,
    Executed,
    Expired,
    Final,
    Offered,
    Queued,
    WasReturned,
)
from chainwallet.rules.window import is_window
from chainwallet.store import evidence, facts, following, payers, promises, submissions
from chainwallet.store.database import Database
from chainwallet.store.following import VerifiedBlock
from chainwallet.store.promises import Promise
from tests.chain.bench import key_of
from tests.machines.ledger_model import PAID, Account, Item, Ledger

NAMES = ("ana", "ben")
EUR = currency_of("EUR")
CHAIN = ChainName(1_000_001, Hash32(keccak256(b"the machine's chain")))
CASH = Cash(CHAIN, EUR, Address(keccak256(b"the machine's ledger")[:20]))
MANY = 70
"""With so many payments, no more are asked for at once."""
CONFIRMATIONS = 2
LIFETIME_S = 100
CENT = 10_000  # token units
BALANCE = 1_000 * CENT
SENDER = key_of("relayer").address
BEGAN_S = 1_000_000


@dataclass(frozen=True)
class Block:
    """A block of the model's chain, and the ledger after it."""

    point: Point
    time_s: int
    found: tuple[Fact, ...]
    ledger: Ledger
    paid: frozenset[tuple[str, Hash32, int]]
    """Payer, reference and nonce of every payment up to here."""


class BooksMachine(RuleBasedStateMachine):
    """Rules and store on one side, the model on the other."""

    template: Path
    place: Path
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        path = self.place / f"{self.runs}.db"
        path.write_bytes(self.template.read_bytes())
        self.database = Database(path)
        self.now_s, self.made = BEGAN_S, 0
        self.blocks: list[Block] = []
        self.nonces: dict[int, int] = {}
        """By number of the promise, the nonce that it was given."""
        self.given: set[tuple[Address, int]] = set()
        self.brought_back: set[int] = set()
        """Were over once, and a reorg brought them back: their nonces were not kept meanwhile."""
        self.ended: set[int] = set()
        with self.database.transaction() as tx:
            following.follow(tx, CHAIN.key, CASH.token, BlockNumber(0), self.now_s)
        accounts = {name: Account(BALANCE) for name in NAMES}
        place = Place(BlockNumber(0), self._hash(), Hash32(bytes(32)), 0, self.now_s)
        minted = [
            Fact(
                "Transfer", replace(place, log_index=at), payer=ZERO_ADDRESS, payee=key_of(name).address, value=BALANCE
            )
            for at, name in enumerate(NAMES)
        ]
        self._add(
            Block(Point(BlockNumber(0), place.block_hash), self.now_s, tuple(minted), Ledger(accounts), frozenset())
        )
        for _ in range(CONFIRMATIONS):
            self._mine([], self.blocks[-1].ledger.copy(), set())
        self.desk = Desk(self.database, CASH, CONFIRMATIONS, LIFETIME_S)
        self.judging = Judging(self._tools())

    def teardown(self) -> None:
        """Nothing is left of the database."""
        self.database.close()
        for left in self.place.glob(f"{self.runs}.db*"):
            left.unlink()

    def _tools(self) -> Tools:
        return Tools(
            self.database,
            cast(Node, None),  # judging asks no node
            CHAIN,
            {},
            frozenset(),
            frozenset(),
            lambda payer: next((key_of(name) for name in NAMES if key_of(name).address == payer), None),
            tuple,
            Limits(confirmations=CONFIRMATIONS, lifetime_s=LIFETIME_S),
            lambda: self.now_s,
            lambda: self.now_s,
            lambda _: None,
        )

    # ------------------------------------------------------------------------------------------------ the chain

    def _hash(self) -> Hash32:
        self.made += 1
        return Hash32(keccak256(b"block %d" % self.made))

    def _mine(self, found: list[Fact], ledger: Ledger, paid: set[tuple[str, Hash32, int]]) -> None:
        """The next block, with the facts in it; the indexer takes it in at once."""
        head = self.blocks[-1]
        self.now_s = max(self.now_s, head.time_s + 1)
        number, hash_ = BlockNumber(head.point.number + 1), self._hash()
        placed = tuple(
            replace(fact, place=Place(number, hash_, fact.place.tx, at, self.now_s)) for at, fact in enumerate(found)
        )
        self._add(Block(Point(number, hash_), self.now_s, placed, ledger, head.paid | paid))

    def _add(self, block: Block) -> None:
        parent = self.blocks[-1].point if self.blocks else None
        found = {CASH.token: block.found} if block.found else {}
        parent_hash = Hash32(bytes(32)) if parent is None else parent.hash
        verified = VerifiedBlock(block.point, parent_hash, block.time_s, Hash32(bytes(32)), found)
        with self.database.transaction() as tx:
            at = {CASH.token: Cursor(BlockNumber(0), parent)}
            assert following.advance(tx, CHAIN.key, at, [verified], self.now_s)
        self.blocks.append(block)

    def _facts(self, promise: Promise) -> list[Fact]:
        place = Place(BlockNumber(0), Hash32(bytes(32)), Hash32(keccak256(b"%d" % self.made)), 0, 0)
        moved = Fact("Transfer", place, payer=promise.payer, payee=promise.payee, value=promise.value, ref=promise.ref)
        return [replace(moved, cause="payment"), replace(moved, kind="Paid", nonce=promise.nonce)]

    # ------------------------------------------------------------------------------------------------ promises

    def _all(self) -> list[Promise]:
        with self.database.read() as tx:
            return list(reversed(promises.listed(tx, CHAIN.key, limit=10_000)))

    def _some(self, at: int, *stages: type) -> Promise | None:
        found = [one for one in self._all() if not stages or isinstance(one.stage, stages)]
        return found[at % len(found)] if found else None

    @rule(name=st.sampled_from(NAMES), cents=st.integers(1, 400), is_signed=st.booleans())
    def ask(self, name: str, cents: int, is_signed: bool) -> None:
        """Somebody asks for a payment; it is refused exactly where the available balance is short."""
        self._ask(name, cents, is_signed=is_signed)

    @precondition(lambda self: len(self.nonces) < MANY)
    @rule(name=st.sampled_from(NAMES), count=st.integers(60, 70))
    def ask_much(self, name: str, count: int) -> None:
        """Somebody asks for more payments than the window is wide: all of them, or none where the balance is short."""
        available = self._available(name)
        orders = [self._order(name, 1) for _ in range(count)]
        try:
            accepted = payments.accept_many(self.desk, orders, lambda _: key_of(name), lambda: b"salt", self.now_s)
        except InsufficientFunds:
            assert available < count * CENT
            return
        assert available >= count * CENT
        for promise in accepted:
            self._remember(promise)

    def _ask(self, name: str, cents: int, *, is_signed: bool) -> None:
        order, available = self._order(name, cents), self._available(name)
        try:
            promise = payments.offer(self.desk, order, b"salt", self.now_s).promise
        except InsufficientFunds:
            assert available < cents * CENT
            return
        assert available >= cents * CENT
        self._remember(promise)
        if is_signed:
            payments.accept(self.desk, order, key_of(name), b"salt", self.now_s)

    def _order(self, name: str, cents: int) -> Order:
        self.made += 1
        payee = next(one for one in NAMES if one != name)
        return Order(f"p{self.made}", key_of(name).address, key_of(payee).address, Money(cents, EUR), None)

    def _available(self, name: str) -> int:
        with self.database.read() as tx:
            reserved = payers.standing(tx, CASH.token, [key_of(name).address])[key_of(name).address].reserved
        return self.blocks[-1].ledger.accounts[name].balance - reserved

    def _remember(self, promise: Promise) -> None:
        """A nonce is a payer's own, for one payment."""
        assert (promise.payer, promise.nonce) not in self.given
        self.given.add((promise.payer, promise.nonce))
        self.nonces[promise.number] = promise.nonce

    @rule(at=st.integers(0, 10**6))
    def take_up(self, at: int) -> None:
        """A relayer takes up what is due, or gives back what it has."""
        with self.database.transaction() as tx:
            due = promises.every(tx, [one.promise for one in promises.due(tx, CHAIN.key, self.now_s, 1 + at % 5)])
            if due:
                self.made += 1
                submission = submissions.put(tx, CHAIN.key, f"s{self.made}", SENDER, CASH.address, b"", self.now_s)
                promises.take_up(tx, due, submission, self.now_s)

    @rule(at=st.integers(0, 10**6))
    def give_back(self, at: int) -> None:
        """What a transaction of ours left out goes back to the queue."""
        with self.database.transaction() as tx:
            carried = [one for one in promises.live(tx, CASH.token, 0, 10_000) if isinstance(one.stage, Carried)]
            if carried:
                promises.move(tx, carried[at % len(carried)], WasReturned("left out"), self.now_s, self.now_s + 2)

    @rule(at=st.integers(0, 10**6))
    def retry(self, at: int) -> None:
        """Somebody asks for an ended or waiting payment again: under the same nonce, or not at all."""
        promise = self._some(at, Offered, Queued, Expired)
        if promise is not None:
            name = _name(promise.payer)
            try:
                payments.retry(self.desk, promise, key_of(name), self.now_s)
            except (BadValue, InsufficientFunds):
                assert isinstance(promise.stage, Expired)

    # ------------------------------------------------------------------------------------------------ the world

    @rule(places=st.lists(st.integers(0, 10**6), min_size=1, max_size=70))
    def deliver(self, places: list[int]) -> None:
        """Documents that were ever signed are delivered by anybody, in any order, and again; a block is mined."""
        signed = [one for one in self._all() if one.signature is not None]
        ledger, found, paid = self.blocks[-1].ledger.copy(), list[Fact](), set[tuple[str, Hash32, int]]()
        time_s = max(self.now_s, self.blocks[-1].time_s + 1)
        for place in places if signed else ():
            promise = signed[place % len(signed)]
            payer, payee = _name(promise.payer), _name(promise.payee)
            item = Item(payer, payee, promise.value, promise.nonce, promise.valid_before, is_signed=True)
            if ledger.pay([item], time_s) == [PAID]:
                found += self._facts(promise)
                paid.add((payer, promise.ref, promise.nonce))
        self._mine(found, ledger, paid)

    @rule(at=st.integers(0, 10**6))
    def cancel(self, at: int) -> None:
        """A payer cancels one payment; the chain takes that."""
        promise = self._some(at, Offered, Queued)
        if promise is None:
            return
        name, document = _name(promise.payer), payments.cancel_document(promise)
        signature = key_of(name).sign(document, domain_of(CASH))
        payments.cancel(self.desk, promise, signature, SENDER, self.now_s)
        ledger = self.blocks[-1].ledger.copy()
        place = Place(BlockNumber(0), Hash32(bytes(32)), Hash32(keccak256(b"cancel %d" % self.made)), 0, 0)
        if ledger.cancel(name, promise.nonce):
            fact = Fact("AuthorizationCanceled", place, payer=promise.payer, ref=document.nonce, nonce=promise.nonce)
            self._mine([fact], ledger, set())

    @rule(count=st.integers(1, 3), seconds=st.sampled_from([0, 1, 60, LIFETIME_S]))
    def mine(self, count: int, seconds: int) -> None:
        """Time passes, and blocks come."""
        self.now_s += seconds
        for _ in range(count):
            self._mine([], self.blocks[-1].ledger.copy(), set())

    @precondition(lambda self: len(self.blocks) > CONFIRMATIONS + 1)
    @rule(depth=st.integers(1, 6))
    def reorg(self, depth: int) -> None:
        """Blocks are taken back, deeper than final too, and as many empty ones come in their place."""
        depth = min(depth, len(self.blocks) - CONFIRMATIONS - 1)
        del self.blocks[-depth:]
        with self.database.transaction() as tx:
            everybody = following.followed(tx, CHAIN.key)
            assert following.rewind(tx, CHAIN.key, everybody, self.blocks[-1].point, self.now_s) is not None
        for _ in range(depth):
            self._mine([], self.blocks[-1].ledger.copy(), set())

    # ------------------------------------------------------------------------------------------------ always

    @invariant()
    def what_is_said_is_true(self) -> None:
        """Once it is judged, every payment stands as the chain says, under its own nonce, and the sums are right."""
        self.judging.judge()
        head, final = self.blocks[-1], self.blocks[-CONFIRMATIONS]
        some = self._all()
        for promise in some:
            name = _name(promise.payer)
            assert promise.nonce == self.nonces[promise.number]
            execution = (name, promise.ref, promise.nonce)
            if execution in head.paid:
                assert isinstance(promise.stage, Final if execution in final.paid else Executed)
            else:
                assert not isinstance(promise.stage, Executed | Final)
            if promise.stage == Expired():
                assert final.time_s >= promise.valid_before
            if promise.stage == Canceled():
                assert not final.ledger.accounts[name].is_good(promise.nonce)
            self._check_nonce(promise, name, is_paid=execution in head.paid)
        self._check_sums(some)

    def _check_nonce(self, promise: Promise, name: str, *, is_paid: bool) -> None:
        """Rule 4: no document that may still be carried out was killed by another one of its payer."""
        if isinstance(promise.stage, Expired | Canceled | Final):
            self.ended.add(promise.number)
        elif promise.number in self.ended:
            self.brought_back.add(promise.number)
        may_be_killed = promise.number in self.brought_back or promise.withdrawn_at_s is not None
        if isinstance(promise.stage, LIVE) and not may_be_killed and not is_paid:
            assert self.blocks[-1].ledger.accounts[name].is_good(promise.nonce)

    def _check_sums(self, some: list[Promise]) -> None:
        with self.database.read() as tx:
            for name, account in self.blocks[-1].ledger.accounts.items():
                address = key_of(name).address
                assert facts.balance(tx, CASH.token, address) == account.balance
                reserved = sum(one.value for one in some if one.payer == address and isinstance(one.stage, OPEN))
                assert payers.standing(tx, CASH.token, [address])[address].reserved == reserved
                unused = evidence.first_unused_nonces(tx, CASH.token, [address])[address]
                assert unused == max((one + 1 for one in account.used if is_window(one)), default=0)


def _name(address: Address | None) -> str:
    return next(name for name in NAMES if key_of(name).address == address)
