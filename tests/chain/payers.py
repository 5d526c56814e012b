"""Somebody with wallets here: a teller with a small directory, as ``assembly`` makes it."""

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from chainwallet import payments
from chainwallet.errors import NotFound
from chainwallet.evm import Address
from chainwallet.payments import Desk, Order, Teller
from chainwallet.store.promises import Promise
from tests.chain.bench import PAYERS, Bench, key_of


class People:
    """The people of the tests, by their names."""

    def __init__(self) -> None:
        self.names = dict(PAYERS)

    def addresses_of(self, handles: Collection[str]) -> Mapping[str, Address]:
        return {name: address for address, name in self.names.items() if name in handles}

    def wallets_of(self, account_ids: Collection[int]) -> Mapping[int, tuple[Address, ...]]:
        raise NotFound("account", str(account_ids), "people here have names and no accounts")

    def handles_of(self, addresses: Collection[Address]) -> Mapping[Address, str]:
        return {address: self.names[address] for address in addresses if address in self.names}


def teller_for(bench: Bench, external: Collection[str] = (), **changes: Any) -> Teller:
    """A teller on the bench's ledger; those of ``external`` sign elsewhere."""
    bench.indexer().catch_up()
    elsewhere = {key_of(name).address for name in external}

    def accept(desk: Desk, order: Order, signer: Any) -> Promise:
        return payments.accept(desk, order, signer, secrets.token_bytes(32), bench.now_s)

    usual: dict[str, Any] = {
        "desks": {"EUR": bench.desk()},
        "directory": People(),
        "accept": accept,
        "signer_of": lambda one: key_of(PAYERS[one]) if one in PAYERS and one not in elsewhere else None,
        "relayer": key_of("relayer").address,
        "salt": lambda: b"salt",
        "now_s": lambda: bench.now_s,
    }
    return Teller(bench.database, bench.node, bench.chain.key, **{**usual, **changes})
