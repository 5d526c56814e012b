"""An auditor's check of deployed contracts: what the sources compile to, beside what a block's hash commits to.

``observe`` asks a node and believes only what it can prove: the header is hashed, and each account's proof is followed
from the header's state root to the hash of its code. ``judge`` compares, purely: the compiled code with its immutables
filled in, the immutables one by one, and the transaction that created the ledger.

A ledger is the code at its address and, where that code names one, the code of its office: the contract that it made
when it was made, and that answers for it what it does not answer itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from chainwallet.abi.calls import constructor_data
from chainwallet.abi.deployed_code import Difference, filled, first_difference, text_of_word, words_of
from chainwallet.compiler import Compilation, CompiledContract
from chainwallet.deployment import chain_of
from chainwallet.errors import BadSignature, BadValue, FalseProof, UnverifiedBlock, WrongChain
from chainwallet.evm import (
    Address,
    BlockNumber,
    ChainName,
    Hash32,
    Transaction,
    checksum,
    keccak256,
    parse_address,
    to_hex,
)
from chainwallet.keys.signer import recover
from chainwallet.keys.transaction import encode_signed, encode_unsigned
from chainwallet.manifest import Contract, Manifest
from chainwallet.proofs.account import EMPTY_CODE_HASH, verify_account
from chainwallet.proofs.block import verify_header
from chainwallet.proofs.creation import created_address, office_of
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash

LEDGER = "Cash"
OFFICE = "Office"
CONSTRUCTOR = ("string", "address", "uint48")  # Cash: currency, admin, seconds between two steps of a new admin


def parts_of(compilation: Compilation, address: Address) -> dict[str, Address]:
    """The contracts that make up the ledger at ``address`` and where each must stand, by name, the ledger first.

    Raises ``BadValue`` of field ``sources`` where the ledger names an office that is not among the sources.
    """
    if not any(each.name == "_office" for each in compilation.contracts[LEDGER].immutables):
        return {LEDGER: address}
    if OFFICE not in compilation.contracts:
        raise BadValue("sources", f"no src/{OFFICE}.sol", f"a contract {OFFICE}, which {LEDGER} names as its own")
    return {LEDGER: address, OFFICE: office_of(address)}


# ------------------------------------------------------------------------------------------------ what the chain says


@dataclass(frozen=True)
class Anchor:
    """The block that everything is proved under; its hash was recomputed from the fields of its header."""

    number: BlockNumber
    hash: Hash32
    state_root: Hash32
    is_given: bool
    """Whether the caller named the hash; otherwise it is the node's word that the chain has this block."""


@dataclass(frozen=True)
class ProvedCode:
    """The code at an address: ``hash`` is from the account's proof, and ``code`` hashes to it."""

    hash: Hash32
    code: bytes


@dataclass(frozen=True)
class Observed:
    """What stands at a ledger's address, and where its office would be, in the anchor's state."""

    contract: Contract
    codes: dict[Address, ProvedCode]
    creation: tuple[Transaction, bytes] | None
    """The transaction that the manifest names, hashed, and its signature; None where the node does not have it."""


def observe(
    node: Node, manifest: Manifest, contracts: Iterable[Contract], at: BlockNumber | Hash32 | None
) -> tuple[Anchor, tuple[Observed, ...]]:
    """What is proved of ``contracts`` at the block with number or hash ``at`` (None: the head).

    Raises ``WrongChain`` where the node serves another chain than the manifest's, ``UnverifiedBlock`` for a header that
    does not hash to its name, and ``FalseProof`` for a proof that does not hold and for code or a transaction with
    another hash than the one that is known.
    """
    served, wanted = chain_of(node), manifest.chain
    if served != wanted:
        names = [f"{chain.chain_id}-{to_hex(chain.genesis)}" for chain in (wanted, served)]
        raise WrongChain("chain", f"{names[0]}, which the manifest names", names[1])
    anchor = _anchor(node, at)
    return anchor, tuple(_observed(node, anchor, contract) for contract in contracts)


def _anchor(node: Node, at: BlockNumber | Hash32 | None) -> Anchor:
    told = node.told_block("latest" if at is None else at)
    verify_header(told)
    header, is_given = told.header, isinstance(at, bytes)
    if isinstance(at, bytes) and told.hash != at:
        raise UnverifiedBlock(header.number, "hash", f"{to_hex(at)}, which was asked for", to_hex(told.hash))
    if isinstance(at, int) and header.number != at:
        raise UnverifiedBlock(at, "number", f"{at}, which was asked for", str(header.number))
    return Anchor(header.number, told.hash, header.state_root, is_given)


