"""Compiles the Solidity sources with py-solc-x: the only user of a Solidity compiler.

Any executable that answers ``--version`` and ``--standard-json`` serves: a native solc, or ``contracts/solc``, the door
to npm's build of the same version. All sources travel inside the standard-JSON input, so paths never change bytecode.
"""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chainwallet.errors import BadValue, MissingTool
from chainwallet.evm import keccak256

SOLC_VERSION = "0.8.37"  # the pragma of contracts/src and the pinned npm solc
CONTRACTS = ("Cash", "Office")  # what is deployed: a ledger, and the office that it makes

_IMPORT = re.compile(r"""^\s*import\s+(?:[^"';]*?\s+from\s+)?["']([^"']+)["']\s*;""", re.MULTILINE | re.DOTALL)


def find_solc(contracts_dir: Path, configured: Path | None = None) -> Path:
    """An executable solc of ``SOLC_VERSION``: ``configured``, else on PATH, installed by py-solc-x, or from npm.

    Raises ``BadValue`` where ``configured`` is another version, ``MissingTool`` where there is none at all.
    """
    if configured is not None:
        if _version(configured) != SOLC_VERSION:
            raise BadValue("solc", str(configured), f"an executable solc of version {SOLC_VERSION}")
        return configured
    for candidate in _candidates(contracts_dir):
        if _version(candidate) == SOLC_VERSION:
            return candidate
    raise MissingTool(f"solc {SOLC_VERSION}", "run `npm ci --prefix contracts` or put that version on PATH")


def _candidates(contracts_dir: Path) -> Iterator[Path]:
    import solcx  # noqa: PLC0415 - slow, and only a build needs it

    on_path = shutil.which("solc")
    if on_path:
        yield Path(on_path)
    if any(str(version) == SOLC_VERSION for version in solcx.get_installed_solc_versions()):
        yield solcx.install.get_executable(SOLC_VERSION)
    if (contracts_dir / "node_modules" / "solc").is_dir():
        yield contracts_dir / "solc"


def _version(solc: Path) -> str | None:
    from solcx.wrapper import get_solc_version  # noqa: PLC0415 - slow, and only a build needs it

    if not os.access(solc, os.X_OK):
        return None
    return str(get_solc_version(solc))


def standard_input(contracts_dir: Path, contract: str) -> dict[str, Any]:
    """The standard-JSON input for ``contract``: its sources with all they import, settings from ``foundry.toml``."""
    profile = tomllib.loads((contracts_dir / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    return {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sorted(_sources(contracts_dir, contract).items())},
        "settings": {
            "evmVersion": profile["evm_version"],
            "metadata": {"appendCBOR": profile["cbor_metadata"], "bytecodeHash": profile["bytecode_hash"]},
            "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
            "outputSelection": {
                f"src/{contract}.sol": {
                    contract: ["abi", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout"]
                }
            },
            "viaIR": profile["via_ir"],
        },
    }


def _sources(contracts_dir: Path, contract: str) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = [f"src/{contract}.sol"]
    while wanted:
        path = wanted.pop()
        if path in found:
            continue
        root = contracts_dir / "node_modules" if path.startswith("@") else contracts_dir
        found[path] = (root / path).read_text("utf-8")
        wanted.extend(_resolved(path, imported) for imported in _IMPORT.findall(found[path]))
    return found


def _resolved(importer: str, imported: str) -> str:
    if not imported.startswith("."):
        return imported
    return os.path.normpath(Path(importer).parent / imported)


def compile_contract(contracts_dir: Path, contract: str, solc: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compiles ``contract``: the documents of ``<Contract>.json`` and ``<Contract>.input.json``.

    Raises py-solc-x's ``SolcError`` with the compiler's own words where the sources do not compile.
    """
    import solcx  # noqa: PLC0415 - slow, and only a build needs it
    from solcx.wrapper import get_solc_version  # noqa: PLC0415 - as above

    given = standard_input(contracts_dir, contract)
    made = solcx.compile_standard(given, solc_binary=solc)["contracts"][f"src/{contract}.sol"][contract]
    version = get_solc_version(solc, with_commit_hash=True)
    commit = str(version.local or "").split(".")[1]  # commit.<hash>.<platform>: the platform is the builder's own
    artifact = {
        "contract": contract,
        "compiler": f"{version.base_version}+commit.{commit}",
        "settings": given["settings"],
        "sourceHash": "0x" + keccak256(json_text(given).encode("utf-8")).hex(),
        "abi": made["abi"],
        "creationCode": "0x" + made["evm"]["bytecode"]["object"],
        "runtimeCode": "0x" + made["evm"]["deployedBytecode"]["object"],
        "immutableReferences": made["evm"]["deployedBytecode"]["immutableReferences"],
        "storageLayout": _without_ids(made["storageLayout"]),
    }
    return artifact, given


def _without_ids(layout: dict[str, Any]) -> dict[str, Any]:
    """The storage layout without the compiler's running numbers, which say nothing about storage."""
    for entry in layout["storage"]:
        del entry["astId"]
    return layout


def json_text(document: object) -> str:
    """``document`` as JSON text that is the same bytes every time."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
