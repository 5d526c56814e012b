"""Fixtures: a town is founded once; each test gets a copy of its chain, run by an Anvil of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.manifest import Manifest
from chainwallet.rpc import Node
from chainwallet.store.database import Database
from tests.indexing.town import Town, found_town


@pytest.fixture(scope="session")
def founded(anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    directory = tmp_path_factory.mktemp("town")
    return directory / "chain", found_town(directory, anvil_binary)


@pytest.fixture
def running(founded: tuple[Path, Manifest], anvil_binary: Path, tmp_path: Path) -> Iterator[RunningChain]:
    shutil.copytree(founded[0], tmp_path / "chain")
    with RunningChain.start(tmp_path / "chain", anvil_binary, Node) as chain:
        yield chain


@pytest.fixture
def town(founded: tuple[Path, Manifest], running: RunningChain, database: Database) -> Iterator[Town]:
    with Node(running.url) as node:
        yield Town(running.url, database, founded[1], node)
