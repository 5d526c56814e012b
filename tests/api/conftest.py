"""The service in this process, over real parts: a chain of its own with ledgers, and for each test a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.store.database import Database
from tests.api.service import Asking, parts_for
from tests.chain.bench import EUR, Bench, Deployed
from tests.chain.conftest import deploy_on


@pytest.fixture(scope="session")
def local_chain(anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChain]:
    with RunningChain.start(tmp_path_factory.mktemp("chain"), anvil_binary, Node) as chain:
        yield chain


@pytest.fixture(scope="session")
def deployed(local_chain: RunningChain, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy_on(local_chain, tmp_path_factory.mktemp("deployed"))


@pytest.fixture
def bench(deployed: Deployed, local_chain: RunningChain, chain: Node, where: str, database: Database) -> Bench:
    """The same chain and database from behind, for what people do elsewhere."""
    contract = deployed.manifest.contract(EUR)
    assert contract is not None
    return Bench(chain, local_chain.url, where, database, deployed, Cash(deployed.chain, EUR, contract.address))


@pytest.fixture
def parts(deployed: Deployed, chain: Node, database: Database) -> Parts:
    return parts_for(deployed, chain, database)


@pytest.fixture
def client(parts: Parts) -> Iterator[Asking]:
    """Asks the service; what the service raises through its frame is raised in the test."""
    with Asking(make_app(parts)) as asking:
        yield asking
