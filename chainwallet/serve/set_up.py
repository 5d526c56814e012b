"""What a service finds in its home, and what is still missing there."""

from collections.abc import Sequence
from contextlib import suppress

from chainwallet.anvil.directory import ChainDirectory
from chainwallet.errors import BadValue
from chainwallet.evm import ChainName, Hash32
from chainwallet.home import Home
from chainwallet.manifest import Manifest, read_manifest
from chainwallet.rules.money import currency_of

DEFAULT_CURRENCY = "EUR"
"""Where a local chain has no ledger yet and nobody says which."""


def local_chain_name(home: Home) -> ChainName | None:
    """The name of the home's local chain; None before it began."""
    identity = ChainDirectory(home.chain).identity()
    return None if identity is None else ChainName(identity.chain_id, Hash32(bytes.fromhex(identity.genesis)))


def deployed_on(home: Home, chain: ChainName) -> Manifest:
    """What is deployed on ``chain``, as the home knows."""
    return read_manifest(home.manifests, chain) or Manifest(chain, ())


def manifests_as_written(home: Home) -> dict[str, tuple[int, int]]:
    """What tells one writing of each of the home's manifests from the next; by the names of their files."""
    written = {}
    for path in home.manifests.glob("*.json"):
        with suppress(FileNotFoundError):
            found = path.stat()
            written[path.name] = (found.st_mtime_ns, found.st_ino)
    return written


def missing_currencies(deployed: Manifest, wanted: Sequence[str]) -> list[str]:
    """The codes of ``wanted`` that have no ledger yet; without any, one where there is none at all.

    Raises ``UnknownCurrency``.
    """
    codes = list(dict.fromkeys(currency_of(code).code for code in wanted))
    there = {contract.currency for contract in deployed.contracts}
    if not codes and not there:
        codes = [DEFAULT_CURRENCY]
    return [code for code in codes if code not in there]


def installed_on(home: Home, chain: ChainName, wanted: Sequence[str]) -> Manifest:
    """What is deployed on ``chain``; raises ``BadValue`` where a currency of ``wanted`` is not."""
    deployed = deployed_on(home, chain)
    lacks = missing_currencies(deployed, wanted)
    if lacks:
        expected = f"deployed ones; deploy with `chainwallet deploy --rpc ... --currency {lacks[0]}`"
        raise BadValue("currency", ", ".join(lacks), expected)
    return deployed
