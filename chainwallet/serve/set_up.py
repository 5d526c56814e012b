"""What a service finds in its home, and what is still missing there."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainwallet.anvil.directory import ChainDirectory
from chainwallet.errors import BadValue
from chainwallet.evm import ChainName, Hash32
from chainwallet.home import Home
from chainwallet.manifest import Manifest, read_manifest
from chainwallet.rules.money import currency_of

DEFAULT_CURRENCY = "EUR"
"""Where a local chain has no ledger yet and nobody says which."""


@dataclass(frozen=True)
class Installed:
    """What is deployed on the chain of a service."""

    home: Home
    manifest: Manifest


def local_chain_name(home: Home) -> ChainName | None:
    """The name of the home's local chain; None before it began."""
    identity = ChainDirectory(home.chain).identity()
    return None if identity is None else ChainName(identity.chain_id, Hash32(bytes.fromhex(identity.genesis)))


def missing_currencies(home: Home, chain: ChainName, wanted: Sequence[str]) -> list[str]:
    """The codes of ``wanted`` that have no ledger on ``chain`` yet; without any, one where there is none at all.

    Raises ``UnknownCurrency``.
    """
    codes = list(dict.fromkeys(currency_of(code).code for code in wanted))
    manifest = read_manifest(home.manifests, chain)
    deployed = [contract.currency for contract in manifest.contracts] if manifest else []
    if not codes and not deployed:
        codes = [DEFAULT_CURRENCY]
    return [code for code in codes if code not in deployed]


def installed_on(home: Home, chain: ChainName, wanted: Sequence[str]) -> Installed:
    """What is deployed on ``chain``; raises ``BadValue`` where a currency of ``wanted`` is not."""
    manifest = read_manifest(home.manifests, chain) or Manifest(chain, ())
    lacks = missing_currencies(home, chain, wanted)
    if lacks:
        expected = f"deployed ones; deploy with `chainwallet deploy --rpc ... --currency {lacks[0]}`"
        raise BadValue("currency", ", ".join(lacks), expected)
    return Installed(home, manifest)
