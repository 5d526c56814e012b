"""``chainwallet contracts``: an auditor's door to what is deployed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.terminal import alone, config_of, console, read_file, say, say_json

if TYPE_CHECKING:
    from rich.console import Console

    from chainwallet.abi.deployed_code import Difference
    from chainwallet.compiler import Compilation
    from chainwallet.config import Config
    from chainwallet.evm import BlockNumber, Hash32
    from chainwallet.manifest import Contract, Manifest
    from chainwallet.rpc import Node
    from chainwallet.verification import Anchor, Part, Verdict

app = typer.Typer(
    help="Verify deployed contracts, publish sources.",
    invoke_without_command=True,
    callback=alone,
)

DIFFERENT = 1
CONTRACT = "Cash"  # the manifests' only kind of contract
OUT = Path("chainwallet-contracts")
NAME_COLUMNS = 22  # the longest name of an immutable that we have

ManifestFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A deployment manifest. Default: what this home knows of."),
]
Solc = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="SOLC",
        show_envvar=False,
        help="The Solidity compiler. Default: SOLC, one on PATH, py-solc-x's, or the one this checkout installed.",
    ),
]


@app.command("verify")
def verify(
    context: typer.Context,
    manifest: ManifestFile = None,
    rpc: Annotated[
        str | None, typer.Option(metavar="URL", help="The node to ask. Default: the local chain of this home.")
    ] = None,
    currency: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Only this currency's contract; may be given several times."),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(metavar="BLOCK", help="The block to verify at, by number or hash. Default: the head."),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(metavar="DIRECTORY", help="Compile these sources (contracts/src) instead of the package's own."),
    ] = None,
    solc: Solc = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check that the deployed code is what the sources compile to.

    Compiles the sources, fills in each immutable with what it must hold (currency, address, chain id, signing domain),
    and compares the result with the deployed code. The hash of that code is proved: by the account's proof
    (eth_getProof) under the state root of a block whose hash is computed from its header. The transaction that created
    the contract is checked too. Prints "equal", or the first difference.

    All of it holds under the hash of one block. That this block belongs to the chain is the node's word, unless you
    name the block by a hash that you have from somewhere else. Balances and roles are not looked at.

    Exit status 0 equal, 1 different, 2 refused or out of reach.
    """
    from chainwallet import verification
    from chainwallet.artifacts import load_input
    from chainwallet.assembly import reading_node
    from chainwallet.compiler import compile_input, find_solc, with_sources

    config = config_of(context, rpc=rpc)
    at = _block(block)
    given = load_input(CONTRACT)
    if sources is not None:
        given = with_sources(given, CONTRACT, sources)
    compiler = find_solc(configured=solc)  # refuse here, before anybody is asked anything
    with reading_node(config) as node:
        known = _manifest(config, manifest, node)
        anchor, observed = verification.observe(node, known, _chosen(known, currency), at)
    with console(stderr=True, quiet=as_json).status("Compiling the sources"):
        compiled = compile_input(given, CONTRACT, compiler)
    verdicts = [verification.judge(compiled, known.chain, each) for each in observed]
    changed = _changed(compiled)
    if as_json:
        say_json(document(known, anchor, compiled, changed, verdicts))
    else:
        _tell(console(), anchor, compiled, changed, verdicts)
    if not all(verdict.equal for verdict in verdicts):
        raise typer.Exit(DIFFERENT)


@app.command("bundle")
def bundle(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="DIRECTORY", help=f"Where to write it; new or empty. Default: {OUT}.")
    ] = OUT,
    manifest: ManifestFile = None,
    solc: Solc = None,
) -> None:
    """Write what explorers take to verify the contracts.

    For Etherscan, Blockscout and Sourcify: the compiler's standard-JSON input, its metadata, the constructor arguments
    of each deployed contract, and a README with the fields of each service. Nothing is sent to anybody.
    """
    from chainwallet.artifacts import load_input
    from chainwallet.compiler import compile_input, find_solc
    from chainwallet.errors import BadValue
    from chainwallet.evm import checksum
    from chainwallet.home import Home
    from chainwallet.manifest import parse_manifest, read_every_manifest
    from chainwallet.publication import publication_of

    config = config_of(context)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadValue("out", str(out), "a directory that is new or empty")
    if manifest is not None:
        manifests = [parse_manifest(read_file(manifest, "manifest"), str(manifest))]
    else:
        manifests = [*read_every_manifest(Home(config.home).manifests)]
    compiler = find_solc(configured=solc)
    with console(stderr=True).status("Compiling the sources"):
        compiled = compile_input(load_input(CONTRACT), CONTRACT, compiler)
    made = publication_of(compiled, manifests)
    for name, text in made.files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, "utf-8", newline="")
        print(out / name)
    for contract in made.left_out:
        print(f"left out: Cash {contract.currency} at {checksum(contract.address)}, deployed from other code")


