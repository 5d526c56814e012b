"""Runs as a program of its own: become another one, tied to the life of the process that asked for it.

    launcher.py kernel PARENT_PID PROGRAM ARGUMENT...
    launcher.py pipe   PARENT_PID PROGRAM ARGUMENT...

``kernel`` (Linux): the kernel kills the program when the parent's thread that started it ends, ``kill -9`` included.
``pipe`` (elsewhere): a small guard beside it waits for the end of its standard input, whose other end only the parent
holds, and then kills it. This file imports nothing of the package, so that it starts in a few milliseconds.

The programs are Anvil, and those that the service consists of.
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
        raise SystemExit("the parent ended before this program started")


def tie_by_pipe() -> None:
    """Leave a guard behind that kills this process, and what it becomes, when standard input ends."""
    program_pid = os.getpid()
    if os.fork() == 0:
        while os.read(0, 1):
            pass
        if os.getppid() == program_pid:  # otherwise it has ended and its number may be another's
            os.kill(program_pid, signal.SIGKILL)
        os._exit(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def main(tie: str, parent_pid: str, program: str, *arguments: str) -> None:
    """Tie this process to its parent and become ``program``."""
    if tie == "kernel":
        tie_by_kernel(int(parent_pid))
    else:
        tie_by_pipe()
    os.execv(program, [program, *arguments])  # noqa: S606 - the path of an Anvil that was checked, or our own Python


if __name__ == "__main__":
    main(*sys.argv[1:])
