"""One seed: clients, a service, a chain, and everything that goes wrong between them; then peace, and the reckoning."""

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from chainwallet.evm import Address, Hash32, keccak256
from chainwallet.rules import promise
from chainwallet.rules.submission import UNFINISHED
from tests.simulation.chain import BASE_FEE_WEI, Document, ModelChain, Tx
from tests.simulation.service import CONFIRMATIONS, LIFETIME_S, RELAYER, Lost, Node, Row, Service, Store, ref_of

PAYERS = [Address(name.ljust(20, b"\0")) for name in (b"ana", b"ben", b"cleo")]
STRANGER = Address(b"stranger".ljust(20, b"\0"))
BALANCE = 1_000
STEPS = 90
ROUNDS = 400  # of peace, until all must have ended


class Failed(Exception):
    """A promise of the service was broken; the words say which."""


@dataclass
class World:
    """Everything of one seed. ``trace`` is what happened, a line each."""

    seed: int
    trace: list[str] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)  # noqa: S311 - chance that can be repeated is what is wanted
        self.chain = ModelChain(self.dice, dict.fromkeys(PAYERS, BALANCE))
        self.node = Node(self.chain, self.dice)
        self.service = Service(Store(), self.node, self.dice.choice([0, 0, -30, 700]))
        self.asked: dict[tuple[Address, str], tuple[Address, int]] = {}
        """What was accepted, and never refused since."""
        self.withdrawn: set[tuple[Address, str]] = set()
        self.was_over: set[tuple[Address, str]] = set()
        """Was final or expired once: a deeper reorg can bring it back when its nonce is no longer kept for it."""
        self.nonces_withdrawn: set[tuple[Address, int]] = set()
        """A signed cancel names a nonce and never expires, also where a restored backup forgot it."""
        self.seen: set[Document] = set()
        self.backup: Store | None = None
        self.is_burst = self.dice.random() < 0.1

    def run(self) -> str:
        """Lives the seed through; the digest of its trace. Raises ``Failed``."""
        deeds: dict[Callable[[], None], int] = {
            self.ask: 12, self.ask_again: 4, self.cancel: 2, self.relay: 24, self.index: 14, self.mine: 16,
            self.wait: 6, self.wait_long: 1, self.reorg: 4, self.steal: 3, self.rival: 1, self.fee: 2,
            self.save: 1, self.restore: 1,
        }  # fmt: skip
        names, weights = list(deeds), list(deeds.values())
        if self.is_burst:
            for _ in range(75):
                self._ask_for(PAYERS[0], 1)
        for deed in self.dice.choices(names, weights, k=STEPS):
            self.say(deed.__name__)
            deed()
            self.check_chain()
        self.make_peace()
        self.reckon()
        self.injected.update(self.node.counts)
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def say(self, words: str) -> None:
        stages = "".join(type(row.stage).__name__[:3] for row in self.service.store.rows.values())
        head = self.chain.head
        self.trace.append(f"{words} @{head.number} {head.hash.hex()[:8]} {self.chain.now_s} {stages}")

    # -------------------------------------------------------------------------------------------- clients

    def ask(self) -> None:
        self._ask_for(self.dice.choice(PAYERS), self.dice.randint(1, 120))

    def ask_again(self) -> None:
        """Somebody whose answer was lost asks with the same id."""
        if self.asked:
            payer, name = self.dice.choice(sorted(self.asked))
            self.injected["asked again"] += 1
            self._accept(payer, name, *self.asked[payer, name], signs=True)

    def _ask_for(self, payer: Address, value: int) -> None:
        payee = self.dice.choice([one for one in PAYERS if one != payer])
        self._accept(payer, str(len(self.asked)), payee, value, signs=self.dice.random() < 0.8)

    def _accept(self, payer: Address, name: str, payee: Address, value: int, *, signs: bool) -> Row | None:
        try:
            for _ in range(3):
                self._finish(self.service.index())
            self.service.recover(self.chain.blocks[self.node.look()])
        except Lost:
            return None
        row = self.service.accept(name, payer, payee, value, signs=signs)
        if row is not None:
            self.asked[payer, name] = payee, value
        return row

    def cancel(self) -> None:
        rows = [row for row in self.service.store.rows.values() if isinstance(row.stage, promise.OPEN)]
        if rows:
            row = self.dice.choice(rows)
            self.service.cancel(row)
            self.withdrawn.add((row.document.payer, row.id))
            self.nonces_withdrawn.add((row.document.payer, row.document.nonce))
            self.injected["cancels"] += 1

    # -------------------------------------------------------------------------------------------- the service

    def relay(self) -> None:
        self._steps(self.service.relay())

    def index(self) -> None:
        self._steps(self.service.index())

    def _steps(self, steps: Iterator[None]) -> None:
        """Lets it go on, unless it dies between two of its steps."""
        try:
            for _ in steps:
                self._look_at_pool()
                if self.dice.random() < 0.04:
                    self.injected["crashes"] += 1
                    self.say("crash")
                    self.service = Service(self.service.store, self.node, self.service.clock_skew_s)
                    return
        except Lost:
            self.say("lost")
        self._look_at_pool()

    def _finish(self, steps: Iterator[None]) -> None:
        for _ in steps:
            pass

    def _look_at_pool(self) -> None:
        for tx in self.chain.pool.values():
            self.seen.update(tx.items)
        for row in self.service.store.rows.values():
            if isinstance(row.stage, promise.Final | promise.Expired):
                self.was_over.add((row.document.payer, row.id))

    def save(self) -> None:
        self.backup = self.service.store.copy()

    def restore(self) -> None:
        """An old backup takes the database's place, where the chain can tell: what was sent is on it or on its way."""
        if self.backup is None or self.service.is_blocked():
            return
        sent = [nonce for _, nonce in self.chain.pool if _ == RELAYER]
        count = max([self.chain.head.state.counts.get(RELAYER, 0), *(nonce + 1 for nonce in sent)])
        newest = self.service._highest()
        if newest is not None and count <= newest:
            return
        self.injected["restored backups"] += 1
        self.service = Service(self.backup.copy(), self.node, self.service.clock_skew_s)
        self.service.recover(self.chain.head)

    # -------------------------------------------------------------------------------------------- the world

    def mine(self) -> None:
        self._look_at_pool()
        self.chain.now_s += 1
        self.chain.mine()

    def wait(self) -> None:
        self.chain.now_s += self.dice.randint(1, 60)

    def wait_long(self) -> None:
        self.chain.now_s += LIFETIME_S
        self.injected["long waits"] += 1

    def reorg(self) -> None:
        depth = self.dice.randint(1, 2 * CONFIRMATIONS)
        self.injected["reorgs"] += 1
        self.chain.reorg(depth)

    def steal(self) -> None:
        """A stranger delivers what was seen on its way, or provokes a skip."""
        self._look_at_pool()
        if not self.seen:
            return
        items = sorted(self.seen, key=lambda one: (one.payer, one.nonce, one.valid_before))
        item = self.dice.choice(items)
        nonce = self.chain.head.state.counts.get(STRANGER, 0)
        name = Hash32(keccak256(f"{nonce} {item} {self.chain.head.number}".encode()))
        self.chain.pool[STRANGER, nonce] = Tx(name, STRANGER, nonce, 10**9, (item,))
        self.injected["stolen"] += 1
        held = {at: tx for at, tx in self.chain.pool.items() if at[0] != STRANGER}
        self.chain.pool = {at: tx for at, tx in self.chain.pool.items() if at[0] == STRANGER}
        self.chain.mine()
        kept = {at: tx for at, tx in held.items() if at[1] >= self.chain.head.state.counts.get(at[0], 0)}
        self.chain.pool |= kept

    def rival(self) -> None:
        """Our relayer's next nonce is used behind our back."""
        nonce = self.chain.head.state.counts.get(RELAYER, 0)
        name = Hash32(keccak256(f"rival {nonce} {self.chain.head.number}".encode()))
        self.chain.pool[RELAYER, nonce] = Tx(name, RELAYER, nonce, 10**9)
        self.injected["rivals"] += 1
        self.chain.mine()

    def fee(self) -> None:
        self.chain.base_fee_wei = BASE_FEE_WEI * self.dice.choice([1, 1, 3, 8])
        self.injected["fees"] += 1

    # -------------------------------------------------------------------------------------------- the end

    def make_peace(self) -> None:
        """Nothing fails any more, everybody asks again, and all must come to its end."""
        self.node.is_faulty = False
        self.chain.base_fee_wei = BASE_FEE_WEI
        for round_ in range(ROUNDS):
            if round_ % 10 == 0:
                for (payer, name), order in sorted(self.asked.items()):
                    row = self.service.find(payer, name)
                    if row is None or isinstance(row.stage, promise.Offered):
                        self._accept(payer, name, *order, signs=True)
            self._finish(self.service.index())
            self._finish(self.service.relay())
            self._look_at_pool()
            self.chain.now_s += 3 if round_ % 10 else LIFETIME_S // 6
            self.chain.mine()
            self.say("peace")
            rows = self.service.store.rows.values()
            is_over = all(isinstance(row.stage, promise.Final | promise.Canceled | promise.Expired) for row in rows)
            under_way = any(isinstance(one.stage, UNFINISHED) for one in self.service.store.submissions.values())
            if is_over and not under_way and not self.service.is_blocked() and round_ > 12:
                return
        raise Failed(f"not ended: {[(row.id, row.stage) for row in self.service.store.rows.values()][:6]}")

    def check_chain(self) -> None:
        """At every moment: nobody pays twice, and the sum of all balances is what it was."""
        paid = Counter((e.payer, e.ref) for block in self.chain.blocks for e in block.events if e.kind == "Paid")
        twice = [ref.hex()[:8] for (_, ref), count in paid.items() if count > 1]
        if twice:
            raise Failed(f"paid twice: {twice}")
        if sum(self.chain.head.state.balances.values()) != BALANCE * len(PAYERS):
            raise Failed("money was made or lost")

    def reckon(self) -> None:
        """Every accepted payment is on the chain once, or has ended by proof and is not there."""
        self.check_chain()
        paid = {(e.payer, e.ref) for block in self.chain.blocks for e in block.events if e.kind == "Paid"}
        for (payer, name), _ in sorted(self.asked.items()):
            row, is_paid = self.service.find(payer, name), (payer, ref_of(payer, name)) in paid
            if row is None:
                if is_paid:
                    raise Failed(f"payment {name} was paid and is unknown")
                continue  # forgotten by a restored backup, and refused when asked for again
            if isinstance(row.stage, promise.Final) != is_paid:
                raise Failed(f"payment {name} is {row.stage} here, and {'' if is_paid else 'not '}paid")
            is_explained = (payer, name) in self.withdrawn | self.was_over
            is_explained = is_explained or (payer, row.document.nonce) in self.nonces_withdrawn
            if row.stage == promise.Canceled() and not is_explained:
                raise Failed(f"payment {name} lost its nonce, and nobody cancelled it")


def live(seed: int) -> str:
    """The digest of one seed's life; raises ``Failed`` with the seed in its words."""
    world = World(seed)
    try:
        return world.run()
    except Exception as error:
        raise Failed(f"seed {seed}: {type(error).__name__}: {error}") from error


def main() -> int:
    """``python -m tests.simulation.world SEEDS [FIRST]``: many seeds; prints those that fail, and what was injected."""
    count, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    began, injected, failed = time.perf_counter(), Counter[str](), 0
    for seed in range(first, first + count):
        world = World(seed)
        try:
            world.run()
        except Exception as error:
            failed += 1
            print(f"seed {seed} fails: {type(error).__name__}: {error}", flush=True)
            if count == 1:
                print("\n".join(world.trace))
        injected += world.injected
    took_s = time.perf_counter() - began
    for name, times in sorted(injected.items()):
        print(f"{name:>18}: {times:,}")
    print(f"{count:,} seeds, {failed} failed, {took_s:.1f} s, {count / took_s * 60:,.0f} a minute")
    return 1 if failed or (count >= 1_000 and len(injected) < 14) else 0


if __name__ == "__main__":
    sys.exit(main())
