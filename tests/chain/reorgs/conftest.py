"""A chain of its own for what takes blocks back.

In whole runs these tests failed on the chain that had served all others: there a reorg of 64 blocks led to a state
without the ledger's code (why is not known; Anvil keeps few states in memory), and the head was so old that a document
of five minutes made at it was dead in the next block.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.rpc import Node
from tests.chain.bench import Deployed
from tests.chain.conftest import deploy_on


@pytest.fixture(scope="module")
def local_chain(anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChain]:
    with RunningChain.start(tmp_path_factory.mktemp("chain"), anvil_binary, Node) as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(local_chain: RunningChain, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy_on(local_chain, tmp_path_factory.mktemp("deployed"))
