"""The memory of the service's processes, in which keys and passwords stand: none of it is written to a file."""

import resource


def keep_from_disk() -> None:
    """No core is dumped where this process fails, nor where one does that it starts (core(5)); for good."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
