"""One Anvil process as our child: started on a free port, tied to our life, heard when it dies."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from chainwallet.errors import HomeNotWritable, LocalChainDied, MissingTool, NodeTrouble, NodeUnreachable
from chainwallet.evm import Block, Hash32

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
"""A state of 250 MB loads in about 4 s."""
STOP_TIMEOUT_S = 10.0
PORT_ATTEMPTS = 3
POLL_S = 0.01
MAX_TRANSACTIONS = 100_000
"""Most transactions in a block; with Anvil's own limit automine locks up above about 1,000 waiting ones."""
LOG_LIMIT_BYTES = 1 << 20
TAIL_BYTES = 4096
TAIL_CHARACTERS = 300
PORT_TAKEN = "Address already in use"

Tie = Literal["kernel", "pipe"]
TIE: Tie = "kernel" if platform.system() == "Linux" else "pipe"


class LocalNode(Protocol):
    """What this package asks of the node it runs; ``chainwallet.rpc.Node`` answers it."""

    def chain_id(self) -> int:
        """The EIP-155 chain id."""

    def block(self, at: Literal["latest"]) -> Block:
        """The head."""

    def genesis_hash(self) -> Hash32:
        """The hash of block 0."""

    def set_time(self, timestamp_s: int) -> None:
        """Let the chain's clock go on from ``timestamp_s``, seconds since 1970."""

    def dump_state(self, *, history: bool, timeout_s: float) -> bytes:
        """The chain as a gzip stream."""

    def close(self) -> None:
        """Close the connections."""


Connect = Callable[[str], LocalNode]
"""From a URL to the node there; floors beside each other do not import each other, so the caller hands this in."""


def log_tail(path: Path) -> str:
    """The last lines of a log as one short line; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())[-TAIL_CHARACTERS:]


class Child:
    """A native Anvil that ends when this process ends, however it ends.

    Linux ties a child to the thread that started it, so a thread of its own starts Anvil and lasts until it is stopped.
    Raises ``MissingTool`` when the binary does not run.
    """

    def __init__(self, anvil: Path, arguments: list[str], home: Path, log: Path, tie: Tie = TIE) -> None:
        self.log = log
        launcher = Path(__file__).with_name("launcher.py")
        self._argv = [sys.executable, "-I", "-S", str(launcher), tie, str(os.getpid()), str(anvil), *arguments]
        self._home = home
        self._needs_pipe = tie == "pipe"
        self._released = threading.Event()
        started: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._hold, args=(started,), name="anvil keeper", daemon=True).start()
        try:
            self._process = started.result()
        except OSError as error:
            raise MissingTool(str(anvil), f"it does not start ({error.strerror})") from error

    @property
    def pid(self) -> int:
        """Anvil's own process id."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """None while Anvil runs; else its exit status, negative for a signal."""
        return self._process.poll()

    def check_alive(self, within_s: float = 0.0) -> None:
        """Raise ``LocalChainDied`` with the end of the log when Anvil has ended, or ends ``within_s`` from now."""
        with suppress(subprocess.TimeoutExpired):
            raise LocalChainDied(self._process.wait(within_s), log_tail(self.log))

    def bound_log(self) -> None:
        """Empty the log when it has grown past its limit."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            os.truncate(self.log, 0)

    def stop(self) -> None:
        """End Anvil, by force when it does not go; it is gone when this returns."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._released.set()

    def _hold(self, started: "Future[subprocess.Popen[bytes]]") -> None:
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - our launcher and the binary that find_anvil checked
                    self._argv,
                    env={"HOME": str(self._home), "PATH": os.defpath},
                    cwd=self._home,
                    stdin=subprocess.PIPE if self._needs_pipe else subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C at a terminal reaches us, not Anvil: we save first
                )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        self._released.wait()


@dataclass(frozen=True)
class Genesis:
    """What makes a chain this chain to Anvil: its id, and the second of block 0, from which block 0's hash follows."""

    chain_id: int
    timestamp_s: int


def arguments(port: int, genesis: Genesis, state: Path | None) -> list[str]:
    """Anvil's command line.

    The time of genesis is given at a reload too: Anvil 1.7.1 makes a block 0 of its own before it loads the state,
    dumps both if they differ, and takes either at the next reload. Its clock must be set after the start, therefore.
    """
    return [
        *("--host", HOST, "--port", str(port)),
        *("--chain-id", str(genesis.chain_id), "--timestamp", str(genesis.timestamp_s)),
        *("--accounts", "0", "--max-transactions", str(MAX_TRANSACTIONS)),
        *("--preserve-historical-states", "--no-cors", "--disable-console-log", "--quiet"),
        *(("--load-state", str(state)) if state else ()),
    ]


def start(
    anvil: Path, genesis: Genesis, state: Path | None, home: Path, log: Path, connect: Connect
) -> tuple[Child, str, LocalNode]:
    """Start Anvil on a free port and wait until it answers with its chain id: the child, its URL and its node.

    ``home`` is emptied first: Anvil leaves gigabytes there. Raises ``LocalChainDied`` with the end of the log when
    Anvil ends instead, and ``NodeUnreachable`` when it does not answer within ``START_TIMEOUT_S``.
    """
    for attempt in range(PORT_ATTEMPTS):
        empty(home, keep=state)
        log.write_bytes(b"")
        port = _free_port()
        child = Child(anvil, arguments(port, genesis, state), home, log)
        url = f"http://{HOST}:{port}"
        try:
            return child, url, _wait_until_answering(child, port, genesis.chain_id, connect(url))
        except LocalChainDied as died:
            child.stop()
            if PORT_TAKEN not in died.log_tail or attempt == PORT_ATTEMPTS - 1:
                raise
        except BaseException:
            child.stop()
            raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _wait_until_answering(child: Child, port: int, chain_id: int, node: LocalNode) -> LocalNode:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at:
        child.check_alive()
        if is_listening(port):
            try:
                if node.chain_id() == chain_id:
                    child.check_alive()
                    return node
            except NodeTrouble:
                pass  # not ready, or another's port: then Anvil ends in a moment
        time.sleep(POLL_S)
    raise NodeUnreachable(f"http://{HOST}:{port}", f"Anvil runs and does not answer within {START_TIMEOUT_S:g} s")


def is_listening(port: int) -> bool:
    """Whether something on this machine takes connections at ``port``."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def empty(home: Path, keep: Path | None = None) -> None:
    """Remove everything in ``home`` except the file ``keep``; raises ``HomeNotWritable``."""
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        for entry in home.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != keep:
                entry.unlink()
    except OSError as error:
        raise HomeNotWritable(str(home), error.strerror or type(error).__name__) from error
