"""The network: which chain it is, and the currencies on it."""

from pydantic import Field

from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.words import AddressText, HashText
from chainwallet.evm import checksum, to_hex
from chainwallet.manifest import Manifest
from chainwallet.rules.money import TOKEN_DECIMALS


class Ledger(Document):
    """A currency and the contract that keeps it."""

    currency: str = Field(description="ISO 4217 code", examples=["EUR"])
    decimals: int = Field(description="Of amounts in this API", examples=[2])
    token_decimals: int = Field(description="Of the contract's units", examples=[6])
    contract: AddressText
    deployed_in_block: int = Field(ge=0, examples=[3])
    code_hash: HashText = Field(description="Keccak-256 of the contract's code")


class NetworkDocument(Document):
    """The chain, its ledgers, and how deep is final."""

    chain_id: int = Field(gt=0, examples=[31337])
    genesis: HashText = Field(description="The hash of block 0")
    confirmations: int = Field(ge=1, description="Blocks until a payment is final, its own counted", examples=[5])
    currencies: list[Ledger]

    @classmethod
    def of(cls, manifest: Manifest, confirmations: int) -> "NetworkDocument":
        """The document of the chain that ``manifest`` describes."""
        return cls(
            chain_id=manifest.chain.chain_id,
            genesis=to_hex(manifest.chain.genesis),
            confirmations=confirmations,
            currencies=[
                Ledger(
                    currency=contract.currency,
                    decimals=contract.money_currency.decimals,
                    token_decimals=TOKEN_DECIMALS,
                    contract=checksum(contract.address),
                    deployed_in_block=contract.block,
                    code_hash=to_hex(contract.code_hash),
                )
                for contract in manifest.contracts
            ],
        )
