"""Fixtures on the run's local chain: ledgers that all tests share; for each test a database and a way to the node."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainwallet import deployment, issuing
from chainwallet.anvil import RunningChain
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import parse_money
from chainwallet.store.database import Database
from tests.chain.bench import ETHER, EUR, FUNDED, JPY, ROLES, SERVICES, Bench, Deployed, key_of, relayer_for
from tests.chain.fault_proxy import FaultProxy


@pytest.fixture(scope="session")
def deployed(local_chain: RunningChain, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy_on(local_chain, tmp_path_factory.mktemp("deployed"))


def deploy_on(local_chain: RunningChain, home: Path) -> Deployed:
    """Ledgers on ``local_chain``, and people with money."""
    database = Database(home / "chainwallet.db")
    with Node(local_chain.url) as node:
        for name in SERVICES:
            node.set_balance(key_of(name).address, 100 * ETHER)
        chain = deployment.chain_of(node)
        deliver = relayer_for(database, node, chain).deliver
        manifest, _ = deployment.deploy(node, database, deliver, home, ROLES, [EUR, JPY], int(time.time()))
        contract = manifest.contract(EUR)
        assert contract is not None
        cash = Cash(chain, EUR, contract.address)
        for name, amount in FUNDED.items():
            amounts = {key_of(name).address: parse_money(amount, EUR)}
            issuing.top_up(database, deliver, ROLES.issuer, cash, amounts, f"{name}'s", int(time.time()))
    database.close()
    return Deployed(chain, manifest, home)


@pytest.fixture
def bench(deployed: Deployed, local_chain: RunningChain, chain: Node, where: str, database: Database) -> Bench:
    """On SQLite; a test or module marked ``tests.postgres.on_both`` runs on PostgreSQL too."""
    contract = deployed.manifest.contract(EUR)
    assert contract is not None
    return Bench(chain, local_chain.url, where, database, deployed, Cash(deployed.chain, EUR, contract.address))


@pytest.fixture
def proxy(local_chain: RunningChain) -> Iterator[FaultProxy]:
    with FaultProxy(local_chain.url) as running:
        yield running


@pytest.fixture
def faulty(bench: Bench, proxy: FaultProxy) -> Iterator[Bench]:
    """The bench behind the proxy; its node asks everything once."""
    with Node(proxy.url, attempts=1) as node:
        yield bench.through(node)
