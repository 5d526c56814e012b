"""The committed artefacts are what the sources compile to, and what forge tests is what we deploy."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chainwallet.abi.calls import COMPLIANCE_ROLE, ISSUER_ROLE, PAUSER_ROLE
from chainwallet.abi.generated import ERRORS, FUNCTIONS
from chainwallet.artifacts import ledger_abi, load_artifact
from chainwallet.compiler import CONTRACTS, SOLC_VERSION, find_solc
from chainwallet.errors import BadValue
from chainwallet.evm import keccak256
from scripts.build_contracts import ROOT, build

MAX_CODE_BYTES = 24_576  # EIP-170


@pytest.fixture(scope="module")
def built() -> dict[Path, str]:
    """Every generated file as the sources make it now."""
    return build()


def test_artifacts_are_what_the_sources_compile_to(built: dict[Path, str]) -> None:
    """Artefacts and ABI constants in the package are byte for byte what `make contracts` writes."""
    stale = [str(path.relative_to(ROOT)) for path, text in built.items() if path.read_text("utf-8") != text]
    assert not stale, f"run `make contracts`: {stale}"


def test_a_changed_source_gives_another_artifact(built: dict[Path, str], tmp_path: Path) -> None:
    """One changed line of a source changes source hash and bytecode, so a stale artefact cannot go unnoticed."""
    from chainwallet.compiler import compile_contract

    contracts = tmp_path / "contracts"
    contracts.mkdir()
    for name in ("node_modules", "foundry.toml", "solc"):
        (contracts / name).symlink_to(ROOT / "contracts" / name)
    (contracts / "src").mkdir()
    for source in (ROOT / "contracts" / "src").glob("*.sol"):
        text = source.read_text("utf-8")
        (contracts / "src" / source.name).write_text(text.replace("return 6;", "return 7;"), "utf-8")
    changed, _ = compile_contract(contracts, "Office", find_solc(ROOT / "contracts"))
    committed = json.loads(built[ROOT / "chainwallet" / "artifacts" / "Office.json"])
    assert changed["runtimeCode"] != committed["runtimeCode"]
    assert changed["sourceHash"] != committed["sourceHash"]


def test_forge_tests_the_code_that_is_deployed() -> None:
    """forge's only build of a contract is the committed code, so what the Solidity tests prove is deployed."""
    forge = ROOT / "contracts" / "forge"
    subprocess.run([forge, "build", "--quiet"], cwd=ROOT / "contracts", check=True)
    for contract in CONTRACTS:
        # A test that imported the contract would make forge compile it once more, with the tests' own settings.
        builds = [path.name for path in (ROOT / "contracts" / "out" / f"{contract}.sol").iterdir()]
        assert builds == [f"{contract}.json"]
        made = json.loads((ROOT / "contracts" / "out" / f"{contract}.sol" / f"{contract}.json").read_text("utf-8"))
        artifact = load_artifact(contract)
        assert made["deployedBytecode"]["object"] == "0x" + artifact.runtime_code.hex()
        assert made["bytecode"]["object"] == "0x" + artifact.creation_code.hex()


def test_artifacts_fit_the_chain_and_name_their_compiler() -> None:
    """Each contract is below EIP-170's limit and says which compiler and settings made it."""
    for contract in CONTRACTS:
        artifact = load_artifact(contract)
        assert 0 < len(artifact.runtime_code) <= MAX_CODE_BYTES
        assert artifact.compiler_version.startswith(f"{SOLC_VERSION}+commit.")
        assert artifact.settings["viaIR"] is True
        assert artifact.immutables


def test_deployment_fills_the_immutables_and_nothing_else() -> None:
    """The code that must be found at an address is the artefact's with the named words in their places."""
    artifact = load_artifact("Cash")
    assert {"_cachedThis", "_cachedChainId", "_office"} <= {immutable.name for immutable in artifact.immutables}
    made = artifact.code_with({"_office": b"\xab" * 20})
    places = {
        at
        for each in artifact.immutables
        if each.name == "_office"
        for start, length in each.places
        for at in range(start + length - 20, start + length)
    }
    assert places
    assert {at for at in range(len(made)) if made[at] != artifact.runtime_code[at]} == places


def test_constants_of_the_package_are_the_contracts() -> None:
    """Selectors and roles in Python are the ones that the Solidity names hash to."""
    assert FUNCTIONS["transfer(address,uint256)"].hex() == "a9059cbb"
    assert ERRORS[bytes.fromhex("e450d38c")][0] == "ERC20InsufficientBalance"
    for name, role in (("ISSUER", ISSUER_ROLE), ("PAUSER", PAUSER_ROLE), ("COMPLIANCE", COMPLIANCE_ROLE)):
        assert role == keccak256(f"{name}_ROLE".encode())
        assert f"{name}_ROLE()" in FUNCTIONS


def test_a_solc_of_another_version_is_refused(tmp_path: Path) -> None:
    """A configured compiler of another version is refused by name, never used."""
    other = tmp_path / "solc"
    other.write_text("#!/bin/sh\necho 'Version: 0.8.30+commit.73712a01.Linux.g++'\n", "utf-8")
    other.chmod(0o755)
    with pytest.raises(BadValue, match=SOLC_VERSION.replace(".", r"\.")):
        find_solc(ROOT / "contracts", other)


def test_cash_and_its_office_answer_all_of_the_interface_and_keep_one_storage() -> None:
    """All of ICash is answered at the ledger's address, and the office's storage begins with the ledger's."""
    out = ROOT / "contracts" / "out"
    declared = json.loads((out / "ICash.sol" / "ICash.json").read_text("utf-8"))["abi"]
    answered = {name(entry): entry for entry in ledger_abi() if entry["type"] == "function"}
    for entry in (entry for entry in declared if entry["type"] == "function"):
        assert [shape(answered[name(entry)][side]) for side in ("inputs", "outputs")] == [
            shape(entry[side]) for side in ("inputs", "outputs")
        ]
        assert answered[name(entry)]["stateMutability"] in (entry["stateMutability"], "pure")
    told = {name(entry) for entry in declared if entry["type"] in ("event", "error")}
    assert told <= {name(entry) for entry in ledger_abi() if entry["type"] in ("event", "error")}
    both = {contract: storage(contract) for contract in CONTRACTS}
    assert both["Cash"]
    assert both["Office"][: len(both["Cash"])] == both["Cash"]


def test_cash_and_its_office_answer_nothing_twice() -> None:
    """Cash and its office share no selector but eip712Domain's, so the ledger never answers in the office's place."""
    answers = {
        contract: {
            keccak256(name(entry).encode())[:4]: name(entry)
            for entry in load_artifact(contract).abi
            if entry["type"] == "function"
        }
        for contract in CONTRACTS
    }
    both = answers["Cash"].keys() & answers["Office"].keys()
    assert {(answers["Cash"][selector], answers["Office"][selector]) for selector in both} == {
        ("eip712Domain()", "eip712Domain()")
    }


def name(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(shape(entry['inputs']))})"


def shape(values: list[dict[str, Any]]) -> list[str]:
    return [f"({','.join(shape(v['components']))})" + v["type"][5:] if "components" in v else v["type"] for v in values]


def storage(contract: str) -> list[tuple[str, str, int]]:
    path = ROOT / "chainwallet" / "artifacts" / f"{contract}.json"
    layout = json.loads(path.read_text("utf-8"))["storageLayout"]["storage"]
    return [(place["label"], place["slot"], place["offset"]) for place in layout]
