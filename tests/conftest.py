"""The real things that tests share: one Anvil, put back as it was after each test that uses it, and one PostgreSQL."""

import json
import os
import shutil
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chainwallet.anvil import RunningChain, find_anvil
from chainwallet.compiler import find_solc
from chainwallet.rpc import Node
from chainwallet.store.database import Database
from tests.postgres import PostgresProcess

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the run in the background has it ignore interruptions, and so would every process under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


SLOW = ("tests/serve", "tests/client", "tests/chaos", "tests/cli", "tests/demo", "tests/machines")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def ask(url: str, method: str, *params: object) -> object:
    """The result of a JSON-RPC method that the product itself never calls."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own chain
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        result: object = json.load(response)["result"]
        return result


@pytest.fixture(scope="session")
def anvil_binary() -> Path:
    """The native Anvil: ``CHAINWALLET_ANVIL``, else one on PATH, else the checkout's own."""
    configured = os.environ.get("CHAINWALLET_ANVIL")
    return find_anvil(Path(configured) if configured else None)


@pytest.fixture(scope="session")
def local_chain(anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningChain]:
    """One local chain for the whole run. What a test does to it stays: use ``chain`` unless that is wanted."""
    with RunningChain.start(tmp_path_factory.mktemp("chain"), anvil_binary, Node) as chain:
        yield chain


@pytest.fixture
def chain(local_chain: RunningChain) -> Iterator[Node]:
    """A node of the local chain; everything that the test does to the chain is undone afterwards."""
    snapshot = ask(local_chain.url, "evm_snapshot")
    with Node(local_chain.url) as node:
        yield node
    assert ask(local_chain.url, "evm_revert", snapshot) is True


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProcess]:
    """One PostgreSQL for the whole run."""
    with PostgresProcess() as server:
        yield server


@pytest.fixture
def engine() -> str:
    """Which kind of database a test runs on; ``tests.postgres.on_both`` says both."""
    return "sqlite"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with this version's schema: copying it takes a tenth of the time of its migrations."""
    path = tmp_path_factory.mktemp("template") / "chainwallet.db"
    Database(path).close()
    return path


@pytest.fixture
def where(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a test's own new database is: what ``Database.open`` takes, in this process or in another one."""
    if engine == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_file")
        yield str(shutil.copy(migrated, tmp_path / "chainwallet.db"))
        return
    server: PostgresProcess = request.getfixturevalue("postgres")
    with server.migrated() as url:
        yield url


@pytest.fixture
def database(where: str) -> Iterator[Database]:
    with closing(Database.open(where)) as opened:
        yield opened


def shared_place(factory: pytest.TempPathFactory) -> Path:
    """A directory of this run alone that all its processes share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


REMEMBERING_SOLC = """#!{python}
import hashlib, os, subprocess, sys
from pathlib import Path
given = sys.stdin.buffer.read() if "--standard-json" in sys.argv else b""
question = hashlib.sha256(repr(sys.argv[1:]).encode() + given).hexdigest()
answer = Path("{memory}") / question
if not answer.exists():
    made = subprocess.run(["{solc}", *sys.argv[1:]], input=given, stdout=subprocess.PIPE, check=True).stdout
    fresh = answer.with_suffix(f".{{os.getpid()}}")
    fresh.write_bytes(made)
    fresh.rename(answer)
sys.stdout.buffer.write(answer.read_bytes())
"""


@pytest.fixture(scope="session")
def solc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiler; what it has compiled once in this run, for whichever of its processes, it answers from memory,
    because each time takes seconds.
    """
    place = tmp_path_factory.mktemp("solc")
    memory = shared_place(tmp_path_factory) / "compiled"
    memory.mkdir(exist_ok=True)
    configured = os.environ.get("SOLC")
    real = find_solc(configured=Path(configured) if configured else None)
    remembering = place / "solc"
    remembering.write_text(REMEMBERING_SOLC.format(python=sys.executable, memory=memory, solc=real), "utf-8")
    remembering.chmod(0o755)
    return remembering
