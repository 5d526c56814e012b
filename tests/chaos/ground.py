"""What a run stands on: a chain that can be taken back, nodes that fail, a database that is killed, and relayers."""

import contextlib
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import psycopg

from chainwallet import deployment, issuing, payments
from chainwallet.anvil import RunningChain, find_anvil
from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.evm import Address
from chainwallet.faults import Rates, Second
from chainwallet.keys.signer import LocalSigner
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import parse_money
from chainwallet.store.database import Database
from scripts.check_payments import rows_of
from tests.chain.bench import ETHER, EUR, PAYERS, ROLES, SERVICES, Bench, Deployed, key_of, relayer_for
from tests.chaos.crew import LIMITS, RELAYERS, Crew, Ways
from tests.chaos.pool import Pool
from tests.chaos.pulse import Pulse
from tests.postgres import PostgresProcess

CONFIRMATIONS = LIMITS.confirmations or 0
RATES = Rates(5_000, 20_000, 5_000, 10_000, 5_000, 10_000, 20_000, 10_000)
SECOND = Second(behind=2, disagreements=20_000)
LONGEST_DELAY_MS = 200
MANAGED = ("ana", "gina", "hugo", "iris", "jon", "kim")
"""Payers whose keys the service holds."""
EXTERNAL = "olga"
"""A payer who signs elsewhere."""
DEEPEST = 20  # blocks of a reorg
OF_LONG_LIFE = ("autovacuum=on", "autovacuum_naptime=5s")
"""A server that runs for more than a minute collects statistics, and plans by them."""
PATIENCE_S = 240.0  # while nothing at all changes
LOOK_S = 0.05
OPEN = "('offered', 'queued', 'carried', 'executed', 'canceling')"
UNDER_WAY = "('queued', 'signed', 'sent', 'mined')"


