"""The compiled contracts, as package data: what ``make contracts`` wrote and a test compares with the sources.

``<Contract>.json`` holds ABI, creation and runtime bytecode, immutables by name, storage layout, compiler version,
settings and source hash; ``<Contract>.input.json`` the compiler's standard-JSON input with every source.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from chainwallet.abi.deployed_code import Immutable, filled
from chainwallet.evm import Hash32, keccak256


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    contract: str
    abi: tuple[dict[str, Any], ...]
    creation_code: bytes
    runtime_code: bytes
    """As the compiler gives it: immutables are zero."""
    immutables: tuple[Immutable, ...]
    """What deployment writes into the runtime code."""
    compiler_version: str
    settings: dict[str, Any]
    source_hash: Hash32
    """Keccak-256 of the standard-JSON input."""

    @property
    def masked_code_hash(self) -> Hash32:
        """Keccak-256 of the runtime code with its immutables zero."""
        return keccak256(self.runtime_code)

    def code_with(self, words: Mapping[str, bytes]) -> bytes:
        """The runtime code once deployment has written ``words`` into its immutables, by their names."""
        return filled(self.runtime_code, self.immutables, words)


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


@cache
def load_input(contract: str) -> dict[str, Any]:
    """The standard-JSON input that the artefact of ``contract`` was compiled from, with every source; not to change."""
    text = resources.files(__package__).joinpath(f"{contract}.input.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def parse_artifact(document: dict[str, Any]) -> Artifact:
    """The artefact that ``document``, the content of ``<Contract>.json``, describes."""
    return Artifact(
        contract=document["contract"],
        abi=tuple(document["abi"]),
        creation_code=bytes.fromhex(document["creationCode"][2:]),
        runtime_code=bytes.fromhex(document["runtimeCode"][2:]),
        immutables=tuple(
            Immutable(each["name"], each["kind"], tuple((start, length) for start, length in each["places"]))
            for each in document["immutables"]
        ),
        compiler_version=document["compiler"],
        settings=document["settings"],
        source_hash=Hash32(bytes.fromhex(document["sourceHash"][2:])),
    )
