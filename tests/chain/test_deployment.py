"""Deployments on a real chain: what stands there is ours, what was begun is finished, and nothing is done twice."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eth_abi.abi import decode

from chainwallet.abi.calls import COMPLIANCE_ROLE, ISSUER_ROLE, PAUSER_ROLE, call_data, text_of, uint_of, uints_of
from chainwallet.abi.domain import domain_of
from chainwallet.abi.generated import EVENTS
from chainwallet.artifacts import load_artifact
from chainwallet.deployment import DEFAULT_QUOTA, QUOTA_REFILL_S, Roles, check_code, deploy, open_cash, open_ledgers
from chainwallet.errors import (
    BadValue,
    DamagedHome,
    HomeNotWritable,
    InsufficientFunds,
    NodeTrouble,
    WrongChain,
    WrongCode,
)
from chainwallet.evm import Address, BlockNumber, ChainName, Hash32, Transaction, checksum, keccak256, to_hex
from chainwallet.keys.signer import LocalSigner
from chainwallet.manifest import Manifest, manifest_path, read_manifest, write_manifest
from chainwallet.proofs.creation import office_of
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Currency
from tests.chain.bench import ETHER, EUR, JPY, ROLES, Bench, Clock, key_of
from tests.chain.fault_proxy import Fault, FaultProxy

ROLE_GRANTED = "RoleGranted(bytes32,address,address)"


@dataclass(frozen=True)
class Site:
    """A place to deploy from: a home of its own, a deployer of its own, on the shared chain."""

    bench: Bench
    manifests: Path

    @property
    def roles(self) -> Roles:
        return replace(ROLES, admin=key_of("deployer").address)

    def deploy(self, *currencies: Currency, bench: Bench | None = None) -> tuple[Manifest, tuple[Currency, ...]]:
        bench = bench or self.bench
        deliver = bench.relayer("deployer", **Clock().seams).deliver
        now_s = int(time.time())
        return deploy(bench.node, bench.database, deliver, self.manifests, self.roles, currencies, now_s)

    def count(self) -> int:
        return self.bench.count("deployer")


@pytest.fixture
def site(bench: Bench, tmp_path: Path) -> Site:
    bench.node.set_balance(key_of("deployer").address, ETHER)
    return Site(bench, tmp_path / "manifests")


def created_by(bench: Bench, name: str) -> list[Address]:
    """The contracts that somebody's mined transactions created."""
    created = []
    for number in range(bench.node.block_number() + 1):
        block = bench.ask("eth_getBlockByNumber", hex(number), True)
        assert isinstance(block, dict)
        for transaction in block["transactions"]:
            if transaction["from"] == to_hex(key_of(name).address) and transaction["to"] is None:
                receipt = bench.node.receipt(Hash32(bytes.fromhex(transaction["hash"][2:])))
                assert receipt is not None
                assert receipt.contract is not None
                created.append(receipt.contract)
    return created


# ------------------------------------------------------------------------------------------------ what stands there


def test_a_deployment_and_its_manifest(site: Site) -> None:
    """Deploying two currencies gives two ledgers, and a manifest that says truly what they are and how they came."""
    manifest, fresh = site.deploy(EUR, JPY)
    node, artifact = site.bench.node, load_artifact("Cash")
    assert fresh == (EUR, JPY)
    assert read_manifest(site.manifests, site.bench.chain) == manifest
    assert [contract.currency for contract in manifest.contracts] == ["EUR", "JPY"]
    for contract, currency in zip(manifest.contracts, (EUR, JPY), strict=True):
        code, receipt = node.code(contract.address), node.receipt(contract.tx)
        assert keccak256(code) == contract.code_hash
        assert contract.masked_code_hash == artifact.masked_code_hash
        assert receipt is not None
        assert (receipt.contract, receipt.block) == (contract.address, contract.block)
        assert text_of(node.call(contract.address, call_data("currency()"))) == currency.code
        assert text_of(node.call(contract.address, call_data("name()"))) == f"Cash {currency.code}"
        assert (contract.compiler, contract.source_hash) == (artifact.compiler_version, artifact.source_hash)
        assert contract.settings == artifact.settings
        assert all((grant := node.receipt(tx)) is not None and grant.succeeded for tx in contract.grants)
        roles = Roles(contract.admin, contract.issuer, contract.pauser, contract.compliance)
        assert roles == site.roles
    assert site.count() == 2 * 5
    assert len(created_by(site.bench, "deployer")) == 2


