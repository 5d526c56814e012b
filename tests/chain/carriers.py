"""A worker as a process of its own, to be killed, paused or left alone; forked from one that has imported all."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import rlp  # what the first questions import
import web3

from chainwallet.config import Limits
from chainwallet.errors import NodeTrouble, StoreTrouble, WrongChain
from chainwallet.manifest import read_manifest
from chainwallet.relayer import Relayer
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.store.database import Database
from chainwallet.worker import Worker
from tests.chain.bench import EUR, Bench, Deployed

assert web3
assert rlp
PAUSE_S = 0.01
SHORT_LEASE = Limits(confirmations=1, lease_s=1, resend_after_s=1)
"""A process that was killed is taken over within a second or two."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


@contextmanager
def worker_process(
    bench: Bench, url: str, *names: str, limits: Limits = SHORT_LEASE, settled: bool = False
) -> Iterator[BaseProcess]:
    """A process that carries with the keys of ``names``, and follows the chain; gone at the end of the block.

    It has begun, and where ``settled`` has let one tick pass in which nothing moved.
    """
    begun = _processes.Event()
    place = (bench.where, url, str(bench.deployed.manifests))
    process = _processes.Process(target=work, args=(*place, names, limits, begun, settled))
    process.start()
    try:
        assert begun.wait(20)
        yield process
    finally:
        process.kill()
        process.join()


def work(
    where: str, url: str, manifests: str, names: tuple[str, ...], limits: Limits, begun: Event, settled: bool
) -> None:
    """What the process does, until it is killed."""
    with Node(url, attempts=1) as node:
        bench = bench_of(where, node, url, Path(manifests))
        tools = bench.tools(*names)
        tools = replace(tools, limits=limits, carriers=frozenset(tools.senders))
        worker = Worker(tools, Relayer(tools), bench.indexer)
        if not settled:
            begun.set()
        while True:
            try:
                moved = worker.tick()
            except (NodeTrouble, StoreTrouble):
                moved = 0
            if not moved:
                begun.set()
                time.sleep(PAUSE_S)


def bench_of(where: str, node: Node, url: str, manifests: Path) -> Bench:
    """The bench of a test, in another process; raises ``WrongChain`` where the node names a chain that is not its."""
    from chainwallet.deployment import chain_of

    chain = chain_of(node)
    manifest = read_manifest(manifests, chain)
    if manifest is None:
        raise WrongChain("chain", "the manifest's", chain.key)
    contract = manifest.contract(EUR)
    assert contract is not None
    deployed = Deployed(chain, manifest, manifests)
    return Bench(node, url, where, Database.open(where), deployed, Cash(chain, EUR, contract.address))