@dataclass
class Ground:
    """Everything of one run; ``injected`` counts what was really done."""

    place: Path
    where: str
    seed: int
    server: PostgresProcess | None
    injected: Counter[str] = field(default_factory=Counter)
    orders: list[payments.Order] = field(default_factory=list)
    """What was accepted, in its order."""
    stack: ExitStack = field(default_factory=ExitStack)

    def begin(self, units: int) -> None:
        """A new chain with a ledger on it, on which each payer has ``units``; relayers behind the faults."""
        self.dice = Random(f"{self.seed}: deeds")  # noqa: S311 - chance that can be repeated is what is wanted
        configured = os.environ.get("CHAINWALLET_ANVIL")
        self.anvil = find_anvil(Path(configured) if configured else None)
        self.chain = RunningChain.start(self.place / "chain", self.anvil, Node)
        self.stack.callback(self._stop_chain)
        self.bench = self._deployed(units)
        self.stack.callback(self._close)
        self.pulse = self.stack.enter_context(Pulse(self.chain.url))
        self.proxy = Pool(
            self.chain.url, RATES, self.seed, second=SECOND, second_port=0, longest_delay_ms=LONGEST_DELAY_MS
        )
        self.stack.enter_context(self.proxy)
        self.first = self.bench.node.block_number()
        """No reorg goes below: the ledger itself stays, and of what Anvil has loaded it can take back nothing."""
        self.bench.node.mine(DEEPEST)
        self.chain.save()
        self.nodes = f"{self.proxy.url},{self.proxy.second_url}"
        self.desk_node = self.stack.enter_context(Node(self.nodes))
        self.crew = Crew(lambda: Ways(self.where, self.nodes, str(self.place)))
        self.stack.callback(self.crew.kill_all)
        self.crew.hire(*RELAYERS)

    def _stop_chain(self) -> None:
        self.chain.stop()  # the one that runs by then

    def _close(self) -> None:
        self.bench.database.close()
        self.bench.node.close()

    def _deployed(self, units: int) -> Bench:
        node = Node(self.chain.url)
        for name in (*SERVICES, *RELAYERS, "stranger", "eve"):
            node.set_balance(key_of(name).address, 10**6 * ETHER)
        chain, database = deployment.chain_of(node), Database.open(self.where)
        with closing(relayer_for(database, node, chain)) as relayer:
            manifest, _ = deployment.deploy(node, database, relayer.deliver, self.place, ROLES, [EUR], int(time.time()))
            contract = manifest.contract(EUR)
            assert contract is not None
            cash = Cash(chain, EUR, contract.address)
            for name in (*MANAGED, EXTERNAL):
                amounts = {key_of(name).address: parse_money(str(units), EUR)}
                issuing.top_up(database, relayer.deliver, ROLES.issuer, cash, amounts, name, int(time.time()))
        return Bench(node, self.chain.url, self.where, database, Deployed(chain, manifest, self.place), cash)

    # -------------------------------------------------------------------------------------------- looking

    def count(self, query: str, *values: object) -> int:
        """The only number that ``query`` gives."""
        (row,) = rows_of(self.where, query, *values)
        return int(next(iter(row.values())))

    def stage_of(self, order: payments.Order) -> str:
        """Where the payment stands; nothing where it is unknown."""
        rows = rows_of(self.where, "SELECT stage FROM promises WHERE id = ?", order.id)
        return str(rows[0]["stage"]) if rows else ""

    def open(self) -> int:
        """How many payments and transactions have not ended."""
        payments_ = self.count(f"SELECT count(*) FROM promises WHERE stage IN {OPEN}")  # noqa: S608 - our own words
        return payments_ + self.count(f"SELECT count(*) FROM submissions WHERE stage IN {UNDER_WAY}")  # noqa: S608

    def is_recovering(self) -> bool:
        """Whether the chain is known to know more than the database."""
        return bool(self.count("SELECT count(*) FROM recoveries WHERE ended_at_s IS NULL"))

    def is_held_up(self) -> bool:
        """Whether somebody holds what every relayer must write."""
        try:
            if self.server is None:
                with closing(sqlite3.connect(self.where, timeout=0.2, isolation_level=None)) as file:
                    file.execute("BEGIN IMMEDIATE")
            else:
                with psycopg.connect(self.where) as server:
                    server.execute("SELECT * FROM leases FOR UPDATE NOWAIT")
        except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
            return True
        return False

    def wait_until(self, holds: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
        """Waits until ``holds``, and lets recoveries be over; asserts that something changes within ``within_s``."""
        seen, give_up_at = None, time.monotonic() + within_s
        while not holds():
            self.crew.check()
            self.wait_out()
            now = rows_of(self.where, "SELECT max(id) AS last FROM happenings")
            if now != seen:
                seen, give_up_at = now, time.monotonic() + within_s
            assert time.monotonic() < give_up_at, f"waited in vain: {what}"
            time.sleep(LOOK_S)

    # -------------------------------------------------------------------------------------------- time

    def pass_time(self, seconds: int) -> None:
        """The chain's clock goes on by ``seconds``, and blocks with the new time become final."""
        with self.pulse.held():
            self.bench.node.set_time(max(self.bench.now_s, int(time.time())) + seconds)
            self.bench.node.mine(CONFIRMATIONS + 1)

    def wait_out(self) -> None:
        """Where the chain knows more than the database, nothing is accepted for as long as a document can live."""
        if self.is_recovering():
            self.pass_time(LONGEST_LIFETIME_S + 60)
            self.injected["recovery waited out"] += 1
            give_up_at = time.monotonic() + PATIENCE_S
            while self.is_recovering():
                self.crew.check()
                assert time.monotonic() < give_up_at, "a recovery does not end"
                time.sleep(LOOK_S)

    # -------------------------------------------------------------------------------------------- changes

    def reopen(self) -> None:
        """The database at the same place is another one now."""
        self.bench = replace(self.bench, database=Database.open(self.where))

    def restart_chain(self) -> None:
        """Anvil is started from its last save."""
        self.chain = RunningChain.start(self.place / "chain", self.anvil, Node)
        self.proxy.redirect(self.chain.url)
        self.pulse.url = self.chain.url
        self.bench.node.close()
        self.bench = replace(self.bench, node=Node(self.chain.url), url=self.chain.url)

    def say(self, words: str) -> None:
        """A line for who watches."""
        print(f"{len(self.orders):>7,} accepted, {self.open():>5,} open; {words}", file=sys.stderr, flush=True)


def signer_of(payer: Address) -> LocalSigner:
    """The key that the service holds for a managed payer."""
    return key_of(PAYERS[payer])


@contextlib.contextmanager
def prepared(store: str, seed: int, place: Path, server: PostgresProcess | None = None) -> Iterator[Ground]:
    """A run in ``place``; on PostgreSQL with a ``server`` of its own, which it may kill."""
    with ExitStack() as stack:
        where = str(place / "chainwallet.db")
        if store == "postgres":
            server = server or stack.enter_context(PostgresProcess(*OF_LONG_LIFE))
            where = stack.enter_context(server.migrated())
        ground = Ground(place, where, seed, server if store == "postgres" else None)
        with ground.stack:
            yield ground
