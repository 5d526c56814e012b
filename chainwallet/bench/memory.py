"""How much memory a process has needed."""

import resource
from pathlib import Path


def peak_rss_mb() -> int:
    """Of this process since its program began: what it was before, as its parent's copy, does not count."""
    try:
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass  # not Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024**2
