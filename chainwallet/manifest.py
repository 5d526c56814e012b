"""Deployment manifests: what stands where on one chain, as a file that anyone may read and check.

One file for each chain, ``<chain id>-<genesis hash>.json``, written whole or not at all.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chainwallet.errors import BadValue, DamagedHome, HomeNotWritable, Refused
from chainwallet.evm import Address, BlockNumber, ChainName, Hash32, checksum, from_hex, parse_address, to_hex
from chainwallet.rules.money import Currency, currency_of

FORMAT = 1


@dataclass(frozen=True)
class Contract:
    """One deployed ``Cash``: where it is, how it came there, and what it was compiled from."""

    currency: str
    address: Address
    block: BlockNumber
    tx: Hash32
    grants: tuple[Hash32, ...]
    """The transactions that granted the roles and set the issuer's quota."""
    code_hash: Hash32
    """Keccak-256 of the deployed code, as in the account's proof."""
    masked_code_hash: Hash32
    """Keccak-256 of the same code with its immutables zero, as the artefact gives it."""
    admin: Address
    issuer: Address
    pauser: Address
    compliance: Address
    compiler: str
    settings: dict[str, Any]
    source_hash: Hash32

    @property
    def money_currency(self) -> Currency:
        """The ISO 4217 currency that it keeps."""
        return currency_of(self.currency)


@dataclass(frozen=True)
class Manifest:
    """All contracts of this project on one chain, by currency."""

    chain: ChainName
    contracts: tuple[Contract, ...]

    def contract(self, currency: Currency) -> Contract | None:
        """The contract of ``currency``, if it is deployed."""
        return next((contract for contract in self.contracts if contract.currency == currency.code), None)

    def with_contract(self, contract: Contract) -> "Manifest":
        """This manifest with one contract more."""
        return replace(self, contracts=tuple(sorted((*self.contracts, contract), key=lambda c: c.currency)))


def read_manifest(directory: Path, chain: ChainName) -> Manifest | None:
    """The manifest of ``chain``; None where there is none.

    Raises ``DamagedHome`` where it does not read, or its content is another chain's than its name says.
    """
    path = manifest_path(directory, chain)
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedHome(str(path), f"a file that can be read ({error})") from error
    try:
        manifest = _parse(text)
    except _Misread as error:
        raise DamagedHome(str(path), f"a deployment manifest ({error})") from error
    if manifest.chain != chain:
        named = f"{manifest.chain.chain_id}-{to_hex(manifest.chain.genesis)}"
        raise DamagedHome(str(path), f"the manifest of the chain in its name, not of {named}")
    return manifest


def read_every_manifest(directory: Path) -> tuple[Manifest, ...]:
    """The manifests of all chains in ``directory``, by chain. Raises ``DamagedHome`` as ``read_manifest`` does."""
    found = []
    for path in sorted(directory.glob("*-0x*.json")):
        chain_id, _, genesis = path.stem.partition("-")
        try:
            chain = ChainName(int(chain_id), _hash(genesis))
        except ValueError:
            raise DamagedHome(str(path), "a name of a chain id and a genesis hash") from None
        manifest = read_manifest(directory, chain)
        if manifest is not None:  # it may have gone between two looks
            found.append(manifest)
    return tuple(sorted(found, key=lambda manifest: (manifest.chain.chain_id, manifest.chain.genesis)))


def parse_manifest(data: bytes, source: str) -> Manifest:
    """The manifest that ``data`` writes, wherever it comes from; ``source`` names its file.

    Raises ``BadValue`` of field ``manifest`` where it is none.
    """
    try:
        return _parse(data.decode("utf-8"))
    except (UnicodeDecodeError, _Misread) as error:
        raise BadValue("manifest", source, f"a deployment manifest ({error})") from error


def write_manifest(directory: Path, manifest: Manifest) -> Path:
    """Writes the manifest's file, whole or not at all, and returns its path. Raises ``HomeNotWritable``."""
    path = manifest_path(directory, manifest.chain)
    document = {
        "format": FORMAT,
        "chainId": manifest.chain.chain_id,
        "genesisHash": to_hex(manifest.chain.genesis),
        "contracts": [_contract_document(contract) for contract in manifest.contracts],
    }
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or type(error).__name__) from error
    return path


def manifest_path(directory: Path, chain: ChainName) -> Path:
    """Where the manifest of ``chain`` is kept."""
    return directory / f"{chain.chain_id}-{to_hex(chain.genesis)}.json"


def _contract_document(contract: Contract) -> dict[str, Any]:
    return {
        "contract": "Cash",
        "currency": contract.currency,
        "address": checksum(contract.address),
        "block": contract.block,
        "tx": to_hex(contract.tx),
        "grants": [to_hex(tx) for tx in contract.grants],
        "codeHash": to_hex(contract.code_hash),
        "maskedCodeHash": to_hex(contract.masked_code_hash),
        "admin": checksum(contract.admin),
        "issuer": checksum(contract.issuer),
        "pauser": checksum(contract.pauser),
        "compliance": checksum(contract.compliance),
        "compiler": contract.compiler,
        "settings": contract.settings,
        "sourceHash": to_hex(contract.source_hash),
    }


class _Misread(Exception):
    """A text that is no manifest, and why."""


def _parse(text: str) -> Manifest:
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}, expected {FORMAT}")
        chain = ChainName(int(document["chainId"]), _hash(document["genesisHash"]))
        contracts = tuple(map(_parse_contract, document["contracts"]))
        if len({contract.currency for contract in contracts}) != len(contracts):
            raise ValueError("two contracts of one currency")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Refused) as error:
        raise _Misread(f"{type(error).__name__}: {error}") from error
    return Manifest(chain, contracts)


def _parse_contract(document: dict[str, Any]) -> Contract:
    return Contract(
        currency=currency_of(document["currency"]).code,
        address=parse_address(document["address"]),
        block=BlockNumber(int(document["block"])),
        tx=_hash(document["tx"]),
        grants=tuple(map(_hash, document["grants"])),
        code_hash=_hash(document["codeHash"]),
        masked_code_hash=_hash(document["maskedCodeHash"]),
        admin=parse_address(document["admin"]),
        issuer=parse_address(document["issuer"]),
        pauser=parse_address(document["pauser"]),
        compliance=parse_address(document["compliance"]),
        compiler=str(document["compiler"]),
        settings=document["settings"],
        source_hash=_hash(document["sourceHash"]),
    )


def _hash(text: str) -> Hash32:
    value = from_hex(text)
    if len(value) != 32:
        raise ValueError(f"{text}, expected 32 bytes")
    return Hash32(value)
