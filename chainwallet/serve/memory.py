"""The memory of the service's processes: what stands in it is not written to a file, and seldom looked through."""

import gc
import resource

NEW_OBJECTS = 20_000
"""So many more objects than have ended are made between two looks for those that refer to each other in a circle."""
LOOKS = 20
"""So many of these looks come before one at older objects."""


def keep_from_disk() -> None:
    """No core is dumped where this process fails, nor where one does that it starts (core(5)); for good.

    Keys and passwords stand in it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def settle() -> None:
    """What there is when a process begins to serve stays to its end: Python's collector need not look at it again.

    It would do so every few hundred requests, for a tenth of a second in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, LOOKS, LOOKS)
