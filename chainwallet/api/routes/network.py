"""What everybody may know of the network: the chain, the ledgers and how deep is final."""

from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.network import NetworkDocument

router = Router(tags=["network"])


@router.get("/v1/network")
async def network(parts: GivenParts) -> NetworkDocument:
    """The chain, its currencies and their contracts."""
    return NetworkDocument.of(parts.manifest, parts.confirmations)
