"""The local chain as a managed child: real Anvils, real processes, real kills."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth_account import Account

from chainwallet.anvil import (
    Died,
    Running,
    RunningChain,
    Starting,
    Stopped,
    down,
    draw_chain_id,
    find_anvil,
    open_chain,
    status,
    up,
)
from chainwallet.anvil import child as children
from chainwallet.anvil.child import Child, Genesis
from chainwallet.anvil.directory import ChainDirectory, RunningNote
from chainwallet.errors import (
    BadValue,
    DamagedHome,
    HomeInUse,
    HomeNotWritable,
    LocalChainDied,
    MissingTool,
    NodeTrouble,
    NodeUnreachable,
)
from chainwallet.evm import Address, Hash32, keccak256
from chainwallet.rpc import Node, SendAnswer

WAIT_S = 20.0
KEY = Account.create()
PAYER = Address(bytes.fromhex(KEY.address[2:]))
PAYEE = Address(b"\x33" * 20)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds."""
    give_up_at = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether process ``pid`` runs; one that has ended and waits to be collected does not."""
    try:
        return not Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].startswith(" Z")
    except (FileNotFoundError, ProcessLookupError):
        return False


def pay(node: Node) -> Hash32:
    """Mine one transfer of 1 wei."""
    raw = KEY.sign_transaction(
        {
            "type": 2,
            "chainId": node.chain_id(),
            "nonce": node.transaction_count(PAYER),
            "to": PAYEE,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
        }
    ).raw_transaction
    assert node.send_raw(bytes(raw)).answer is SendAnswer.ACCEPTED
    wait_for(lambda: node.receipt(keccak256(bytes(raw))) is not None)
    return keccak256(bytes(raw))


def everything(node: Node, transactions: list[Hash32]) -> list[object]:
    """What must not change over a save and reload."""
    head = node.block_number()
    return [
        node.chain_id(),
        [node.block(number) for number in range(head + 1)],
        [node.receipt(tx) for tx in transactions],
        [node.balance_wei(PAYEE, number) for number in range(head + 1)],
        [node.call(PAYEE, b"", at=number) for number in range(head + 1)],
        node.balance_wei(PAYER),
        node.fees(),
    ]


def supervisor(chain_dir: Path, anvil: Path) -> list[str]:
    """The command that supervises ``chain_dir``."""
    code = (
        "import sys; from pathlib import Path\n"
        "from chainwallet.anvil import supervise; from chainwallet.rpc import Node\n"
        "supervise(Path(sys.argv[1]), Path(sys.argv[2]), Node)"
    )
    return [sys.executable, "-c", code, str(chain_dir), str(anvil)]


@pytest.fixture
def put_down(tmp_path: Path) -> Iterator[None]:
    """Put the test's supervised chain down, whatever the test did to it."""
    yield
    down(tmp_path)


