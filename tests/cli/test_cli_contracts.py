"""An auditor's door: deployed contracts checked against their sources, and the sources published."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chainwallet.abi.calls import constructor_data
from chainwallet.artifacts import load_artifact, load_input
from chainwallet.compiler import CHECKOUT_CONTRACTS, Compilation, compile_input, find_solc
from chainwallet.evm import keccak256, parse_address, to_hex
from chainwallet.manifest import parse_manifest
from chainwallet.publication import publication_of
from chainwallet.rpc import Node
from tests.cli.command import Command, Done, note_of, refusal_in

LINE = "return 6;"  # of decimals()
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def auditor(house: Command, solc: Path, tmp_path_factory: pytest.TempPathFactory) -> "Auditor":
    """Somebody with a manifest, the address of a node and a compiler, and with no home."""
    place = tmp_path_factory.mktemp("auditor")
    (known,) = (house.home / "manifests").glob("*.json")
    shutil.copy(known, place / "manifest.json")
    url = note_of(house.home)["url"]
    return Auditor(place, Command(place / "home", {"SOLC": str(solc)}), url)


class Auditor:
    def __init__(self, place: Path, command: Command, url: str) -> None:
        self.place, self.command, self.url = place, command, url
        self.manifest = place / "manifest.json"

    @property
    def line(self) -> list[str | Path]:
        """The arguments that verify what the manifest names at the node."""
        return ["contracts", "verify", "--manifest", self.manifest, "--rpc", self.url]

    def contract(self) -> dict[str, Any]:
        """What the manifest says of its only contract."""
        (contract,) = json.loads(self.manifest.read_bytes())["contracts"]
        assert isinstance(contract, dict)
        return contract


# ------------------------------------------------------------------------------------------------ verify


def test_an_auditor_verifies_without_a_home(auditor: Auditor) -> None:
    """A manifest, a node and a compiler are enough: equal, with the proved hash and the block's; no home is made."""
    told = auditor.command.json(*auditor.line)
    with Node(auditor.url) as node:
        address = parse_address(auditor.contract()["address"])
        code, head = node.code(address), node.block(told["block"]["number"])
    (contract,) = told["contracts"]
    assert (told["equal"], contract["equal"], contract["faults"], contract["notes"]) == (True, True, [], [])
    ledger = contract["parts"][0]
    assert ledger["code_hash"] == ledger["expected_code_hash"] == to_hex(keccak256(code))
    assert (ledger["contract"], ledger["address"]) == ("Cash", contract["address"])
    assert (contract["currency"], contract["address"]) == ("EUR", auditor.contract()["address"])
    assert (told["block"]["hash"], told["block"]["hash_was_given"]) == (to_hex(head.hash), False)
    assert (told["source_hash"], told["changed_sources"]) == (to_hex(load_artifact("Cash").source_hash), [])
    assert contract["creation"]["tx"] == auditor.contract()["tx"]
    for part in contract["parts"]:
        assert part["first_difference"] is None
        assert all(held["found"] == [held["expected"]] for held in part["immutables"])
    assert not auditor.command.home.exists()


def test_what_a_person_reads(auditor: Auditor) -> None:
    """The story says what was compiled, what is proved and under which block, and what nobody has shown."""
    said = auditor.command.said(*auditor.line)
    assert f"Cash EUR at {auditor.contract()['address']}: equal\n" in said
    assert re.search(r"sources: \d+ files, as this package carries them\n", said)
    assert re.search(r"block \d+: 0x[0-9a-f]{64}\n", said)
    assert re.search(r"_currency +\"EUR\"  as it must be\n", said)
    assert "belongs to the chain is the node's word" in said
    assert "Balances, roles and everything else in storage were not looked at." in said
    assert f"in the transaction {auditor.contract()['tx']}\n" in said


def test_a_home_verifies_its_own(house: Command, auditor: Auditor) -> None:
    """Without a manifest the home's own for its chain is taken, and --currency takes one of its contracts."""
    ours = house.with_settings(SOLC=auditor.command.settings["SOLC"])
    told = ours.json("contracts", "verify", "--currency", "eur")
    assert [contract["currency"] for contract in told["contracts"]] == ["EUR"]
    assert told["equal"]


