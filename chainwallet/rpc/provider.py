"""web3's side of an exchange: it writes the questions and reads the answers. Imported only when something is asked."""

import itertools
import sys

_limit = sys.getrecursionlimit()

from web3.providers.base import JSONBaseProvider  # noqa: E402 - the limit is noted before, and restored after

# py_ecc, which web3 imports for pairings that nothing here uses, allows recursion so deep that the stack overflows:
# from then on, deeply nested JSON from anywhere would end the process instead of raising RecursionError.
sys.setrecursionlimit(_limit)


class Provider(JSONBaseProvider):
    """web3's JSON-RPC encoding with ids that count from ``first_id``; ``Wire`` moves the bytes."""

    def __init__(self, first_id: int) -> None:
        super().__init__()
        self.request_counter = itertools.count(first_id)