@contextmanager
def owner(chain_dir: Path, anvil: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that runs the chain of ``chain_dir`` itself until it is told or killed, and Anvil's process id."""
    code = (
        "import sys; from pathlib import Path\n"
        "from chainwallet.anvil import RunningChain; from chainwallet.rpc import Node\n"
        "with RunningChain.start(Path(sys.argv[1]), Path(sys.argv[2]), Node) as chain:\n"
        "    print(chain.anvil_pid, flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, str(chain_dir), str(anvil)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_everything_survives_a_stop_and_a_reload(tmp_path: Path, anvil_binary: Path) -> None:
    """Genesis, block hashes, receipts, balances, old states, times and the chain id are the same after a reload."""
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        node.set_balance(PAYER, 10**18)
        transactions = [pay(node) for _ in range(3)]
        before = everything(node, transactions)
        genesis = node.genesis_hash()
    for _ in range(4):
        second = int(time.time())
        wait_for(lambda: int(time.time()) != second)  # noqa: B023 - Anvil makes another genesis in another second
        with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
            assert everything(node, transactions) == before
            assert chain.identity.genesis == genesis.hex()
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        head = node.block("latest")
        pay(node)
        assert node.block("latest").parent == head.hash
        assert abs(node.block("latest").timestamp_s - time.time()) < 2, "the chain's clock is the machine's again"


@pytest.mark.parametrize("history_blocks", [500, -1], ids=["short", "long"])
def test_eth_given_without_a_block_survives_a_stop(
    tmp_path: Path, anvil_binary: Path, monkeypatch: pytest.MonkeyPatch, history_blocks: int
) -> None:
    """ETH given without mining a block is there after a stop and a start, on short chains and long ones."""
    monkeypatch.setattr("chainwallet.anvil.chain.HISTORY_BLOCKS", history_blocks)
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        node.set_balance(PAYEE, 7)
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        assert node.balance_wei(PAYEE) == 7


def test_a_save_survives_the_kill_of_its_process(tmp_path: Path, anvil_binary: Path) -> None:
    """What was saved is there after the process that ran the chain is killed, with the same id and block hashes."""
    state = tmp_path / "state.json.gz"
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        node.set_balance(PAYER, 10**18)
        tx = pay(node)
        chain.save()
        saved, saved_at = state.read_bytes(), state.stat().st_mtime_ns
        chain.save()
        assert state.stat().st_mtime_ns == saved_at, "an unchanged head is not saved again"
        blocks = [node.block(number) for number in range(2)]
    state.write_bytes(saved)  # as a kill right after the save would have left it
    with RunningChain.start(tmp_path, anvil_binary, Node) as again, Node(again.url) as node:
        assert [node.block(number) for number in range(2)] == blocks
        assert node.receipt(tx) is not None
        assert node.balance_wei(PAYEE) == 1
        assert again.chain_id == chain.chain_id
        with pytest.raises(NodeTrouble):  # old states are only kept by a stop; they are refused, never answered wrongly
            node.balance_wei(PAYEE, 0)


def test_a_new_chain_has_a_new_id(tmp_path: Path, anvil_binary: Path) -> None:
    """A chain whose saved state was deleted begins anew with another chain id."""
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain:
        first = chain.identity
    (tmp_path / "state.json.gz").unlink()
    with RunningChain.start(tmp_path, anvil_binary, Node, purpose="demo") as chain:
        second = chain.identity
    assert second.chain_id != first.chain_id
    assert (first.purpose, second.purpose) == ("own", "demo")
    assert all(1_000_000 <= draw_chain_id() < 4_503_599_627_370_476 for _ in range(1000))


def test_a_chain_id_may_be_given_to_a_new_chain_only(tmp_path: Path, anvil_binary: Path) -> None:
    """A given chain id is taken by a new chain, and refused where the saved chain has another or it is too large."""
    with RunningChain.start(tmp_path, anvil_binary, Node, chain_id=1_234_567) as chain, Node(chain.url) as node:
        assert chain.chain_id == node.chain_id() == 1_234_567
    with pytest.raises(BadValue, match="chain_id: got 1234568, expected 1234567, the id of the saved chain"):
        RunningChain.start(tmp_path, anvil_binary, Node, chain_id=1_234_568)
    with pytest.raises(BadValue, match="chain_id"):
        RunningChain.start(tmp_path / "other", anvil_binary, Node, chain_id=4_503_599_627_370_476)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-20] + bytes(20),
        lambda _: b"",
        lambda _: b"not gzip",
        lambda _: gzip.compress(b"{}"),
    ],
    ids=["cut off", "altered", "empty", "other", "no chain"],
)
def test_a_damaged_state_is_refused_by_name(
    tmp_path: Path, anvil_binary: Path, damage: Callable[[bytes], bytes]
) -> None:
    """A saved state that does not read back is refused by its file's name and left as it is."""
    with RunningChain.start(tmp_path, anvil_binary, Node):
        pass
    state = tmp_path / "state.json.gz"
    state.write_bytes(damage(state.read_bytes()))
    left = state.read_bytes()
    with pytest.raises(DamagedHome, match=r"state\.json\.gz: damaged"):
        RunningChain.start(tmp_path, anvil_binary, Node)
    assert state.read_bytes() == left