def test_a_block_that_the_auditor_knows(auditor: Auditor) -> None:
    """With the hash of a block the verdict no longer rests on the node's word for it, and says so."""
    with Node(auditor.url) as node:
        block = node.block(auditor.contract()["block"])
    said = auditor.command.said(*auditor.line, "--block", to_hex(block.hash))
    assert f"block {block.number}: {to_hex(block.hash)}\n" in said
    assert "All of it holds as far as the block whose hash you gave belongs to the chain." in said
    assert "node's word" not in said
    earlier = auditor.command(*auditor.line, "--block", str(block.number - 1))
    assert (earlier.returncode, earlier.stderr) == (1, "")
    assert "    DIFFERENT: Cash: there is no code\n" in earlier.stdout
    assert f"    DIFFERENT: the manifest says that it was deployed in block {block.number}\n" in earlier.stdout


def test_the_sources_that_the_auditor_has_read(auditor: Auditor, tmp_path: Path) -> None:
    """--sources compiles the auditor's own copy; where a line differs, that and the first byte are shown; status 1."""
    (tmp_path / "src").mkdir()
    for source in (CHECKOUT_CONTRACTS / "src").glob("*.sol"):
        text = source.read_text("utf-8").replace(LINE, "return 7;")
        (tmp_path / "src" / source.name).write_text(text, "utf-8")
    line = [*auditor.line, "--sources", tmp_path / "src"]
    told, said = auditor.command(*line, "--json"), auditor.command(*line)
    assert (told.returncode, said.returncode, told.stderr, said.stderr) == (1, 1, "", "")
    answer = json.loads(told.stdout)
    (contract,) = answer["contracts"]
    (difference,) = [part["first_difference"] for part in contract["parts"] if part["first_difference"]]
    (changed,) = answer["changed_sources"]
    assert (answer["equal"], changed.startswith("src/")) == (False, True)
    assert difference["immutable"] is None
    assert difference["expected"] != difference["found"]
    assert f"1 not this package's: {changed}\n" in said.stdout
    shown = f"first difference at byte {difference['offset']}, outside of the immutables:\n"
    assert shown in said.stdout
    assert f"found     {difference['found']:02x}  in " in said.stdout