# ------------------------------------------------------------------------------------------------ what is asked for


def _block(text: str | None) -> "BlockNumber | Hash32 | None":
    from chainwallet.errors import BadValue
    from chainwallet.evm import BlockNumber, Hash32, from_hex

    if text is None:
        return None
    if text.isascii() and text.isdigit() and int(text) < 2**64:
        return BlockNumber(int(text))
    try:
        found = from_hex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise BadValue("block", text, "a block's number, or its hash as 0x and 64 hex digits")
    return Hash32(found)


def _manifest(config: "Config", file: Path | None, node: "Node") -> "Manifest":
    from chainwallet.deployment import known_manifest
    from chainwallet.home import Home
    from chainwallet.manifest import parse_manifest

    if file is None:
        return known_manifest(node, Home(config.home).manifests)
    return parse_manifest(read_file(file, "manifest"), str(file))


def _chosen(manifest: "Manifest", codes: list[str] | None) -> "list[Contract]":
    from chainwallet.errors import BadValue

    known = {contract.currency: contract for contract in manifest.contracts}
    wanted = list(dict.fromkeys(code.strip().upper() for code in codes or known))
    expected = f"one of the currencies in the manifest: {', '.join(sorted(known)) or 'it names none'}"
    if not wanted:
        raise BadValue("currency", None, expected)
    for code in wanted:
        if code not in known:
            raise BadValue("currency", code, expected)
    return [known[code] for code in wanted]


def _changed(compiled: "Compilation") -> list[str]:
    """The sources that are not, byte for byte, the package's own."""
    from chainwallet.artifacts import load_input

    own = {path: source["content"] for path, source in load_input(CONTRACT)["sources"].items()}
    return sorted(path for path in own.keys() | compiled.sources.keys() if own.get(path) != compiled.sources.get(path))


# ------------------------------------------------------------------------------------------------ what is said


def document(
    manifest: "Manifest", anchor: "Anchor", compiled: "Compilation", changed: list[str], verdicts: "list[Verdict]"
) -> dict[str, Any]:
    """Everything that was found, as one JSON object; bytes are hex, values of immutables as a person reads them."""
    from chainwallet.evm import to_hex

    return {
        "equal": all(verdict.equal for verdict in verdicts),
        "chain_id": manifest.chain.chain_id,
        "genesis_hash": to_hex(manifest.chain.genesis),
        "block": {
            "number": anchor.number,
            "hash": to_hex(anchor.hash),
            "state_root": to_hex(anchor.state_root),
            "hash_was_given": anchor.is_given,
        },
        "compiler": compiled.compiler,
        "source_hash": to_hex(compiled.source_hash),
        "changed_sources": changed,
        "contracts": [_verdict_document(verdict) for verdict in verdicts],
    }


def _verdict_document(verdict: "Verdict") -> dict[str, Any]:
    from chainwallet.evm import checksum, to_hex

    creation = verdict.creation
    return {
        "currency": verdict.contract.currency,
        "address": checksum(verdict.contract.address),
        "equal": verdict.equal,
        "parts": [_part_document(part) for part in verdict.parts],
        "creation": None
        if creation is None
        else {
            "tx": to_hex(creation.tx),
            "sender": checksum(creation.sender),
            "nonce": creation.nonce,
            "currency": creation.currency,
            "admin": checksum(creation.admin),
            "admin_delay_s": creation.admin_delay_s,
        },
        "faults": list(verdict.faults),
        "notes": list(verdict.notes),
    }