def _observed(node: Node, anchor: Anchor, contract: Contract) -> Observed:
    where = f"Cash {contract.currency} at {checksum(contract.address)}"
    codes = {
        address: _proved_code(node, anchor, address, what)
        for address, what in ((contract.address, where), (office_of(contract.address), f"the office of {where}"))
    }
    creation = node.transaction(contract.tx)
    if creation is not None and (found := _hash_of(*creation)) != contract.tx:
        raise FalseProof(f"hash of the transaction that created {where}", to_hex(contract.tx), to_hex(found))
    return Observed(contract, codes, creation)


def _hash_of(tx: Transaction, signature: bytes) -> bytes:
    """The hash of a transaction as the node tells it; empty where nobody can have sent such a one."""
    try:
        return keccak256(encode_signed(tx, signature))
    except BadValue:
        return b""


def _proved_code(node: Node, anchor: Anchor, address: Address, what: str) -> ProvedCode:
    account = verify_account(anchor.state_root, address, node.account_proof(address, anchor.number))
    code = node.code(address, anchor.number)
    if keccak256(code) != account.code_hash:
        expected = f"{to_hex(account.code_hash)}, which its account's proof gives"
        raise FalseProof(f"hash of the code of {what}", expected, to_hex(keccak256(code)))
    return ProvedCode(account.code_hash, code)


# ------------------------------------------------------------------------------------------------ what follows from it


@dataclass(frozen=True)
class Held:
    """What an immutable of the deployed code holds, as a person reads it."""

    name: str
    kind: str
    """Its Solidity type."""
    found: tuple[str, ...]
    """One value; several where its places in the code do not agree."""
    expected: str | None
    """What it must hold; None where nothing says so, and it was not checked."""

    @property
    def agrees(self) -> bool:
        """Whether it holds one value, and the one that it must hold where that is known."""
        return len(self.found) == 1 and self.expected in (None, self.found[0])


@dataclass(frozen=True)
class Part:
    """One contract of a ledger: the code at its address beside the compiled code with its immutables filled in."""

    name: str
    address: Address
    code_hash: Hash32
    """Proved."""
    code_bytes: int
    expected_hash: Hash32
    """Keccak-256 of what the sources give."""
    difference: Difference | None
    immutables: tuple[Held, ...]
    """Empty where the code has another length, so that nothing can be read from it."""
    faults: tuple[str, ...]
    """How it contradicts the sources."""


@dataclass(frozen=True)
class Creation:
    """The transaction that made the ledger: who signed it, and with which arguments."""

    tx: Hash32
    sender: Address
    nonce: int
    currency: str
    admin: Address
    """Could grant every role from then on."""
    admin_delay_s: int


@dataclass(frozen=True)
class Verdict:
    """Whether a deployed ledger is what the sources compile to, with all that was found to say so."""

    contract: Contract
    parts: tuple[Part, ...]
    """The ledger's own code first."""
    creation: Creation | None
    faults: tuple[str, ...]
    """Everything that contradicts the sources or the manifest."""
    notes: tuple[str, ...]
    """What a reader should know that contradicts nothing."""

    @property
    def equal(self) -> bool:
        """Nothing contradicts."""
        return not self.faults


def judge(compilation: Compilation, chain: ChainName, observed: Observed) -> Verdict:
    """Compares what stands at a ledger's addresses with what ``compilation`` gives for chain, address and currency."""
    contract = observed.contract
    parts = tuple(
        _part(compilation.contracts[name], Cash(chain, contract.money_currency, address), observed)
        for name, address in parts_of(compilation, contract.address).items()
    )
    creation, creation_faults, creation_notes = _creation(compilation.contracts[LEDGER], chain, observed)
    return Verdict(
        contract=contract,
        parts=parts,
        creation=creation,
        faults=(*_faults(contract, parts), *creation_faults),
        notes=(*_notes(compilation, contract, parts), *creation_notes),
    )