@pytest.fixture(scope="module")
def refusals(auditor: Auditor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What is answered to each command line that cannot be; none of them compiles anything."""
    place = tmp_path_factory.mktemp("refusals")
    manifest = json.loads(auditor.manifest.read_bytes())
    (place / "other.json").write_text(json.dumps({**manifest, "genesisHash": "0x" + "01" * 32}))
    (place / "torn.json").write_text(json.dumps({**manifest, "format": 9}))
    (place / "full").mkdir()
    (place / "full" / "file").write_text("mine")
    (place / "solc").write_text("#!/bin/sh\necho 'Version: 0.8.30+commit.73712a01.Linux.g++'\n")
    (place / "solc").chmod(0o755)
    verify: list[str | Path] = ["contracts", "verify", "--rpc", auditor.url]
    lines: dict[str, list[str | Path]] = {
        "another chain": [*verify, "--manifest", place / "other.json"],
        "no manifest of this format": [*verify, "--manifest", place / "torn.json"],
        "no manifest": [*verify],
        "no currency": [*auditor.line, "--currency", "USD"],
        "no block": [*auditor.line, "--block", "0x12"],
        "no sources": [*auditor.line, "--sources", place],
        "another compiler": [*auditor.line, "--solc", place / "solc"],
        "no compiler": [*auditor.line, "--solc", place / "missing"],
        "no node": ["contracts", "verify", "--rpc", "http://127.0.0.1:1", "--manifest", auditor.manifest],
        "a full directory": ["contracts", "bundle", "--out", place / "full"],
    }
    return dict(zip(lines, auditor.command.each(lines.values()), strict=True))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("another chain", ", which the manifest names"),
        ("no manifest of this format", "expected a deployment manifest (ValueError: format 9, expected 1)"),
        ("no manifest", "expected a chain with a deployed Cash"),
        ("no currency", "currency: got 'USD', expected one of the currencies in the manifest: EUR"),
        ("no block", "block: got '0x12', expected a block's number, or its hash as 0x and 64 hex digits"),
        ("no sources", "Cash.sol', expected a Solidity source that can be read (No such file or directory)"),
        ("another compiler", "expected an executable solc of version 0.8.37"),
        ("no compiler", "expected an executable solc of version 0.8.37"),
        ("no node", "node http://127.0.0.1:1: unreachable (connection refused)"),
        ("a full directory", "expected a directory that is new or empty"),
    ],
)
def test_what_cannot_be_verified_is_refused(refusals: dict[str, Done], what: str, said: str) -> None:
    """A wrong chain, manifest, currency, block, source, compiler or node is refused by name, with exit status 2."""
    assert said in refusal_in(refusals[what])


# ------------------------------------------------------------------------------------------------ bundle


@pytest.fixture(scope="module")
def published(auditor: Auditor) -> Path:
    """A bundle of the sources, with what is deployed."""
    out = auditor.place / "bundle"
    said = auditor.command.said("contracts", "bundle", "--out", out, "--manifest", auditor.manifest)
    assert sorted(said.splitlines()) == sorted(str(path) for path in out.rglob("*") if path.is_file())
    return out


@pytest.fixture(scope="module")
def recompiled(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compilation]:
    """What the bundle's input compiles to in an empty directory, by the real compiler."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        given = json.loads((published / "Cash.standard-input.json").read_bytes())
        yield compile_input(given, "Cash", find_solc())


def test_the_bundles_input_compiles_to_what_is_deployed(auditor: Auditor, recompiled: Compilation) -> None:
    """The bundle's input alone compiles to the deployed code, its creation code to what the deployer sent."""
    artifact = load_artifact("Cash")
    ledger = recompiled.contracts["Cash"]
    assert ledger.runtime_code == artifact.runtime_code
    assert ledger.creation_code == artifact.creation_code
    with Node(auditor.url) as node:
        code = node.code(parse_address(auditor.contract()["address"]))
    assert ledger.masked(code) == ledger.runtime_code
    assert recompiled.sources == {path: each["content"] for path, each in load_input("Cash")["sources"].items()}


def test_the_bundles_metadata_is_the_compilers(published: Path, recompiled: Compilation) -> None:
    """The metadata of each contract lists its sources with their Keccak-256, and the settings of the input."""
    hashes = {path: to_hex(keccak256(text.encode("utf-8"))) for path, text in recompiled.sources.items()}
    settings = {name: value for name, value in recompiled.given["settings"].items() if name != "outputSelection"}
    found: set[str] = set()
    for file in published.glob("*.metadata.json"):
        name = file.name.partition(".")[0]
        assert file.read_text("utf-8") == recompiled.contracts[name].metadata
        metadata = json.loads(file.read_bytes())
        listed = {path: source["keccak256"] for path, source in metadata["sources"].items()}
        assert listed.items() <= hashes.items()
        found |= listed.keys()
        assert metadata["compiler"]["version"] == load_artifact("Cash").compiler_version
        told = {**metadata["settings"]}
        assert told.pop("compilationTarget") == {f"src/{name}.sol": name}
        assert (told.pop("libraries"), told.pop("remappings")) == ({}, [])
        assert told == settings
    assert found == hashes.keys()


def test_the_constructors_arguments_are_in_the_bundle(auditor: Auditor, published: Path) -> None:
    """Each deployed contract's arguments are in the bundle as its creating transaction ends with them."""
    contract = auditor.contract()
    chain_id = json.loads(auditor.manifest.read_bytes())["chainId"]
    told = auditor.command.json(*auditor.line)["contracts"][0]
    files = {file.name: file.read_text() for file in (published / "constructor-arguments").iterdir()}
    assert files.keys() == {f"{chain_id}-{part['address']}.txt" for part in told["parts"]}
    given = bytes.fromhex(files[f"{chain_id}-{contract['address']}.txt"])
    assert given == constructor_data("EUR", parse_address(contract["admin"]), 0)
    sent = told["creation"]
    assert (sent["currency"], sent["admin"], sent["admin_delay_s"]) == ("EUR", contract["admin"], 0)


def test_the_bundles_readme_names_each_services_fields(auditor: Auditor, published: Path) -> None:
    """The README gives compiler and settings, and for each of the three services its fields with their values."""
    readme = (published / "README.md").read_text("utf-8")
    artifact, contract = load_artifact("Cash"), auditor.contract()
    for needed in (
        f"compilerversion=v{artifact.compiler_version}",
        f"contractaddress={contract['address']}",
        "codeformat=solidity-standard-json-input",
        "contractname=src/Cash.sol:Cash",
        "constructorArguements@constructor-arguments/",
        f"/api/v2/smart-contracts/{contract['address']}/verification/via/standard-input",
        f"compiler_version=v{artifact.compiler_version}",
        f'compilerVersion: "{artifact.compiler_version}"',
        'contractIdentifier: "src/Cash.sol:Cash"',
        f'creationTransactionHash: "{contract["tx"]}"',
        f"/v2/verify/{json.loads(auditor.manifest.read_bytes())['chainId']}/{contract['address']}",
        to_hex(artifact.source_hash),
        "CBOR appended: no; bytecode hash: none",
        "1000000 runs; via IR on",
    ):
        assert needed in readme
    named = re.findall(r"[@<]([a-zA-Z./-]*[0-9a-zA-Z-]+\.(?:json|txt))", readme)
    assert len(named) >= 5
    assert all((published / name).is_file() or name == "request.json" for name in named)


def test_contracts_of_other_sources_are_left_out(auditor: Auditor, recompiled: Compilation) -> None:
    """A contract that was deployed from other code is left out, and gets no arguments and no instructions."""
    document = json.loads(auditor.manifest.read_bytes())
    document["contracts"][0]["maskedCodeHash"] = "0x" + "07" * 32
    manifest = parse_manifest(json.dumps(document).encode(), "old.json")
    made = publication_of(recompiled, [manifest])
    assert (made.included, made.left_out) == ((), manifest.contracts)
    assert {"Cash.metadata.json", "Cash.standard-input.json", "README.md"} <= made.files.keys()
    assert not [name for name in made.files if "/" in name]
    assert auditor.contract()["address"] not in made.files["README.md"]


def test_a_home_publishes_all_that_it_deployed(house: Command, auditor: Auditor, tmp_path: Path) -> None:
    """Without a manifest the bundle holds what the home has deployed on any chain; without any, the sources alone."""
    ours = house.with_settings(SOLC=auditor.command.settings["SOLC"])
    ours.said("contracts", "bundle", "--out", tmp_path / "ours")
    assert auditor.contract()["address"] in (tmp_path / "ours" / "README.md").read_text("utf-8")
    auditor.command.said("contracts", "bundle", "--out", tmp_path / "alone")
    assert not (tmp_path / "alone" / "constructor-arguments").exists()
    assert not auditor.command.home.exists()


# ------------------------------------------------------------------------------------------------ the document


def test_the_documents_commands_run_as_written(auditor: Auditor) -> None:
    """Every command in docs/verify-contracts.md runs as it is written, but for the node's address and the hash."""
    text = (ROOT / "docs" / "verify-contracts.md").read_text("utf-8")
    lines = re.findall(r"^ *chainwallet (contracts .*)$", text, re.MULTILINE)
    assert len(lines) == text.count("chainwallet contracts ") == 4
    place = auditor.place / "document"
    place.mkdir()
    shutil.copy(auditor.manifest, place)
    (place / "contracts").symlink_to(CHECKOUT_CONTRACTS)
    with Node(auditor.url) as node:
        known = to_hex(node.block("latest").hash)
    for line in lines:
        given = line.replace("https://node.example", auditor.url).replace("0xHASH", known).split()
        done = auditor.command.inside(place)(*given)
        assert (done.returncode, done.stderr) == (0, ""), line
        assert ": equal\n" in done.stdout or "bundle/README.md" in done.stdout