def test_a_state_of_another_chain_is_refused(tmp_path: Path, anvil_binary: Path) -> None:
    """A state put in the place of another chain's is refused; so is a state without its chain's identity."""
    for name in ("one", "two"):
        second = int(time.time())
        wait_for(lambda: int(time.time()) != second)  # noqa: B023 - Anvil's genesis differs by its second only
        with RunningChain.start(tmp_path / name, anvil_binary, Node, chain_id=1_234_567):
            pass
    (tmp_path / "two" / "state.json.gz").replace(tmp_path / "one" / "state.json.gz")
    with pytest.raises(DamagedHome, match=r"state\.json\.gz.*the chain whose genesis is 0x"):
        RunningChain.start(tmp_path / "one", anvil_binary, Node)
    for content in ("", "{}", '{"format": 1, "chain_id": "7"}'):
        (tmp_path / "one" / "chain.json").write_text(content)
        with pytest.raises(DamagedHome, match=r"chain\.json"):
            RunningChain.start(tmp_path / "one", anvil_binary, Node)
    (tmp_path / "one" / "chain.json").unlink()
    with pytest.raises(DamagedHome, match=r"chain\.json"):
        RunningChain.start(tmp_path / "one", anvil_binary, Node)


def test_a_save_that_cannot_be_written_leaves_the_last_one(tmp_path: Path, anvil_binary: Path) -> None:
    """When a save cannot be written, it says so, and the last save still loads."""
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        (tmp_path / "state.json.gz.new").mkdir()
        node.mine()
        with pytest.raises(HomeNotWritable, match=r"state\.json\.gz: cannot be written"):
            chain.save()
        (tmp_path / "state.json.gz.new").rmdir()
        chain.save()
        assert is_alive(chain.anvil_pid)


def test_the_directory_is_private_and_anvil_writes_only_there(tmp_path: Path, anvil_binary: Path) -> None:
    """The chain's directory is open to nobody else, and Anvil's own files are gone after a stop."""
    chain_dir = tmp_path / "new" / "chain"
    with RunningChain.start(chain_dir, anvil_binary, Node) as chain:
        assert chain_dir.stat().st_mode & 0o777 == 0o700
        environment = Path(f"/proc/{chain.anvil_pid}/environ").read_bytes().split(b"\0")
        assert f"HOME={chain_dir / 'anvil-home'}".encode() in environment
    assert list((chain_dir / "anvil-home").iterdir()) == []


def test_a_taken_port_is_not_assumed(tmp_path: Path, anvil_binary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that another process took meanwhile is noticed, and another one is used."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1]]
        free_port = children._free_port
        monkeypatch.setattr(children, "_free_port", lambda: ports.pop() if ports else free_port())
        connect = lambda url: Node(url, timeout_s=0.1, attempts=1)  # noqa: E731 - the taken port never answers
        with RunningChain.start(tmp_path, anvil_binary, connect) as chain, Node(chain.url) as node:
            assert node.chain_id() == chain.chain_id
            assert str(taken.getsockname()[1]) not in chain.url
        assert ports == []


def test_two_processes_cannot_own_one_chain(tmp_path: Path, anvil_binary: Path) -> None:
    """A chain that one process runs is refused to another, naming the owner, and is free when the owner is killed."""
    with owner(tmp_path, anvil_binary) as (process, _):
        for refused in (
            lambda: RunningChain.start(tmp_path, anvil_binary, Node),
            lambda: up(tmp_path, supervisor(tmp_path, anvil_binary), Node),
            lambda: down(tmp_path),
        ):
            with pytest.raises(HomeInUse, match=f"process {process.pid}"):
                refused()
        now = status(tmp_path, Node)
        assert isinstance(now, Running)
        assert (now.pid, now.supervised, now.block) == (process.pid, False, 0)
    with RunningChain.start(tmp_path, anvil_binary, Node):
        pass


def test_killing_the_owner_leaves_no_anvil(tmp_path: Path, anvil_binary: Path) -> None:
    """When the process that runs a chain is killed with SIGKILL, its Anvil ends too, and that is said afterwards."""
    with owner(tmp_path, anvil_binary) as (process, anvil_pid):
        assert is_alive(anvil_pid)
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: not is_alive(anvil_pid))
        process.wait()
    died = status(tmp_path, Node)
    assert isinstance(died, Died)
    assert f"process {process.pid}" in died.reason


