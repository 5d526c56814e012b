"""Runs as a program of its own: become Anvil, tied to the life of the process that asked for it.

    launcher.py kernel PARENT_PID ANVIL ARGUMENT...
    launcher.py pipe   PARENT_PID ANVIL ARGUMENT...

``kernel`` (Linux): the kernel kills Anvil when the parent's thread that started it ends, ``kill -9`` included.
``pipe`` (elsewhere): a small guard beside Anvil waits for the end of its standard input, whose other end only the
parent holds, and then kills Anvil. This file imports nothing of the package, so that it starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tie_by_kernel(parent_pid: int) -> None:
    """Have the kernel kill this process, and what it becomes, when its parent ends; leave at once if it has ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        raise SystemExit("the parent ended before Anvil started")


def tie_by_pipe() -> None:
    """Leave a guard behind that kills this process, and what it becomes, when standard input ends."""
    anvil_pid = os.getpid()
    if os.fork() == 0:
        while os.read(0, 1):
            pass
        if os.getppid() == anvil_pid:  # otherwise Anvil has ended and its number may be another's
            os.kill(anvil_pid, signal.SIGKILL)
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def main(tie: str, parent_pid: str, anvil: str, *arguments: str) -> None:
    """Tie this process to its parent and become Anvil."""
    if tie == "kernel":
        tie_by_kernel(int(parent_pid))
    else:
        tie_by_pipe()
    os.execv(anvil, [anvil, *arguments])  # noqa: S606 - the path that find_anvil checked


if __name__ == "__main__":
    main(*sys.argv[1:])
