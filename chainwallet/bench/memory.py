"""How much memory a process has needed."""

import resource
from pathlib import Path


def status_kb(pid: int | str, kind: str) -> int:
    """The line ``kind`` of the status that Linux gives of the process ``pid`` (proc(5)); 0 where it has none.

    Raises ``OSError`` where there is no such process, or no Linux.
    """
    for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1])
    return 0


def peak_rss_mb() -> int:
    """Of this process since its program began: what it was before, as its parent's copy, does not count."""
    try:
        return status_kb("self", "VmHWM") // 1024
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2