def test_where_the_kernel_does_not_help_a_guard_does(tmp_path: Path, anvil_binary: Path) -> None:
    """Tied by a pipe, as on macOS, Anvil ends with its owner as well, and a stop leaves no guard behind."""
    code = (
        "import sys; from pathlib import Path; from chainwallet.anvil.child import Child, Genesis, arguments\n"
        "here, anvil = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "child = Child(anvil, arguments(0, Genesis(7, 1), None), here, here / 'log', 'pipe')\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code, str(tmp_path), str(anvil_binary)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        anvil_pid = int(process.stdout.readline())
        wait_for(lambda: Path(f"/proc/{anvil_pid}/cmdline").read_bytes().startswith(bytes(anvil_binary)))
        guards = [int(pid) for pid in Path(f"/proc/{anvil_pid}/task/{anvil_pid}/children").read_text().split()]
        assert len(guards) == 1
        process.kill()
        wait_for(lambda: not is_alive(anvil_pid) and not is_alive(guards[0]))
    child = Child(anvil_binary, children.arguments(0, Genesis(7, 1), None), tmp_path, tmp_path / "log", "pipe")
    wait_for(lambda: bool(Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text()))
    guard = int(Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text())
    child.stop()
    wait_for(lambda: not is_alive(guard))


def test_a_chain_outlives_the_thread_that_started_it(tmp_path: Path, anvil_binary: Path) -> None:
    """A chain started from a thread runs on when that thread has ended."""
    chains: list[RunningChain] = []
    thread = threading.Thread(target=lambda: chains.append(RunningChain.start(tmp_path, anvil_binary, Node)))
    thread.start()
    thread.join()
    with chains[0] as chain, Node(chain.url) as node:
        node.mine()
        assert node.block_number() == 1


def test_an_anvil_killed_behind_our_back_is_noticed(tmp_path: Path, anvil_binary: Path) -> None:
    """A chain whose Anvil was killed says that it died, instead of a node that does not answer."""

    def lose_it() -> None:
        with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url, attempts=1) as node:
            chain.check_alive()
            os.kill(chain.anvil_pid, signal.SIGKILL)
            node.chain_id()

    def lose_it_unasked() -> None:
        with RunningChain.start(tmp_path, anvil_binary, Node) as chain:
            os.kill(chain.anvil_pid, signal.SIGKILL)

    with pytest.raises(LocalChainDied):
        lose_it_unasked()
    with pytest.raises(LocalChainDied) as died:
        lose_it()
    assert died.value.exit_status == -signal.SIGKILL
    assert isinstance(died.value.__context__, NodeUnreachable)
    with RunningChain.start(tmp_path, anvil_binary, Node):
        pass


def test_an_anvil_that_does_not_start_says_why(tmp_path: Path) -> None:
    """An Anvil that ends at its start is reported with its exit status and last words, and lets the chain go."""
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho no such luck >&2\nexit 3\n")
    broken.chmod(0o755)
    for _ in range(2):
        with pytest.raises(LocalChainDied, match="status 3: no such luck"):
            RunningChain.start(tmp_path / "chain", broken, Node)
    assert status(tmp_path / "chain", Node) == Stopped(None)