def test_the_manifest_is_json_that_anyone_can_read(site: Site) -> None:
    """The manifest's file is named by chain id and genesis hash and holds what an auditor needs, as plain JSON."""
    manifest, _ = site.deploy(EUR)
    chain, (contract,) = site.bench.chain, manifest.contracts
    path = manifest_path(site.manifests, chain)
    assert [entry.name for entry in site.manifests.iterdir()] == [f"{chain.chain_id}-{to_hex(chain.genesis)}.json"]
    document = json.loads(path.read_text())
    assert (document["chainId"], document["genesisHash"]) == (chain.chain_id, to_hex(chain.genesis))
    assert document["contracts"][0]["address"] == checksum(contract.address)
    assert document["contracts"][0]["codeHash"] == to_hex(keccak256(site.bench.node.code(contract.address)))


def test_roles_are_granted_and_nobody_else_has_any(site: Site) -> None:
    """The four services have their role, the issuer a full quota, and no other role was ever granted."""
    manifest, _ = site.deploy(EUR)
    (contract,) = manifest.contracts
    node, roles = site.bench.node, site.roles
    granted = node.logs(contract.address, contract.block, node.block_number(), [Hash32(EVENTS[ROLE_GRANTED])])
    assert {(log.topics[1], Address(log.topics[2][12:])) for log in granted} == {
        (Hash32(bytes(32)), roles.admin),
        (ISSUER_ROLE, roles.issuer),
        (PAUSER_ROLE, roles.pauser),
        (COMPLIANCE_ROLE, roles.compliance),
    }
    for role in (ISSUER_ROLE, PAUSER_ROLE, COMPLIANCE_ROLE):
        for holder in (roles.issuer, roles.pauser, roles.compliance, roles.admin, key_of("relayer").address):
            has = uint_of(node.call(contract.address, call_data("hasRole(bytes32,address)", role, holder)))
            assert bool(has) == ((role, holder) in {(log.topics[1], Address(log.topics[2][12:])) for log in granted})
    quota = uints_of(node.call(contract.address, call_data("quotaOf(address)", roles.issuer)), 4)
    assert quota[:3] == (DEFAULT_QUOTA, DEFAULT_QUOTA // QUOTA_REFILL_S, DEFAULT_QUOTA)
    assert uint_of(node.call(contract.address, call_data("totalSupply()"))) == 0


# ------------------------------------------------------------------------------------------------ once


def test_a_second_run_sends_nothing(site: Site) -> None:
    """A run that finds manifest and code does nothing; a new currency is added without touching the others."""
    first, _ = site.deploy(EUR)
    count = site.count()
    assert site.deploy(EUR, EUR) == (first, ())
    assert site.count() == count
    both, fresh = site.deploy(JPY, EUR)
    assert fresh == (JPY,)
    assert both.contract(EUR) == first.contract(EUR)
    assert site.count() == count + 5


class Stopped(Exception):
    """The run is over, as if its process had ended."""


class StoppingSigner(LocalSigner):
    """The deployer, in a process that ends when it should sign once more than ``allowed``."""

    allowed: int

    def sign_transaction(self, tx: Transaction) -> bytes:
        if self.allowed == 0:
            raise Stopped
        self.allowed -= 1
        return super().sign_transaction(tx)


@pytest.mark.parametrize("signatures", range(5))
def test_an_interrupted_run_is_continued(site: Site, signatures: int) -> None:
    """A run that stops before any of its five transactions is continued by the next, with no transaction twice."""
    bench = site.bench
    signer = StoppingSigner(keccak256(b"chainwallet tests: deployer"))
    signer.allowed = signatures
    deliver = bench.relayer(senders={signer.address: signer}).deliver
    with pytest.raises(Stopped):
        deploy(bench.node, bench.database, deliver, site.manifests, site.roles, [EUR], 5)
    assert read_manifest(site.manifests, bench.chain) is None
    assert site.count() <= signatures
    manifest, fresh = site.deploy(EUR)
    assert fresh == (EUR,)
    assert site.count() == 5
    assert created_by(bench, "deployer") == [contract.address for contract in manifest.contracts]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_run_that_ends_at_any_request_is_continued(
    site: Site, faulty: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a deployment loses its node, the next run finishes it with one contract and five transactions in all."""
    site.deploy(EUR, bench=faulty)
    requests, before = len(proxy.methods), site.count()
    proxy.heal()
    served = 0
    while True:  # each run gets a request further than the one before, until one gets through
        proxy.die_after(served, forward=forward)
        try:
            manifest, _ = site.deploy(JPY, bench=faulty)
            break
        except NodeTrouble:
            assert site.count() <= before + 5
            served += 1
        assert served < requests
    assert site.count() == before + 5
    assert created_by(site.bench, "deployer") == [contract.address for contract in manifest.contracts]


def test_a_manifest_that_was_lost_is_written_again(site: Site) -> None:
    """Where only the manifest is gone, the next run finds its transactions and writes the same manifest again."""
    manifest, _ = site.deploy(EUR)
    count, path = site.count(), manifest_path(site.manifests, site.bench.chain)
    path.unlink()
    assert site.deploy(EUR) == (manifest, (EUR,))
    assert site.count() == count
    assert read_manifest(site.manifests, site.bench.chain) == manifest


def test_a_creation_that_could_not_be_paid_goes_on(site: Site) -> None:
    """A deployer without ETH is told so with nothing sent; once there is ETH it goes on, and nobody else takes over."""
    site.bench.node.set_balance(key_of("deployer").address, 0)
    with pytest.raises(InsufficientFunds):
        site.deploy(EUR)
    assert site.count() == 0
    deliver = site.bench.relayer("admin").deliver
    with pytest.raises(BadValue, match="deploy:EUR"):
        deploy(site.bench.node, site.bench.database, deliver, site.manifests, ROLES, [EUR], 5)
    site.bench.node.set_balance(key_of("deployer").address, 100 * ETHER)
    manifest, fresh = site.deploy(EUR)
    assert fresh == (EUR,)
    assert [contract.admin for contract in manifest.contracts] == [site.roles.admin]


# ------------------------------------------------------------------------------------------------ what is not ours

ELSEWHERE = "0x0000000000000000000000000000000000000007"


def deployed_eur(bench: Bench) -> tuple[Cash, Path]:
    return bench.cash, bench.deployed.manifests


def test_ledgers_are_opened_by_currency(bench: Bench) -> None:
    """A ledger is opened by its currency's code in any case; a code is needed where there are several."""
    cash, manifests = deployed_eur(bench)
    assert open_cash(bench.node, manifests, " eur ")[0] == cash
    assert set(open_ledgers(bench.node, manifests)) == {"EUR", "JPY"}
    for code in ("USD", None):
        with pytest.raises(BadValue) as refusal:
            open_cash(bench.node, manifests, code)
        assert "EUR, JPY" in refusal.value.expected


def set_code(bench: Bench, address: Address, code: bytes) -> None:
    bench.ask("anvil_setCode", checksum(address), to_hex(code))


def other_codes(bench: Bench) -> dict[str, bytes]:
    """Codes that are not the one at the address, from nothing to the finest difference."""
    cash, artifact = bench.cash, load_artifact("Cash")
    own = bench.node.code(cash.address)
    start, length = artifact.immutables[0].places[0]
    first_opcode_changed = bytes([own[0] ^ 1]) + own[1:]
    immutable_changed = own[:start] + bytes(length) + own[start + length :]
    jpy = bench.deployed.manifest.contract(JPY)
    assert jpy is not None
    return {
        "no code": b"",
        "other code": b"\x60\x00",
        "one opcode": first_opcode_changed,
        "one immutable": immutable_changed,
        "cut": own[:-1],
        "longer": own + b"\x00",
        "another currency": bench.node.code(jpy.address),
    }


@pytest.mark.parametrize(
    "kind", ["no code", "other code", "one opcode", "one immutable", "cut", "longer", "another currency"]
)
def test_code_that_is_not_ours_stops_everything(site: Site, kind: str) -> None:
    """Other code at the manifest's address is named with both hashes; nothing is read from it and nothing sent."""
    manifest, _ = site.deploy(EUR)
    (contract,) = manifest.contracts
    bench = replace(site.bench, cash=Cash(site.bench.chain, EUR, contract.address))
    set_code(bench, contract.address, other_codes(bench)[kind])
    count = site.count()
    for ask in (lambda: site.deploy(EUR), lambda: open_cash(bench.node, site.manifests, "EUR")):
        with pytest.raises(WrongCode) as refusal:
            ask()
        assert refusal.value.address == checksum(contract.address)
        assert refusal.value.found != refusal.value.expected
    assert site.count() == count


def test_immutables_are_checked_where_no_hash_is_known(bench: Bench) -> None:
    """Our code with another currency, chain or address in its immutables is not our ledger; the immutable is named."""
    cash, _ = deployed_eur(bench)
    assert check_code(bench.node, cash, None) == keccak256(bench.node.code(cash.address))
    copy = Address(b"\x77" * 20)
    set_code(bench, copy, bench.node.code(cash.address))
    other_chain = ChainName(bench.chain.chain_id + 1, bench.chain.genesis)
    for other, immutable in (
        (Cash(bench.chain, EUR, copy), "_"),
        (Cash(bench.chain, JPY, cash.address), "_"),
        (Cash(other_chain, EUR, cash.address), "_cached"),
    ):
        with pytest.raises(WrongCode) as refusal:
            check_code(bench.node, other, None)
        assert f" in {immutable}" in refusal.value.found


def test_every_immutable_is_checked(bench: Bench) -> None:
    """A ledger whose code differs in one bit of any immutable is not ours, whether or not its hash is known."""
    cash, manifests = deployed_eur(bench)
    own = bench.node.code(cash.address)
    for immutable in load_artifact("Cash").immutables:
        for start, length in immutable.places:
            changed = bytearray(own)
            changed[start + length - 1] ^= 1
            set_code(bench, cash.address, bytes(changed))
            with pytest.raises(WrongCode, match=immutable.name):
                check_code(bench.node, cash, None)
            with pytest.raises(WrongCode):
                open_cash(bench.node, manifests, "EUR")
    set_code(bench, cash.address, own)
    assert open_cash(bench.node, manifests, "EUR")[0] == cash


def test_the_office_is_checked_with_its_ledger(bench: Bench) -> None:
    """A ledger whose own code is right and whose office is another contract, or none, is not ours."""
    cash, manifests = deployed_eur(bench)
    office = office_of(cash.address)
    own = bench.node.code(office)
    for code, told in ((b"", "no code"), (own[:-1] + bytes([own[-1] ^ 1]), "the first other byte at")):
        set_code(bench, office, code)
        with pytest.raises(WrongCode) as refusal:
            open_cash(bench.node, manifests, "EUR")
        assert (refusal.value.contract, refusal.value.address) == ("Office", checksum(office))
        assert told in refusal.value.found
    set_code(bench, office, own)
    assert open_cash(bench.node, manifests, "EUR")[0] == cash


def test_the_signing_domain_is_the_contracts(bench: Bench) -> None:
    """The domain under which documents are signed is the one that the contract tells by ERC-5267."""
    cash, _ = deployed_eur(bench)
    answer = bench.node.call(cash.address, call_data("eip712Domain()"))
    kinds = ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"]
    fields, name, version, chain_id, contract, _, _ = decode(kinds, answer)
    domain = domain_of(cash)
    assert fields == b"\x0f"  # name, version, chain id, contract
    assert (name, version, chain_id) == (domain.name, domain.version, domain.chain_id)
    assert contract == to_hex(domain.contract)
    assert bench.node.call(cash.address, call_data("DOMAIN_SEPARATOR()")) == domain.separator


# ------------------------------------------------------------------------------------------------ another chain


@pytest.mark.parametrize("answer", ["eth_chainId", "eth_getBlockByNumber"])
def test_a_node_of_another_chain_is_refused(faulty: Bench, bench: Bench, proxy: FaultProxy, answer: str) -> None:
    """A node with another chain id or another genesis than any manifest is refused, naming both chains."""
    block = bench.ask("eth_getBlockByNumber", "0x0", False)
    assert isinstance(block, dict)
    other_block = {**block, "hash": to_hex(b"\x09" * 32)}
    proxy.next(answer, Fault(result="0x7b" if answer == "eth_chainId" else other_block))
    _, manifests = deployed_eur(bench)
    with pytest.raises(WrongChain) as refusal:
        open_cash(faulty.node, manifests, "EUR")
    assert refusal.value.expected.endswith(f"{bench.chain.chain_id}-{to_hex(bench.chain.genesis)}")
    other = f"123-{to_hex(bench.chain.genesis)}" if answer == "eth_chainId" else "-0x" + 32 * "09"
    assert refusal.value.found.endswith(other)


def test_a_chain_without_ledgers(bench: Bench, tmp_path: Path) -> None:
    """Where nothing was ever deployed, that is said; an empty manifest counts as none."""
    write_manifest(tmp_path, Manifest(ChainName(5, Hash32(b"\x05" * 32)), ()))
    for directory in (tmp_path / "nothing", tmp_path):
        with pytest.raises(WrongChain):
            open_ledgers(bench.node, directory)


# ------------------------------------------------------------------------------------------------ the file


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"format": 1', '"format": 2'),
        ('"format": 1', '"format": '),
        ('"chainId": ', '"chainId": 1'),
        ('"genesisHash": "0x', '"genesisHash": "0x00'),
        ('"currency": "EUR"', '"currency": "XYZ"'),
        ('"currency": "EUR"', '"currency": "JPY"'),
        ('"address": "0x', f'"address": "{ELSEWHERE}'),
        ('"codeHash": "0x', '"codeHash": "0x00'),
        ('"tx": "0x', '"tx": "'),
        ('"block": ', '"block": null, "was": '),
        ('"settings"', '"setting"'),
        ('"grants": [', '"grants": [7, '),
    ],
)
def test_a_damaged_manifest_is_named(bench: Bench, tmp_path: Path, old: str, new: str) -> None:
    """A manifest that was cut, edited or taken from another chain is named as damaged, and left as it is."""
    path = write_manifest(tmp_path, bench.deployed.manifest)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DamagedHome) as refusal:
        open_ledgers(bench.node, tmp_path)
    assert refusal.value.path == str(path)
    assert path.read_text() == text.replace(old, new, 1)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_a_file_that_is_no_manifest_is_damaged(bench: Bench, tmp_path: Path, content: bytes) -> None:
    """A file that is not JSON, or other JSON, is named as damaged and never taken for an empty manifest."""
    manifest_path(tmp_path, bench.chain).write_bytes(content)
    with pytest.raises(DamagedHome):
        read_manifest(tmp_path, bench.chain)


def test_a_manifest_reads_back(bench: Bench, tmp_path: Path) -> None:
    """A manifest reads back as it was written, and a newer one takes its place whole."""
    manifest, directory = bench.deployed.manifest, tmp_path / "manifests"
    assert read_manifest(directory, bench.chain) is None
    write_manifest(directory, Manifest(manifest.chain, ()))
    path = write_manifest(directory, manifest)
    assert read_manifest(directory, bench.chain) == manifest
    assert list(directory.iterdir()) == [path]
    contract = replace(manifest.contracts[0], currency="USD", block=BlockNumber(1))
    assert [c.currency for c in manifest.with_contract(contract).contracts] == ["EUR", "JPY", "USD"]


def test_a_manifest_that_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    """Where the manifest cannot be written, that is said, and nothing half-written is left in its place."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the directory should be")
    with pytest.raises(HomeNotWritable):
        write_manifest(blocked, bench.deployed.manifest)
