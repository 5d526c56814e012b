"""Runs the command in a fork of a process that has it loaded.

Python's start and the modules' loading take longer than most of what the command does. What runs is the same code in a
process of its own, with its own environment, directory, arguments and standard streams. Where the start itself matters,
and at long runs that are killed, tests start the installed script (``Command.begin``).
"""

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import chainwallet
from chainwallet.cli import main

START_TIMEOUT_S = 60
HEADER = struct.Struct("!I")
RUN_WHEN_LOADED = ("__main__", "migrations.env")
START = "import sys; from tests.cli import forking; forking.serve(sys.argv[1])"
"""Not ``-m``: click says then that the command is called so."""


# ------------------------------------------------------------------------------------------------ the tests' side


class Forks:
    """The process that forks, started at the first use and ended with the tests."""

    def __init__(self) -> None:
        self._state = threading.Lock()
        self._address: str | None = None

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], directory: Path, timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end, as ``subprocess.run`` would. Raises ``subprocess.TimeoutExpired``."""
        told = {"arguments": list(arguments), "environment": dict(environment), "directory": str(directory)}
        message = json.dumps(told).encode()
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        with socket.socket(socket.AF_UNIX) as connection, ThreadPoolExecutor(2) as readers:
            connection.settimeout(timeout_s)
            connection.connect(self._started())
            socket.send_fds(connection, [HEADER.pack(len(message))], [its_out, its_err])
            os.close(its_out)
            os.close(its_err)
            connection.sendall(message)
            reading = [readers.submit(_text, end) for end in (out, err)]
            pid = HEADER.unpack(_exactly(connection, HEADER.size))[0]
            try:
                status = HEADER.unpack(_exactly(connection, HEADER.size))[0]
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None
            stdout, stderr = (one.result() for one in reading)
        return subprocess.CompletedProcess(list(arguments), os.waitstatus_to_exitcode(status), stdout, stderr)

    def _started(self) -> str:
        with self._state:
            if self._address is None:
                place = tempfile.mkdtemp(prefix="chainwallet-forks-")
                address = f"{place}/socket"
                process = subprocess.Popen([sys.executable, "-c", START, address], stdin=subprocess.PIPE)
                atexit.register(process.kill)
                give_up_at = time.monotonic() + START_TIMEOUT_S
                while not Path(address).exists():
                    assert process.poll() is None, "the process that forks has ended"
                    assert time.monotonic() < give_up_at, "the process that forks does not start"
                    time.sleep(0.01)
                self._address = address
            return self._address


def _text(end: int) -> str:
    with os.fdopen(end, encoding="utf-8") as stream:
        return stream.read()


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        assert part, "the process that forks has closed the connection"
        found += part
    return found


# ------------------------------------------------------------------------------------------------ the forking side


def serve(address: str) -> None:
    """Forks for whoever connects, until its own standard input ends."""
    for module in pkgutil.walk_packages(chainwallet.__path__, "chainwallet."):
        if not module.name.endswith(RUN_WHEN_LOADED):
            import_module(module.name)
    gc.freeze()  # what stands is shared with the forks, not looked through by each
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen(64)
        Path(f"{address}.new").rename(address)  # only now it can be connected to
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:
                return  # the tests have ended
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, streams, _, _ = socket.recv_fds(connection, HEADER.size, 2)
    told: dict[str, Any] = json.loads(_exactly(connection, HEADER.unpack(header)[0]))
    child = os.fork()
    if child == 0:
        connection.close()
        become(told, streams)
        return
    for stream in streams:
        os.close(stream)
    connection.sendall(HEADER.pack(child))
    _, status = os.waitpid(child, 0)
    connection.sendall(HEADER.pack(status))
    os._exit(0)


def become(told: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Makes this process what a shell would have started."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in enumerate((nothing, *streams)):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - to the process's end, as what it replaces
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115 - as above
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["directory"])
    sys.argv = ["chainwallet", *told["arguments"]]
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # Python would take itself apart, longer than most of what the command does