@pytest.mark.usefixtures("put_down")
def test_up_status_and_down(tmp_path: Path, anvil_binary: Path) -> None:
    """Up starts the chain once, status tells the truth at each step, down saves and stops it; all may be repeated."""
    assert status(tmp_path / "none", Node) == Stopped(None)
    assert down(tmp_path / "none") is False
    assert not (tmp_path / "none").exists()
    argv = supervisor(tmp_path, anvil_binary)
    first = up(tmp_path, argv, Node)
    assert up(tmp_path, argv, Node) == first == status(tmp_path, Node)
    assert is_alive(first.pid)
    with Node(first.url) as node:
        node.mine(3)
    assert status(tmp_path, Node) == Running(**{**vars(first), "block": 3})
    with open_chain(tmp_path, anvil_binary, Node) as chain:
        assert (chain.url, chain.supervised) == (first.url, True)
        chain.check_alive()
    assert down(tmp_path) is True
    assert not is_alive(first.anvil_pid)
    assert status(tmp_path, Node) == Stopped(first.chain_id)
    assert down(tmp_path) is False
    with open_chain(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
        assert (chain.chain_id, chain.supervised) == (first.chain_id, False)
        assert node.block_number() == 3
    assert status(tmp_path, Node) == Stopped(first.chain_id)


@pytest.mark.usefixtures("put_down")
def test_a_supervisor_that_is_killed_leaves_nothing_running(tmp_path: Path, anvil_binary: Path) -> None:
    """After a kill of the supervisor no Anvil is left, status says so, and up brings the saved chain back."""
    argv = supervisor(tmp_path, anvil_binary)
    first = up(tmp_path, argv, Node)
    with open_chain(tmp_path, anvil_binary, Node) as chain:
        os.kill(first.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(first.anvil_pid))
        wait_for(lambda: isinstance(status(tmp_path, Node), Died))
        with pytest.raises(LocalChainDied):
            chain.check_alive()
    second = up(tmp_path, argv, Node)
    assert (second.chain_id, second.pid == first.pid) == (first.chain_id, False)


@pytest.mark.usefixtures("put_down")
def test_a_supervised_anvil_that_dies_is_said(tmp_path: Path, anvil_binary: Path) -> None:
    """When a supervised Anvil dies, the supervisor says so and ends with a failure, and status tells why."""
    process = subprocess.Popen(supervisor(tmp_path, anvil_binary), stderr=subprocess.PIPE, text=True)
    wait_for(lambda: isinstance(status(tmp_path, Node), Running))
    running = status(tmp_path, Node)
    assert isinstance(running, Running)
    os.kill(running.anvil_pid, signal.SIGKILL)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode != 0
    assert "Anvil ended by itself with status -9" in said
    died = status(tmp_path, Node)
    assert isinstance(died, Died)
    assert "Anvil ended by itself with status -9" in died.reason
    assert down(tmp_path) is False
    assert isinstance(status(tmp_path, Node), Stopped)


@pytest.mark.usefixtures("put_down")
def test_a_supervisor_saves_what_is_mined(tmp_path: Path, anvil_binary: Path) -> None:
    """A supervised chain is saved without being told, so that a kill loses at most the last moment."""
    argv = supervisor(tmp_path, anvil_binary)
    first = up(tmp_path, argv, Node)
    before = (tmp_path / "state.json.gz").read_bytes()
    with Node(first.url) as node:
        node.mine(2)
    wait_for(lambda: (tmp_path / "state.json.gz").read_bytes() != before)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(first.anvil_pid))
    assert up(tmp_path, argv, Node).block == 2


