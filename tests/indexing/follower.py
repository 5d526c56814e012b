"""An indexer as a process of its own, to be killed; forked from one that has imported all, so it begins at once."""

import multiprocessing
import time
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import web3  # what the first question imports

from chainwallet.indexer import Indexer, Source
from chainwallet.manifest import read_manifest
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.store.database import Database

assert web3
SPAN = 4

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def begin(url: str, where: str, manifests: Path) -> BaseProcess:
    """A process that takes in everything up to the head, a few blocks in each transaction, and has begun."""
    begun = _processes.Event()
    process = _processes.Process(target=follow, args=(url, where, str(manifests), begun))
    process.start()
    assert begun.wait(20)
    return process


def follow(url: str, where: str, manifests: str, begun: Event) -> None:
    """What the process does."""
    with Node(url) as node:
        blocks = Blocks(node)
        chain = blocks.chain()
        manifest = read_manifest(Path(manifests), chain)
        assert manifest is not None
        (contract,) = manifest.contracts
        cash = Cash(chain, contract.money_currency, contract.address)
        source = Source(cash.token, cash.address, contract.block)
        indexer = Indexer(Database.open(where), blocks, chain, [source], time.time, time.monotonic, span=SPAN)
        begun.set()
        indexer.catch_up()
