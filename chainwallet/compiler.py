"""Compiles the Solidity sources with py-solc-x: the only user of a Solidity compiler.

``compile_contract`` makes the package's artefacts from a checkout; ``compile_input`` compiles any standard-JSON input,
such as the package's own, for those who verify. Any executable that answers ``--version`` and ``--standard-json``
serves: a native solc, or ``contracts/solc``, the door to npm's build of the same version. All sources travel inside the
standard-JSON input, so paths never change bytecode.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainwallet.abi.deployed_code import Immutable, filled
from chainwallet.errors import BadValue, MissingTool
from chainwallet.evm import Hash32, keccak256

SOLC_VERSION = "0.8.37"  # the pragma of contracts/src and the pinned npm solc
CONTRACTS = ("Cash", "Office")  # what is deployed: a ledger, and the office that it makes
CHECKOUT_CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
"""Where the sources and npm's compiler are in a checkout; an installed package has none."""
ALL_OUTPUTS = {"*": {"": ["ast"], "*": ["abi", "metadata", "evm.bytecode", "evm.deployedBytecode", "storageLayout"]}}
"""The output selection of those who verify: what an input asks for never changes its bytecode."""
HINT = (
    f"name one with --solc or SOLC, put it on PATH, install it with `python -m solcx.install {SOLC_VERSION}`, or run "
    "`npm ci --prefix contracts` in a checkout of this project"
)

_IMPORT = re.compile(r"""^\s*import\s+(?:[^"';]*?\s+from\s+)?["']([^"']+)["']\s*;""", re.MULTILINE | re.DOTALL)


def find_solc(contracts_dir: Path = CHECKOUT_CONTRACTS, configured: Path | None = None) -> Path:
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
    raise MissingTool(f"solc {SOLC_VERSION}", HINT)


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
    """The version that ``solc`` answers; None where it is no compiler, or cannot run here."""
    from solcx.exceptions import SolcError  # noqa: PLC0415 - slow, and only a build needs it
    from solcx.wrapper import get_solc_version  # noqa: PLC0415 - as above

    if not os.access(solc, os.X_OK):
        return None
    try:
        return str(get_solc_version(solc))
    except (OSError, ValueError, subprocess.CalledProcessError, SolcError):
        return None