def test_a_kill_while_saving_leaves_a_state_that_loads(tmp_path: Path, anvil_binary: Path) -> None:
    """However the process is killed while it saves, the state loads, holds the last save and never goes back."""
    code = (
        "import sys; from pathlib import Path\n"
        "from chainwallet.anvil import RunningChain; from chainwallet.rpc import Node\n"
        "chain = RunningChain.start(Path(sys.argv[1]), Path(sys.argv[2]), Node); node = Node(chain.url)\n"
        "while True: node.mine(); chain.save(); print(node.block_number(), flush=True)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path), str(anvil_binary)]
    reached = 0
    for moment in range(3):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(5 + moment):
                reached = max(reached, int(process.stdout.readline()))
            process.kill()
        with RunningChain.start(tmp_path, anvil_binary, Node) as chain, Node(chain.url) as node:
            assert node.block_number() >= reached
            reached = node.block_number()


def test_a_kill_at_each_step_of_a_save_leaves_a_whole_state(tmp_path: Path) -> None:
    """Killed before or after each file operation of a save, the state is the old one or the new one, whole."""
    code = (
        "import os, signal, sys; from pathlib import Path; from chainwallet.anvil.directory import ChainDirectory\n"
        "left = int(sys.argv[2]); directory = ChainDirectory(Path(sys.argv[1])); fsync = os.fsync\n"
        "def step(event='', _=()):\n"
        "    global left\n"
        "    if event in ('', 'open', 'os.rename', 'os.truncate', 'os.remove'):\n"
        "        left -= 1\n"
        "        if not left: os.kill(os.getpid(), signal.SIGKILL)\n"
        "def synced(file):\n"
        "    step(); fsync(file); step()\n"
        "os.fsync = synced; sys.addaudithook(step)\n"
        "directory.write_state(sys.stdin.buffer.read())"
    )
    old, new = (gzip.compress(text * 100_000, compresslevel=0) for text in (b"old", b"new"))
    state = tmp_path / "state.json.gz"
    found = []
    for step in range(1, 20):
        state.write_bytes(old)
        argv = [sys.executable, "-c", code, str(tmp_path), str(step)]
        ended = subprocess.run(argv, input=new, check=False, timeout=WAIT_S).returncode
        found.append(state.read_bytes())
        assert found[-1] in (old, new)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert found == sorted(found, key=[old, new].index)
    assert (found[0], found[-1], len(found) > 6) == (old, new, True)


def test_a_chain_that_is_starting_is_said_to_be(tmp_path: Path) -> None:
    """While a new owner starts, the note of a killed one is not taken for its own."""
    directory = ChainDirectory(tmp_path)
    directory.note_running(RunningNote("http://127.0.0.1:1", 7, 1, 2, True, ""))
    assert isinstance(status(tmp_path, Node), Died)
    directory.acquire()
    assert status(tmp_path, Node) == Starting(os.getpid())
    directory.release()


@pytest.mark.usefixtures("put_down")
def test_up_raises_what_the_supervisor_met(tmp_path: Path, anvil_binary: Path) -> None:
    """A chain that does not come up is answered with the supervisor's own error."""
    with RunningChain.start(tmp_path, anvil_binary, Node):
        pass
    (tmp_path / "state.json.gz").write_bytes(b"")
    with pytest.raises(DamagedHome, match=r"state\.json\.gz"):
        up(tmp_path, supervisor(tmp_path, anvil_binary), Node)
    assert isinstance(status(tmp_path, Node), Died)
    with pytest.raises(LocalChainDied, match="nobody home"):
        up(tmp_path, [sys.executable, "-c", "raise SystemExit('nobody home')"], Node)


def test_the_configured_anvil_must_be_one(tmp_path: Path, anvil_binary: Path) -> None:
    """A configured path that is not a native Anvil of a known version is refused by field."""
    assert find_anvil(anvil_binary) == anvil_binary.resolve()
    old = tmp_path / "anvil"
    old.write_text("#!/bin/sh\necho anvil 0.2.0\n")
    old.chmod(0o755)
    for path in (tmp_path / "missing", tmp_path, Path(sys.executable), old):
        with pytest.raises(BadValue, match=r"^anvil: .*expected the path of a native Anvil 1\.7"):
            find_anvil(path)


def test_npms_launcher_leads_to_the_native_binary(
    tmp_path: Path, anvil_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """npm's launcher on PATH is not run; the native binary beside it is found."""
    from chainwallet.anvil import binary

    launcher = tmp_path / "node_modules" / "@foundry-rs" / "anvil" / "bin.mjs"
    native = tmp_path / "node_modules" / binary._npm_name()
    for path in (launcher.parent, native.parent, tmp_path / "bin"):
        path.mkdir(parents=True)
    launcher.write_text("#!/usr/bin/env node\n")
    launcher.chmod(0o755)
    (tmp_path / "bin" / "anvil").symlink_to(launcher)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(binary, "CHECKOUT", tmp_path / "elsewhere")
    with pytest.raises(MissingTool, match="npm ci --prefix contracts"):
        find_anvil()
    native.symlink_to(anvil_binary)
    assert find_anvil() == native
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(binary, "CHECKOUT", tmp_path)
    native.parent.parent.parent.parent.rename(tmp_path / "moved")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "moved").rename(tmp_path / "contracts" / "node_modules")
    assert find_anvil().resolve() == anvil_binary.resolve()


def test_the_running_note_is_json(tmp_path: Path, anvil_binary: Path) -> None:
    """While a chain runs, running.json names its address, id and processes; afterwards it is gone."""
    with RunningChain.start(tmp_path, anvil_binary, Node) as chain:
        note = json.loads((tmp_path / "running.json").read_text())
        assert (note["url"], note["chain_id"], note["pid"]) == (chain.url, chain.chain_id, os.getpid())
    assert not (tmp_path / "running.json").exists()
