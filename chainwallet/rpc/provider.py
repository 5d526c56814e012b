"""web3's side of an exchange: it writes the questions and reads the answers. Imported only when something is asked."""

import itertools

from web3.providers.base import JSONBaseProvider


class Provider(JSONBaseProvider):
    """web3's JSON-RPC encoding with ids that count from ``first_id``; ``Wire`` moves the bytes."""

    def __init__(self, first_id: int) -> None:
        super().__init__()
        self.request_counter = itertools.count(first_id)
