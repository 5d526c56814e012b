"""What is read of a chain and its payments where nothing is to be done there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chainwallet.assembly.connecting import connect
from chainwallet.assembly.opening import OpenHome, open_home
from chainwallet.config import Config
from chainwallet.errors import NodeUnreachable
from chainwallet.manifest import read_every_manifest
from chainwallet.relayer.tools import DEFAULT_CONFIRMATIONS
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash


@dataclass(frozen=True)
class Books:
    """What the database and the manifests of a home say of one chain; reading them needs no node."""

    chain: str
    ledgers: tuple[Cash, ...]
    confirmations: int


def books(opened: OpenHome) -> Books:
    """The books of the chain that the node serves; while it cannot be reached, of the only chain with a manifest.

    Raises what ``connect`` raises where that does not say which chain is meant.
    """
    try:
        with connect(opened) as connection:
            return Books(connection.chain.key, tuple(connection.ledgers(None)), connection.confirmations)
    except NodeUnreachable:
        known = read_every_manifest(opened.home.manifests)
        if len(known) != 1:
            raise
        (manifest,) = known
    ledgers = [Cash(manifest.chain, contract.money_currency, contract.address) for contract in manifest.contracts]
    return Books(manifest.chain.key, tuple(ledgers), opened.config.limits.confirmations or DEFAULT_CONFIRMATIONS)


@contextmanager
def reading_node(config: Config) -> Iterator[Node]:
    """A node to read from: the configured one, for which no home is opened or made, or the home's local chain.

    Raises what ``connect`` and ``open_home`` raise.
    """
    if config.rpc is not None:
        with Node(config.rpc) as node:
            yield node
        return
    with open_home(config) as opened, connect(opened) as connection:
        yield connection.node
