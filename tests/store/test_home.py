"""The home: private, and changed by one process at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chainwallet.errors import HomeInUse, HomeNotWritable
from chainwallet.home import Home

HOLD = """
import sys
from pathlib import Path
from chainwallet.home import Home
with Home(Path(sys.argv[1])).locked(0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    """The home is made with its parents, for its owner alone, and closed to others where it was open."""
    home = Home(tmp_path / "a" / "home")
    for _ in range(2):
        home.create()
        assert home.path.stat().st_mode & 0o777 == 0o700
        home.path.chmod(0o755)
    with home.locked(0):
        assert (home.path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    """A home that cannot be made, or whose lock cannot be, is named as not writable."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeNotWritable):
        Home(tmp_path / "file").create()
    (tmp_path / "home" / "lock").mkdir(parents=True)
    with pytest.raises(HomeNotWritable) as refusal, Home(tmp_path / "home").locked(0):
        pass
    assert refusal.value.path.endswith("lock")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """While a process holds the home another one is told who it is; when it is killed, the home is free."""
    home = Home(tmp_path / "home")
    argv = [sys.executable, "-c", HOLD, str(home.path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeInUse) as refusal, home.locked(0):
            pass
        assert refusal.value.holder == f"process {holder.pid}"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with home.locked(0):
            assert (home.path / "lock").read_text() == f"process {os.getpid()}"


def test_a_waiting_process_gets_the_home_when_it_is_free(tmp_path: Path) -> None:
    """A process that may wait takes the home as soon as the one before it is done."""
    home = Home(tmp_path / "home")
    argv = [sys.executable, "-c", HOLD, str(home.path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.stdin.close()
        with home.locked(20):
            assert holder.wait(20) == 0