def _part_document(part: "Part") -> dict[str, Any]:
    from chainwallet.evm import checksum, to_hex

    difference = part.difference
    return {
        "contract": part.name,
        "address": checksum(part.address),
        "code_bytes": part.code_bytes,
        "code_hash": to_hex(part.code_hash),
        "expected_code_hash": to_hex(part.expected_hash),
        "first_difference": None
        if difference is None
        else {
            "offset": difference.offset,
            "expected": difference.expected,
            "found": difference.found,
            "immutable": difference.immutable,
            "around": {
                "offset": difference.start,
                "expected": to_hex(difference.expected_around),
                "found": to_hex(difference.found_around),
            },
        },
        "immutables": [
            {"name": held.name, "type": held.kind, "found": list(held.found), "expected": held.expected}
            for held in part.immutables
        ],
    }


def _tell(
    story: "Console", anchor: "Anchor", compiled: "Compilation", changed: list[str], verdicts: "list[Verdict]"
) -> None:
    from chainwallet.evm import to_hex

    own = "as this package carries them" if not changed else f"{len(changed)} not this package's: {', '.join(changed)}"
    say(story, f"sources: {len(compiled.sources)} files, {own}")
    say(story, f"    compiled with solc {compiled.compiler}, standard-JSON input {to_hex(compiled.source_hash)}")
    say(story, f"block {anchor.number}: {to_hex(anchor.hash)}")
    for verdict in verdicts:
        say(story)
        _tell_verdict(story, verdict)
    say(story)
    _tell_limits(story, anchor)


def _tell_verdict(story: "Console", verdict: "Verdict") -> None:
    from chainwallet.evm import checksum, to_hex

    result = "equal" if verdict.equal else "DIFFERENT"
    say(story, f"Cash {verdict.contract.currency} at {checksum(verdict.contract.address)}: {result}")
    for part in verdict.parts:
        _tell_part(story, part)
    made = verdict.creation
    if made is not None:
        say(story, f"    created by {checksum(made.sender)}, nonce {made.nonce}, in the transaction {to_hex(made.tx)}")
        arguments = f"currency {made.currency}, admin {checksum(made.admin)}, admin delay {made.admin_delay_s} s"
        say(story, f"    with the creation code that the sources give and the arguments {arguments}")
    for fault in verdict.faults:
        say(story, f"    DIFFERENT: {fault}")
    for note in verdict.notes:
        say(story, f"    note: {note}")


def _tell_part(story: "Console", part: "Part") -> None:
    from chainwallet.evm import checksum, to_hex

    say(story, f"    {part.name} at {checksum(part.address)}")
    say(story, f"        code: {part.code_bytes:,} bytes, Keccak-256 {to_hex(part.code_hash)}, proved")
    if part.difference is None:
        say(story, "        the sources give the same bytes, with these immutables filled in:")
    else:
        say(story, f"        the sources give {to_hex(part.expected_hash)}")
        _tell_difference(story, part.difference)
    for held in part.immutables:
        checked = "as it must be" if held.expected is not None else "not checked"
        remark = checked if held.agrees else f"WRONG, expected {held.expected or 'one value in all its places'}"
        say(story, f"            {held.name:{NAME_COLUMNS}}  {' and '.join(held.found)}  {remark}")


def _tell_difference(story: "Console", difference: "Difference") -> None:
    where = f"in the immutable {difference.immutable}" if difference.immutable else "outside of the immutables"
    say(story, f"        first difference at byte {difference.offset}, {where}:")
    for what, byte, around in (
        ("expected", difference.expected, difference.expected_around),
        ("found", difference.found, difference.found_around),
    ):
        told = "the end of the code" if byte is None else f"{byte:02x}"
        say(story, f"            {what:8}  {told}  in {around.hex(' ') or 'nothing'} (from byte {difference.start})")


def _tell_limits(story: "Console", anchor: "Anchor") -> None:
    say(story, "Computed here, not believed: the block's hash from its header, the hash of each code from the proof of")
    say(story, "its account under that header's state root, and the code that the sources compile to.")
    if anchor.is_given:
        say(story, "All of it holds as far as the block whose hash you gave belongs to the chain.")
    else:
        say(
            story,
            f"That block {anchor.number} belongs to the chain is the node's word: compare its hash with one from a",
        )
        say(story, "source of your own, or verify again with --block and the hash from there.")
    say(story, "Balances, roles and everything else in storage were not looked at.")
