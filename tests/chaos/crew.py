"""The relayers of a run: processes with one lane each, which are killed, paused, and hired again."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeVar

from chainwallet.config import Limits
from chainwallet.errors import ChainMismatch, KeyServiceTrouble, NodeTrouble, StoreTrouble
from chainwallet.indexer import Indexer, Source
from chainwallet.relayer import Relayer
from chainwallet.rpc import Blocks, Node
from chainwallet.worker import Worker
from tests.chain.bench import PAYERS, Bench
from tests.chain.carriers import bench_of

LIMITS = Limits(confirmations=2, lease_s=10, resend_after_s=1, bump_after_s=2, batch_items=100)
PAUSE_S = 0.02
RELAYERS = ("relayer", "relayer two")
"""The keys that carry. Nobody else has the first; the second one's is used elsewhere too."""

TROUBLE = (NodeTrouble, ChainMismatch, StoreTrouble, KeyServiceTrouble)
"""What `chainwallet relayer run` waits out."""

T = TypeVar("T")
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Ways:
    """What a relayer is told: where the database is, where the nodes are, and where the manifests."""

    where: str
    nodes: str
    manifests: str


@dataclass
class Crew:
    """All relayers that run now, by the key each carries with."""

    ways: Callable[[], Ways]
    at_work: dict[str, BaseProcess] = field(default_factory=dict)

    def hire(self, *names: str) -> None:
        """A process for each of ``names``, as a service manager starts it: it gets on by itself, whatever fails."""
        for name in names:
            self.at_work[name] = self._start(name)

    def _start(self, name: str) -> BaseProcess:
        process = _processes.Process(target=work, args=(self.ways(), name, os.getpid()), name=name)
        process.start()
        return process

    @contextlib.contextmanager
    def doubled(self, names: Sequence[str] = RELAYERS) -> Iterator[None]:
        """A second process for each lane, until the end of the block."""
        others = [self._start(name) for name in names]
        try:
            yield
            assert all(other.is_alive() for other in others), "a relayer ended by itself"
        finally:
            for other in others:
                _end(other)

    def kill(self, name: str) -> None:
        """``kill -9``."""
        self.check()
        _end(self.at_work.pop(name))

    def kill_all(self) -> None:
        """``kill -9`` for each."""
        for process in self.at_work.values():
            _end(process)
        self.at_work.clear()

    @contextlib.contextmanager
    def paused(self, *names: str) -> Iterator[None]:
        """Those of ``names`` stand still until the end of the block."""
        pids = [self.at_work[name].pid for name in names]
        try:
            for pid in pids:
                os.kill(pid or 0, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                os.kill(pid or 0, signal.SIGCONT)

    def check(self) -> None:
        """Asserts that no relayer has ended by itself: none may, whatever happens to it."""
        ended = [name for name, process in self.at_work.items() if not process.is_alive()]
        assert not ended, f"ended by itself: {ended}"


def _end(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _note(log: Path, trouble: Exception) -> None:
    with log.open("a") as file:
        file.write(f"{time.time():.1f} {type(trouble).__name__}: {str(trouble)[:200]}\n")


def work(ways: Ways, name: str, run: int) -> None:
    """What a process does until it is killed, or until the process of the ``run`` is gone."""
    with Node(ways.nodes, attempts=1) as node:
        bench = _until_it_goes(lambda: bench_of(ways.where, node, "", Path(ways.manifests)))
        usual = bench.tools(name, limits=LIMITS, managed=lambda: tuple(PAYERS))
        tools = replace(usual, carriers=frozenset(usual.senders))
        worker = Worker(tools, Relayer(tools), lambda: indexer_of(bench))
        while _is_there(run):
            try:
                moved = worker.tick()
            except TROUBLE as trouble:
                moved = 0
                _note(Path(ways.manifests) / f"{name}.log", trouble)
            if not moved:
                time.sleep(PAUSE_S)


def indexer_of(bench: Bench) -> Indexer:
    """As the product makes it: it waits a while for a node that is behind, before it takes anything back."""
    contract = bench.deployed.manifest.contract(bench.cash.currency)
    assert contract is not None
    source = Source(bench.cash.token, bench.cash.address, contract.block)
    return Indexer(bench.database, Blocks(bench.node), bench.chain, [source], time.time, time.monotonic)


def _until_it_goes(begin: Callable[[], T]) -> T:
    while True:
        try:
            return begin()
        except TROUBLE:
            time.sleep(PAUSE_S)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