def _part(compiled: CompiledContract, at: Cash, observed: Observed) -> Part:
    proved, words = observed.codes[at.address], words_of(at, office_of(observed.contract.address))
    has_its_length = len(proved.code) == len(compiled.runtime_code)
    held = tuple(_held(compiled, proved.code, words)) if has_its_length else ()
    unknown = {
        each.name: each.words_in(proved.code)[0]
        for each in compiled.immutables
        if has_its_length and each.name not in words
    }
    expected = filled(compiled.runtime_code, compiled.immutables, words | unknown)
    return Part(
        name=compiled.name,
        address=at.address,
        code_hash=proved.hash,
        code_bytes=len(proved.code),
        expected_hash=keccak256(expected),
        difference=first_difference(expected, proved.code, compiled.immutables),
        immutables=held,
        faults=tuple(_code_faults(compiled, proved, held)),
    )


def _held(compiled: CompiledContract, code: bytes, words: dict[str, bytes]) -> Iterator[Held]:
    for each in compiled.immutables:
        expected = text_of_word(each.kind, words[each.name]) if each.name in words else None
        yield Held(each.name, each.kind, tuple(text_of_word(each.kind, word) for word in each.words_in(code)), expected)


def _code_faults(compiled: CompiledContract, proved: ProvedCode, held: tuple[Held, ...]) -> Iterator[str]:
    size, expected_size = len(proved.code), len(compiled.runtime_code)
    if proved.hash == EMPTY_CODE_HASH:
        yield "there is no code"
    elif size != expected_size:
        yield f"the code has {size} bytes, expected {expected_size}"
    elif compiled.masked(proved.code) != compiled.masked(compiled.runtime_code):
        yield "the code differs from what the sources compile to, also outside of the immutables"
    for each in held:
        if not each.agrees:
            expected = each.expected if each.expected is not None else "one value in all its places"
            yield f"the immutable {each.name} holds {' and '.join(each.found)}, expected {expected}"


def _faults(contract: Contract, parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        for fault in part.faults:
            yield f"{part.name}: {fault}"
    found = parts[0].code_hash
    if found == EMPTY_CODE_HASH:
        yield f"the manifest says that it was deployed in block {contract.block}"
    elif found != contract.code_hash:
        yield f"the manifest says that the hash of its code is {to_hex(contract.code_hash)}"


def _notes(compilation: Compilation, contract: Contract, parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        unchecked = [each.name for each in part.immutables if each.expected is None]
        if unchecked:
            names = ", ".join(unchecked)
            yield f"{part.name}: not checked, because nothing says what they must hold: {names}"
    if compilation.source_hash != contract.source_hash:
        yield (
            f"the manifest names other sources ({to_hex(contract.source_hash)}) than those compiled here "
            f"({to_hex(compilation.source_hash)})"
        )
    if compilation.compiler != contract.compiler:
        yield f"the manifest names the compiler {contract.compiler!r}"


# ------------------------------------------------------------------------------------------------ how it came there


def _creation(
    compiled: CompiledContract, chain: ChainName, observed: Observed
) -> tuple[Creation | None, tuple[str, ...], tuple[str, ...]]:
    """Who created the contract and how, what contradicts the manifest in it, and what is to be noted."""
    contract = observed.contract
    name = f"the transaction {to_hex(contract.tx)}"
    if observed.creation is None:
        return None, (), (f"{name} was not checked: the node does not have it as an EIP-1559 transaction",)
    tx, signature = observed.creation
    try:
        sender = recover(keccak256(encode_unsigned(tx)), signature)
    except BadSignature:
        return None, (f"{name} is not signed",), ()
    made = created_address(sender, tx.nonce)
    if tx.to is not None or tx.chain_id != chain.chain_id or made != contract.address:
        return None, (f"{name} does not create this contract",), ()
    size = len(compiled.creation_code)
    if tx.data[:size] != compiled.creation_code:
        return None, (f"{name} creates it with other code than the sources compile to",), ()
    try:
        currency, admin, delay_s = decode(CONSTRUCTOR, tx.data[size:])
    except (DecodingError, ValueError):
        return None, (f"{name} has constructor arguments that do not read",), ()
    creation = Creation(contract.tx, sender, tx.nonce, currency, parse_address(admin), delay_s)
    faults = []
    if constructor_data(currency, creation.admin, delay_s) != tx.data[size:]:
        faults.append(f"{name} has more than the constructor's arguments behind its code")
    for what, said, found in (
        ("currency", contract.currency, currency),
        ("admin", checksum(contract.admin), checksum(creation.admin)),
    ):
        if said != found:
            faults.append(f"{name} was made with the {what} {found}, the manifest says {said}")
    return creation, tuple(faults), ()
