"""An auditor's check of real deployments: equal only where every byte is proved, and every lie is named."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chainwallet import deployment
from chainwallet.abi.calls import constructor_data
from chainwallet.abi.deployed_code import filled, words_of
from chainwallet.artifacts import load_artifact, load_input
from chainwallet.compiler import (
    CHECKOUT_CONTRACTS,
    Compilation,
    CompiledContract,
    compile_input,
    source_hash,
    with_sources,
)
from chainwallet.deployment import ADMIN_DELAY_S
from chainwallet.errors import BadValue, FalseProof, NodeRefused, UnverifiedBlock, WrongChain
from chainwallet.evm import Address, BlockNumber, ChainName, Hash32, checksum, keccak256, to_hex
from chainwallet.keys.transaction import decode_signed
from chainwallet.manifest import Contract, Manifest
from chainwallet.proofs.creation import office_of
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import currency_of
from chainwallet.verification import LEDGER, Anchor, Part, Verdict, judge, observe, parts_of
from tests.chain.bench import EUR, JPY, ROLES, Bench, key_of
from tests.chain.fault_proxy import Fault, FaultProxy

LINE = "return 6;"  # of decimals()


@pytest.fixture(scope="session")
def compiled(solc: Path) -> Compilation:
    """What the package's own sources compile to."""
    return compile_input(load_input("Cash"), "Cash", solc)


@pytest.fixture
def eur(bench: Bench) -> Contract:
    """What the manifest says of the ledger in EUR."""
    contract = bench.deployed.manifest.contract(EUR)
    assert contract is not None
    return contract


def verified(
    bench: Bench,
    compiled: Compilation,
    contract: Contract,
    at: BlockNumber | Hash32 | None = None,
    node: Node | None = None,
) -> tuple[Anchor, Verdict]:
    manifest = bench.deployed.manifest
    anchor, (observed,) = observe(node or bench.node, manifest, [contract], at)
    return anchor, judge(compiled, manifest.chain, observed)


def with_code(
    bench: Bench, compiled: Compilation, contract: Contract, code: bytes, address: Address | None = None
) -> Verdict:
    """The verdict where other code stands at the ledger's address, or at ``address``; its manifest's author knows."""
    bench.ask("anvil_setCode", checksum(address or contract.address), to_hex(code))
    bench.node.mine()  # a state that no header commits to is not proved
    known = replace(contract, code_hash=keccak256(bench.node.code(contract.address)))
    return verified(bench, compiled, known)[1]


def ledger_of(verdict: Verdict) -> Part:
    """The part of the verdict on the code at the ledger's own address."""
    assert verdict.parts[0].name == LEDGER
    return verdict.parts[0]


def parts(compiled: Compilation, contract: Contract) -> list[tuple[CompiledContract, Address]]:
    """What makes up the ledger, and where."""
    return [(compiled.contracts[name], address) for name, address in parts_of(compiled, contract.address).items()]


# ------------------------------------------------------------------------------------------------ equal


def test_a_real_deployment_is_equal(bench: Bench, compiled: Compilation) -> None:
    """Both ledgers are what the sources compile to: the proved hash of the code is the one that the sources give."""
    manifest, head = bench.deployed.manifest, bench.node.block("latest")
    anchor, observed = observe(bench.node, manifest, manifest.contracts, None)
    assert (anchor.number, anchor.hash, anchor.is_given) == (head.number, head.hash, False)
    assert len(observed) == 2
    for contract, each in zip(manifest.contracts, observed, strict=True):
        verdict = judge(compiled, manifest.chain, each)
        assert (verdict.equal, verdict.faults, verdict.notes) == (True, (), ())
        assert ledger_of(verdict).address == contract.address
        for part in verdict.parts:
            code = bench.node.code(part.address)
            assert part.code_hash == part.expected_hash == keccak256(code)
            assert (part.code_bytes, part.difference) == (len(code), None)


