"""The compiled contracts, as package data: what ``make contracts`` wrote and a test compares with the sources.

``<Contract>.json`` holds ABI, creation and runtime bytecode, immutable references, storage layout, compiler version,
settings and source hash; ``<Contract>.input.json`` the compiler's standard-JSON input with every source.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from chainwallet.evm import Hash32, keccak256


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    contract: str
    abi: tuple[dict[str, Any], ...]
    creation_code: bytes
    runtime_code: bytes
    """As the compiler gives it: immutables are zero."""
    immutables: tuple[tuple[int, int], ...]
    """(start, length) in bytes of every place in the runtime code that deployment fills."""
    compiler_version: str
    settings: dict[str, Any]
    source_hash: Hash32
    """Keccak-256 of the standard-JSON input."""

    @property
    def masked_code_hash(self) -> Hash32:
        """Keccak-256 of the runtime code with its immutables zero."""
        return keccak256(self.masked(self.runtime_code))

    def masked(self, code: bytes) -> bytes:
        """``code`` with this contract's immutables set to zero."""
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked[: len(code)])

    def is_code_of(self, deployed: bytes) -> bool:
        """Whether ``deployed`` is this contract's runtime code, whatever its immutables hold."""
        return len(deployed) == len(self.runtime_code) and self.masked(deployed) == self.masked(self.runtime_code)


@cache
def load_artifact(contract: str) -> Artifact:
    """The artefact of ``contract`` (``Cash``) from this package's data."""
    text = resources.files(__package__).joinpath(f"{contract}.json").read_text("utf-8")
    return parse_artifact(json.loads(text))


@cache
def ledger_abi() -> tuple[dict[str, Any], ...]:
    """The interface at a ledger's address: what ``Cash`` answers itself and what its ``Office`` answers for it."""
    own = load_artifact("Cash").abi
    offices = (entry for entry in load_artifact("Office").abi if entry["type"] != "constructor")
    return (*own, *(entry for entry in offices if entry not in own))


def parse_artifact(document: dict[str, Any]) -> Artifact:
    """The artefact that ``document``, the content of ``<Contract>.json``, describes."""
    places = sorted(
        (reference["start"], reference["length"])
        for references in document["immutableReferences"].values()
        for reference in references
    )
    return Artifact(
        contract=document["contract"],
        abi=tuple(document["abi"]),
        creation_code=bytes.fromhex(document["creationCode"][2:]),
        runtime_code=bytes.fromhex(document["runtimeCode"][2:]),
        immutables=tuple(places),
        compiler_version=document["compiler"],
        settings=document["settings"],
        source_hash=Hash32(bytes.fromhex(document["sourceHash"][2:])),
    )