def standard_input(contracts_dir: Path, contract: str) -> dict[str, Any]:
    """The standard-JSON input for ``contract``: its sources with all they import, settings from ``foundry.toml``."""

    def read(path: str) -> str:
        root = contracts_dir / "node_modules" if path.startswith("@") else contracts_dir
        return (root / path).read_text("utf-8")

    profile = tomllib.loads((contracts_dir / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    return {
        "language": "Solidity",
        "sources": {path: {"content": text} for path, text in sorted(_sources(contract, read).items())},
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


def _sources(contract: str, read: Callable[[str], str]) -> dict[str, str]:
    """The text of each source that ``contract`` needs, by its path; ``read`` gives a path's text."""
    found: dict[str, str] = {}
    wanted = [f"src/{contract}.sol"]
    while wanted:
        path = wanted.pop()
        if path not in found:
            found[path] = read(path)
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
    given = standard_input(contracts_dir, contract)
    answer = _compile(with_all_outputs(given), solc)
    made = answer["contracts"][f"src/{contract}.sol"][contract]
    compiled = _compiled(contract, f"src/{contract}.sol", made, answer["sources"])
    artifact = {
        "contract": contract,
        "compiler": _full_version(solc),
        "settings": given["settings"],
        "sourceHash": "0x" + source_hash(given).hex(),
        "abi": made["abi"],
        "creationCode": "0x" + compiled.creation_code.hex(),
        "runtimeCode": "0x" + compiled.runtime_code.hex(),
        "immutables": [vars(immutable) for immutable in sorted(compiled.immutables, key=lambda each: each.name)],
        "storageLayout": _without_ids(made["storageLayout"]),
    }
    return artifact, given


def _compile(given: dict[str, Any], solc: Path) -> dict[str, Any]:
    import solcx  # noqa: PLC0415 - slow, and only those who verify or build need it

    answer: dict[str, Any] = solcx.compile_standard(given, solc_binary=solc)
    return answer


def _full_version(solc: Path) -> str:
    from solcx.wrapper import get_solc_version  # noqa: PLC0415 - slow, and only a build needs it

    version = get_solc_version(solc, with_commit_hash=True)
    commit = str(version.local or "").split(".")[1]  # commit.<hash>.<platform>: the platform is the builder's own
    return f"{version.base_version}+commit.{commit}"


def _without_ids(layout: dict[str, Any]) -> dict[str, Any]:
    """The storage layout without the compiler's running numbers, which say nothing about storage."""
    for entry in layout["storage"]:
        del entry["astId"]
    return layout


def json_text(document: object) -> str:
    """``document`` as JSON text that is the same bytes every time."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def source_hash(given: dict[str, Any]) -> Hash32:
    """What names the standard-JSON input ``given`` in artefacts and manifests: Keccak-256 of its ``json_text``."""
    return keccak256(json_text(given).encode("utf-8"))


# ------------------------------------------------------------------------------------------------ for those who verify


@dataclass(frozen=True)
class CompiledContract:
    """One contract of a compilation."""

    name: str
    path: str
    """The source that defines it."""
    creation_code: bytes
    runtime_code: bytes
    """As the compiler gives it: immutables are zero."""
    immutables: tuple[Immutable, ...]
    metadata: str
    """The compiler's own metadata JSON, byte for byte."""

    def masked(self, code: bytes) -> bytes:
        """``code`` with the places of the immutables set to zero."""
        return filled(code, self.immutables, {immutable.name: b"" for immutable in self.immutables})


@dataclass(frozen=True)
class Compilation:
    """What a standard-JSON input compiles to, with what is needed to compare and to publish it."""

    given: dict[str, Any]
    """The input, asking for all outputs."""
    source_hash: Hash32
    """What names the input in artefacts and manifests, where it asks for less."""
    compiler: str
    """The compiler's version with its commit, such as 0.8.37+commit.f401782d."""
    contracts: dict[str, CompiledContract]
    """By name, those of our own sources that can be deployed."""

    @property
    def sources(self) -> dict[str, str]:
        """The text of each source by its path."""
        return {path: source["content"] for path, source in self.given["sources"].items()}


def with_all_outputs(given: dict[str, Any]) -> dict[str, Any]:
    """The same sources and settings, asking the compiler for everything that those who verify need."""
    return {**given, "settings": {**given["settings"], "outputSelection": ALL_OUTPUTS}}


def with_sources(given: dict[str, Any], contract: str, directory: Path) -> dict[str, Any]:
    """``given`` with the sources of ``contract`` that are in ``directory`` (a checkout's ``contracts/src``).

    What they import from packages is read from ``node_modules`` beside ``directory``, and taken from ``given`` where
    there is none. Raises ``BadValue`` of field ``sources`` for a source that is not there.
    """
    packages = directory.parent / "node_modules"

    def read(path: str) -> str:
        if path.startswith("src/"):
            return _read_source(directory / path.removeprefix("src/"))
        if path.startswith("@") and (packages / path).is_file():
            return _read_source(packages / path)
        if path in given["sources"]:
            return str(given["sources"][path]["content"])
        raise BadValue("sources", path, f"a source below {directory} or {packages}")

    found = _sources(contract, read)
    return {**given, "sources": {path: {"content": found[path]} for path in sorted(found)}}


def _read_source(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise BadValue("sources", str(path), f"a Solidity source that can be read ({reason})") from error


def compile_input(given: dict[str, Any], contract: str, solc: Path) -> Compilation:
    """Compiles ``given``, a standard-JSON input that holds every source of ``contract``.

    Raises ``BadValue`` of field ``sources`` where they do not compile, with the compiler's own words, and where there
    is no such contract in them.
    """
    from solcx.exceptions import SolcError  # noqa: PLC0415 - slow, and only those who verify or build need it

    asked = with_all_outputs(given)
    try:
        answer = _compile(asked, solc)
    except SolcError as error:
        raise BadValue("sources", f"src/{contract}.sol", f"Solidity that compiles: {error.message}") from error
    contracts = {
        name: _compiled(name, path, made, answer["sources"])
        for path, named in answer["contracts"].items()
        for name, made in named.items()
        if path == f"src/{name}.sol" and made["evm"]["bytecode"]["object"]
    }
    if contract not in contracts:
        raise BadValue("sources", f"src/{contract}.sol", f"a contract {contract} that can be deployed")
    return Compilation(asked, source_hash(given), _full_version(solc), contracts)


def _compiled(name: str, path: str, made: dict[str, Any], sources: dict[str, Any]) -> CompiledContract:
    deployed = made["evm"]["deployedBytecode"]
    return CompiledContract(
        name=name,
        path=path,
        creation_code=bytes.fromhex(made["evm"]["bytecode"]["object"]),
        runtime_code=bytes.fromhex(deployed["object"]),
        immutables=_immutables(deployed["immutableReferences"], sources),
        metadata=made["metadata"],
    )


def _immutables(references: dict[str, Any], sources: dict[str, Any]) -> tuple[Immutable, ...]:
    """The immutables in ``references``, which names them by the running numbers of the syntax trees in ``sources``."""
    variables = {
        str(node["id"]): node
        for source in sources.values()
        for node in _nodes(source["ast"])
        if node["nodeType"] == "VariableDeclaration"
    }
    return tuple(
        Immutable(
            name=variables[number]["name"],
            kind=variables[number]["typeDescriptions"]["typeString"],
            places=tuple((place["start"], place["length"]) for place in places),
        )
        for number, places in sorted(references.items(), key=lambda entry: int(entry[0]))
    )


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every node of a syntax tree."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "nodeType" in found and "id" in found:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