def test_every_immutable_is_shown_and_checked(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Each immutable of each part is named, read as a value, and compared with what it must hold."""
    _, verdict = verified(bench, compiled, eur)
    ours = sorted(compiled.contracts[LEDGER].immutables, key=lambda each: each.name)
    assert tuple(ours) == load_artifact(LEDGER).immutables
    for part, (contract, address) in zip(verdict.parts, parts(compiled, eur), strict=True):
        told = {held.name: held for held in part.immutables}
        assert len(told) == len(part.immutables) == len(contract.immutables)
        assert all(held.expected == held.found[0] and held.agrees for held in part.immutables)
        assert told["_cachedChainId"].found == (str(bench.chain.chain_id),)
        assert told["_cachedThis"].found == (checksum(address),)
        assert told["_name"].found == ('"Cash EUR"',)
    everything = {held.name: held.found for part in verdict.parts for held in part.immutables}
    assert everything["_currency"] == ('"EUR"',)


def test_the_creation_is_told(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """The transaction that created a ledger is told with its sender and the constructor's arguments."""
    creation = verified(bench, compiled, eur)[1].creation
    assert creation is not None
    assert (creation.tx, creation.sender, creation.admin) == (eur.tx, ROLES.admin, ROLES.admin)
    assert (creation.currency, creation.admin_delay_s) == ("EUR", ADMIN_DELAY_S)
    sent = bench.transaction(eur.tx)
    assert sent["nonce"] == hex(creation.nonce)
    assert sent["input"].endswith(constructor_data("EUR", ROLES.admin, ADMIN_DELAY_S).hex())


def test_a_block_is_chosen_by_number_or_hash(bench: Bench, compiled: Compilation, tmp_path: Path) -> None:
    """A block that is named by its hash is the auditor's own anchor; before its creation a ledger is not there."""
    usd = currency_of("USD")  # deployed now: of old blocks Anvil forgets the state where others have taken much back
    manifest, _ = deployment.deploy(
        bench.node, bench.database, bench.relayer().deliver, tmp_path, ROLES, [usd], bench.now_s
    )
    contract = manifest.contract(usd)
    assert contract is not None
    bench = replace(bench, deployed=replace(bench.deployed, manifest=manifest))
    block, eur = bench.node.block(contract.block), contract
    by_number = verified(bench, compiled, eur, eur.block)
    by_hash = verified(bench, compiled, eur, block.hash)
    assert by_number[1] == by_hash[1]
    assert by_number[1].equal
    assert by_hash[0] == replace(by_number[0], is_given=True)
    assert by_hash[0].hash == block.hash
    _, before = verified(bench, compiled, eur, BlockNumber(eur.block - 1))
    assert not before.equal
    assert before.faults[0] == "Cash: there is no code"
    assert f"the manifest says that it was deployed in block {eur.block}" in before.faults


def test_a_node_that_forgot_the_creation(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Where the node does not have the creating transaction, the code is verified all the same, and that is noted."""
    contract = replace(eur, tx=Hash32(b"\x05" * 32))
    _, verdict = verified(bench, compiled, contract)
    assert (verdict.equal, verdict.creation) == (True, None)
    assert "was not checked: the node does not have it" in verdict.notes[0]


# ------------------------------------------------------------------------------------------------ other sources


def test_one_changed_line_of_the_sources(bench: Bench, solc: Path, eur: Contract, tmp_path: Path) -> None:
    """Sources that differ in one line are not the deployed contract's, and the first byte that tells is shown."""
    (tmp_path / "src").mkdir()
    for source in (CHECKOUT_CONTRACTS / "src").glob("*.sol"):
        text = source.read_text("utf-8")
        (tmp_path / "src" / source.name).write_text(text.replace(LINE, "return 7;"), "utf-8")
    given = with_sources(load_input("Cash"), "Cash", tmp_path / "src")
    changed = compile_input(given, "Cash", solc)
    _, verdict = verified(bench, changed, eur)
    assert not verdict.equal
    differing = [part for part in verdict.parts if part.difference is not None]
    assert differing
    for part in differing:
        assert part.difference is not None
        assert part.difference.immutable is None
        code = bench.node.code(part.address)
        assert code[part.difference.offset] == part.difference.found != part.difference.expected
    assert "outside of the immutables" in verdict.faults[0] or " bytes, expected " in verdict.faults[0]
    assert any("names other sources" in note for note in verdict.notes)


def test_the_checkouts_own_sources_are_the_packages() -> None:
    """The sources of a checkout, read with what they import, are those that the package carries."""
    given = load_input("Cash")
    assert with_sources(given, "Cash", CHECKOUT_CONTRACTS / "src") == given
    assert source_hash(given) == load_artifact("Cash").source_hash


def test_sources_without_their_packages(tmp_path: Path) -> None:
    """Where nothing is installed beside the sources, what they import is the package's copy."""
    given = load_input("Cash")
    (tmp_path / "src").symlink_to(CHECKOUT_CONTRACTS / "src")
    assert with_sources(given, "Cash", tmp_path / "src") == given


@pytest.mark.parametrize("imported", ["./Missing.sol", "../../secret.sol", "@other/Missing.sol", "/etc/passwd"])
def test_an_import_that_is_not_there(tmp_path: Path, imported: str) -> None:
    """A source that imports what is neither below its directory nor in a package is refused by name."""
    (tmp_path / "Cash.sol").write_text(f'import {{X}} from "{imported}";', "utf-8")
    (tmp_path.parent / "secret.sol").write_text("// not a part of it", "utf-8")
    with pytest.raises(BadValue, match=r"^sources: "):
        with_sources(load_input("Cash"), "Cash", tmp_path)


def test_sources_that_do_not_compile(solc: Path, tmp_path: Path) -> None:
    """Sources that do not compile are refused with the compiler's words."""
    (tmp_path / "Cash.sol").write_text("pragma solidity 0.8.37; contract Cash { oops }", "utf-8")
    given = with_sources(load_input("Cash"), "Cash", tmp_path)
    with pytest.raises(BadValue, match=r"expected Solidity that compiles: ParserError"):
        compile_input(given, "Cash", solc)


# ------------------------------------------------------------------------------------------------ other code


@pytest.mark.parametrize("place", [0, 5_000, -1])
def test_one_flipped_byte(bench: Bench, compiled: Compilation, eur: Contract, place: int) -> None:
    """A ledger with one flipped byte is different, at exactly that byte, with the bytes around it."""
    for at, (_, address) in enumerate(parts(compiled, eur)):
        own = bench.node.code(address)
        offset = place % len(own)
        doctored = own[:offset] + bytes([own[offset] ^ 1]) + own[offset + 1 :]
        verdict = with_code(bench, compiled, eur, doctored, address)
        part, difference = verdict.parts[at], verdict.parts[at].difference
        assert not verdict.equal
        assert difference is not None
        assert (difference.offset, difference.expected, difference.found) == (offset, own[offset], own[offset] ^ 1)
        assert difference.immutable is None
        assert difference.expected_around in own
        assert difference.found_around in doctored
        assert part.faults == ("the code differs from what the sources compile to, also outside of the immutables",)
        assert verdict.faults == (f"{part.name}: {part.faults[0]}",)
        with_code(bench, compiled, eur, own, address)


def test_a_flipped_byte_in_any_immutable(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """One flipped byte in any place of any immutable is different, and told as that immutable's."""
    for at, (contract, address) in enumerate(parts(compiled, eur)):
        own = bench.node.code(address)
        for immutable in contract.immutables:
            for start, length in immutable.places:
                doctored = bytearray(own)
                doctored[start + length - 1] ^= 0x01
                verdict = with_code(bench, compiled, eur, bytes(doctored), address)
                part = verdict.parts[at]
                assert not verdict.equal
                assert part.difference is not None
                assert (part.difference.offset, part.difference.immutable) == (start + length - 1, immutable.name)
                (wrong,) = [held for held in part.immutables if not held.agrees]
                assert (wrong.name, len(wrong.found)) == (immutable.name, len(immutable.places))
                (fault,) = verdict.faults
                assert fault.startswith(f"{contract.name}: the immutable {immutable.name} holds ")
        with_code(bench, compiled, eur, own, address)


def test_code_of_ours_whose_immutables_lie(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Our code with another chain's cached domain, another address or another currency is not called equal."""
    other_chain = ChainName(bench.chain.chain_id + 1, bench.chain.genesis)
    lies = {
        Cash(other_chain, EUR, eur.address): {"_cachedChainId", "_cachedDomainSeparator"},
        Cash(bench.chain, EUR, Address(b"\x77" * 20)): {"_cachedThis", "_cachedDomainSeparator"},
        Cash(bench.chain, JPY, eur.address): {"_currency", "_name", "_hashedName", "_cachedDomainSeparator"},
    }
    contract = compiled.contracts[LEDGER]
    has = {each.name for each in contract.immutables}
    for cash, names in lies.items():
        code = filled(contract.runtime_code, contract.immutables, words_of(cash, office_of(eur.address)))
        verdict = with_code(bench, compiled, eur, code)
        part, wrong = ledger_of(verdict), names & has
        assert not verdict.equal
        assert {held.name for held in part.immutables if not held.agrees} == wrong
        assert len(verdict.faults) == len(wrong)
        assert not any("outside of the immutables" in fault for fault in verdict.faults)
        assert part.difference is not None
        assert part.difference.immutable in wrong


def test_other_code_altogether(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """No code, other code, and ours cut or continued are different, with both lengths."""
    own = bench.node.code(eur.address)
    for code, offset in ((b"\x60\x00", 1), (own[:-1], len(own) - 1), (own + b"\x00", len(own))):
        verdict = with_code(bench, compiled, eur, code)
        assert verdict.faults == (f"Cash: the code has {len(code)} bytes, expected {len(own)}",)
        assert ledger_of(verdict).immutables == ()
        difference = ledger_of(verdict).difference
        assert difference is not None
        assert difference.offset == offset
        assert (difference.expected is None, difference.found is None) == (offset >= len(own), offset >= len(code))
    nothing = with_code(bench, compiled, eur, b"")
    assert nothing.faults[0] == "Cash: there is no code"
    assert not nothing.equal


def test_an_immutable_that_nobody_knows_is_said(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """An immutable that cannot be recomputed is shown as not checked; its places must still agree with each other."""
    contract = compiled.contracts[LEDGER]
    known = max(contract.immutables, key=lambda each: len(each.places))
    mystery = replace(known, name="_mystery")
    strange = replace(contract, immutables=tuple(mystery if each == known else each for each in contract.immutables))
    compiled = replace(compiled, contracts={**compiled.contracts, LEDGER: strange})
    _, verdict = verified(bench, compiled, eur)
    assert verdict.equal
    assert verdict.notes == ("Cash: not checked, because nothing says what they must hold: _mystery",)
    torn = replace(mystery, places=(*mystery.places, (0, 32)))  # a place that holds something else
    strange = replace(strange, immutables=tuple(torn if each == mystery else each for each in strange.immutables))
    _, verdict = verified(bench, replace(compiled, contracts={**compiled.contracts, LEDGER: strange}), eur)
    assert not verdict.equal
    assert verdict.faults[0].endswith("expected one value in all its places")


def test_an_office_is_a_part_of_its_ledger(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Where the ledger's code names an office, the code at the address that it must have is compared as well."""
    contract = compiled.contracts[LEDGER]
    named = replace(contract.immutables[0], name="_office", places=(), kind="address")
    with_office = replace(contract, immutables=(*contract.immutables, named))
    office = replace(contract, name="Office", runtime_code=b"\x00", immutables=())
    given = replace(compiled, contracts={LEDGER: with_office, "Office": office})
    bench.ask("anvil_setCode", checksum(office_of(eur.address)), "0x00")
    bench.node.mine()
    manifest = bench.deployed.manifest
    _, (observed,) = observe(bench.node, manifest, [eur], None)
    verdict = judge(given, manifest.chain, observed)
    assert [(part.name, part.address) for part in verdict.parts][1] == ("Office", office_of(eur.address))
    assert verdict.parts[1].difference is None
    bench.ask("anvil_setCode", checksum(office_of(eur.address)), "0x01")
    bench.node.mine()
    _, (observed,) = observe(bench.node, manifest, [eur], None)
    assert "Office: the code differs" in judge(given, manifest.chain, observed).faults[-1]
    with pytest.raises(BadValue, match="which Cash names as its own"):
        judge(replace(given, contracts={LEDGER: with_office}), manifest.chain, observed)


# ------------------------------------------------------------------------------------------------ a manifest that lies


def test_a_manifest_that_lies(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Whatever the manifest says that the chain contradicts makes the verdict different, and is named."""
    jpy = bench.deployed.manifest.contract(JPY)
    assert jpy is not None
    lies: dict[str, Contract] = {
        "the manifest says that the hash of its code is 0x0909": replace(eur, code_hash=Hash32(b"\x09" * 32)),
        "does not create this contract": replace(eur, tx=jpy.tx),
        "the manifest says " + checksum(ROLES.issuer): replace(eur, admin=ROLES.issuer),
        "the immutable _currency holds": replace(eur, address=jpy.address, tx=jpy.tx, code_hash=jpy.code_hash),
    }
    for words, contract in lies.items():
        _, verdict = verified(bench, compiled, contract)
        assert not verdict.equal
        assert any(words in fault for fault in verdict.faults), verdict.faults
    granted = replace(eur, tx=eur.grants[0])  # a call, not a creation
    assert "does not create this contract" in verified(bench, compiled, granted)[1].faults[0]


def test_what_created_it_must_be_our_code_too(bench: Bench, compiled: Compilation, eur: Contract) -> None:
    """Other creation code, or other arguments, is different even where the code that stands there is equal."""
    contract = compiled.contracts[LEDGER]
    shorter = replace(contract, creation_code=contract.creation_code[:-1] + b"\x00")
    other = replace(compiled, contracts={**compiled.contracts, LEDGER: shorter})
    assert "with other code than the sources compile to" in verified(bench, other, eur)[1].faults[0]
    _, (observed,) = observe(bench.node, bench.deployed.manifest, [eur], None)
    assert observed.creation is not None
    tx, _ = observed.creation
    for data, words in (
        (tx.data + bytes(32), "has more than the constructor's arguments"),
        (tx.data[:-32], "has constructor arguments that do not read"),
        (contract.creation_code + constructor_data("USD", ROLES.admin, 0), "was made with the currency USD, the man"),
    ):
        made = decode_signed(key_of("admin").sign_transaction(replace(tx, data=data)))
        verdict = judge(compiled, bench.chain, replace(observed, creation=(made.transaction, made.signature)))
        assert all(part.difference is None for part in verdict.parts)
        assert [words in fault for fault in verdict.faults] == [True]


# ------------------------------------------------------------------------------------------------ a node that lies


def asked(bench: Bench, method: str, *params: object) -> Any:
    return bench.ask(method, *params)


def flipped(text: str) -> str:
    """The same hex with its last bit flipped."""
    return text[:-1] + f"{int(text[-1], 16) ^ 1:x}"


def lies_of(bench: Bench, contract: Contract) -> Iterator[tuple[str, Any, type[Exception], str]]:
    """A method, what the node falsely answers to it, and what is said."""
    head = bench.node.block_number()
    block = asked(bench, "eth_getBlockByNumber", hex(head), False)
    proof = asked(bench, "eth_getProof", checksum(contract.address), [], hex(head))
    nodes = proof["accountProof"]
    other = asked(bench, "eth_getProof", checksum(ROLES.admin), [], hex(head))["accountProof"]
    code = to_hex(bench.node.code(contract.address))
    tx = asked(bench, "eth_getTransactionByHash", to_hex(contract.tx))
    yield "eth_getCode", flipped(code), FalseProof, "hash of the code of Cash EUR"
    yield "eth_getCode", "0x", FalseProof, "which its account's proof gives"
    for at in range(len(nodes)):
        doctored = [*nodes[:at], flipped(nodes[at]), *nodes[at + 1 :]]
        yield "eth_getProof", {**proof, "accountProof": doctored}, FalseProof, "it is not among the proof's nodes"
    yield "eth_getProof", {**proof, "accountProof": nodes[:-1]}, FalseProof, "it is not among the proof's nodes"
    yield "eth_getProof", {**proof, "accountProof": []}, FalseProof, "the root 0x"
    yield "eth_getProof", {**proof, "accountProof": other}, FalseProof, "it is not among the proof's nodes"
    yield "eth_getProof", {"address": proof["address"]}, NodeRefused, "expected a list"
    for field in ("stateRoot", "hash", "parentHash", "timestamp", "extraData", "logsBloom", "miner", "mixHash"):
        lie = flipped(block[field]) if len(block[field]) > 2 else "0x00"
        yield "eth_getBlockByNumber", {**block, field: lie}, UnverifiedBlock, "hash of the header"
    yield "eth_getTransactionByHash", {**tx, "input": flipped(tx["input"])}, FalseProof, "hash of the transaction"


def test_a_node_that_lies_is_caught(bench: Bench, faulty: Bench, proxy: FaultProxy, eur: Contract) -> None:
    """Code that is not the proved one, a doctored proof, header or transaction: each is caught and named."""
    lies = list(lies_of(bench, eur))
    assert len(lies) > 15
    for method, answer, error, words in lies:
        genesis = bench.ask("eth_getBlockByNumber", "0x0", False)
        proxy.heal()
        if method == "eth_getBlockByNumber":
            proxy.next(method, Fault(result=genesis))  # the first question is which chain it is
        proxy.next(method, Fault(result=answer))
        with pytest.raises(error) as refusal:
            observe(faulty.node, bench.deployed.manifest, [eur], None)
        assert words in str(refusal.value)


def test_a_node_cannot_answer_with_another_block(bench: Bench, faulty: Bench, proxy: FaultProxy, eur: Contract) -> None:
    """A node that answers with another block than the one asked for, however well it hashes, is caught."""
    wanted = bench.node.block(eur.block)
    other = bench.ask("eth_getBlockByNumber", hex(eur.block - 1), False)
    proxy.next("eth_getBlockByHash", Fault(result=other))
    with pytest.raises(UnverifiedBlock, match="which was asked for"):
        observe(faulty.node, bench.deployed.manifest, [eur], wanted.hash)
    genesis = bench.ask("eth_getBlockByNumber", "0x0", False)
    proxy.next("eth_getBlockByNumber", Fault(result=genesis), Fault(result=other))
    with pytest.raises(UnverifiedBlock, match=f"number: found {eur.block - 1}, expected {eur.block}, which was asked"):
        observe(faulty.node, bench.deployed.manifest, [eur], eur.block)


def test_another_chain_is_refused(bench: Bench, eur: Contract) -> None:
    """A node of another chain than the manifest's is refused, naming both, before anything is compared."""
    other = Manifest(ChainName(bench.chain.chain_id, Hash32(b"\x01" * 32)), (eur,))
    with pytest.raises(WrongChain, match=f"{bench.chain.chain_id}-0x0101.*, which the manifest names"):
        observe(bench.node, other, [eur], None)


def test_a_block_that_is_not_there(bench: Bench, eur: Contract) -> None:
    """A block that the node does not have is refused."""
    for at in (BlockNumber(10**9), Hash32(b"\x02" * 32)):
        with pytest.raises(NodeRefused):
            observe(bench.node, bench.deployed.manifest, [eur], at)
