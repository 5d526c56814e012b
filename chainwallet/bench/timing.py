"""How long computing takes, by the processor: other work on the machine does not count."""

from collections.abc import Callable
from time import process_time


def processor_s(work: Callable[[], object]) -> float:
    """Seconds that this process used a processor for ``work``."""
    start = process_time()
    work()
    return process_time() - start
