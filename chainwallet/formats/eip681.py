"""EIP-681: a text that asks a wallet for a token transfer, for wallets that know nothing of this service."""

from chainwallet.evm import Address, checksum


def transfer_request(token: Address, chain_id: int, payee: Address, units: int) -> str:
    """Asks for ``units`` of the ERC-20 contract ``token`` for ``payee``.

    Whatever is paid by it comes in as a movement: nothing on the chain says that it was asked for.
    """
    return f"ethereum:{checksum(token)}@{chain_id}/transfer?address={checksum(payee)}&uint256={units}"
