"""Deploys one ``Cash`` for each currency, and checks that what stands at an address is ours.

Every transaction is a submission with a key of its own, so an interrupted run is continued by the next one, and a run
that finds manifest and code does nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chainwallet.abi.calls import COMPLIANCE_ROLE, ISSUER_ROLE, PAUSER_ROLE, call_data, constructor_data
from chainwallet.abi.deployed_code import first_difference, words_of
from chainwallet.artifacts import Artifact, load_artifact
from chainwallet.errors import BadValue, WrongChain, WrongCode
from chainwallet.evm import Address, BlockNumber, ChainName, Hash32, checksum, keccak256, to_hex
from chainwallet.manifest import Contract, Manifest, read_manifest, write_manifest
from chainwallet.proofs.creation import office_of
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import TOKEN_DECIMALS, Currency
from chainwallet.rules.submission import Deliver, Final
from chainwallet.store import submissions
from chainwallet.store.database import Database

DEFAULT_QUOTA = 1_000_000_000 * 10**TOKEN_DECIMALS  # token units an issuer may mint at once
QUOTA_REFILL_S = 86_400  # an emptied default quota is full again after a day
ADMIN_DELAY_S = 0  # seconds between the two steps of handing over the admin


@dataclass(frozen=True)
class Roles:
    """Who may do what on a new ``Cash``; the admin deploys and grants."""

    admin: Address
    issuer: Address
    pauser: Address
    compliance: Address


def chain_of(node: Node) -> ChainName:
    """The name of the chain that ``node`` serves."""
    return ChainName(node.chain_id(), node.genesis_hash())


def deploy(
    node: Node,
    database: Database,
    deliver: Deliver,
    manifests: Path,
    roles: Roles,
    currencies: Iterable[Currency],
    now_s: int,
    quota: int = DEFAULT_QUOTA,
) -> tuple[Manifest, tuple[Currency, ...]]:
    """Sees to it that each of ``currencies`` has its ``Cash``; the manifest, and which of them were deployed now.

    Raises ``WrongCode`` where the manifest names an address that does not hold our code, and what ``deliver`` raises.
    """
    chain = chain_of(node)
    manifest = read_manifest(manifests, chain) or Manifest(chain, ())
    fresh: list[Currency] = []
    for currency in currencies:
        known = manifest.contract(currency)
        if known is not None:
            check_code(node, Cash(chain, currency, known.address), known.code_hash)
            continue
        made = _deploy_one(node, database, deliver, chain, roles, currency, quota, now_s)
        manifest = manifest.with_contract(made)
        write_manifest(manifests, manifest)
        fresh.append(currency)
    return manifest, tuple(fresh)


def _deploy_one(
    node: Node,
    database: Database,
    deliver: Deliver,
    chain: ChainName,
    roles: Roles,
    currency: Currency,
    quota: int,
    now_s: int,
) -> Contract:
    artifact = load_artifact("Cash")
    creation = artifact.creation_code + constructor_data(currency.code, roles.admin, ADMIN_DELAY_S)
    with database.transaction() as tx:
        creation_id = submissions.put(tx, chain.key, f"deploy:{currency.code}", roles.admin, None, creation, now_s)
    (created,) = deliver([creation_id])
    assert created.contract is not None  # noqa: S101 - a creation's receipt names its contract (Yellow Paper 4.3.1)
    address = created.contract
    code_hash = check_code(node, Cash(chain, currency, address), None)
    with database.transaction() as tx:
        grants = [
            submissions.put(tx, chain.key, f"{name}:{checksum(address)}", roles.admin, address, data, now_s)
            for name, data in _grants(roles, quota)
        ]
    granted = deliver(grants)
    return _contract(currency, roles, created, granted, address, code_hash, artifact)


def _grants(roles: Roles, quota: int) -> tuple[tuple[str, bytes], ...]:
    grant = "grantRole(bytes32,address)"
    quota_data = call_data("setQuota(address,uint96,uint96)", roles.issuer, quota, quota // QUOTA_REFILL_S)
    return (
        ("grant-issuer", call_data(grant, ISSUER_ROLE, roles.issuer)),
        ("grant-pauser", call_data(grant, PAUSER_ROLE, roles.pauser)),
        ("grant-compliance", call_data(grant, COMPLIANCE_ROLE, roles.compliance)),
        ("set-quota", quota_data),
    )


def _contract(
    currency: Currency,
    roles: Roles,
    created: Final,
    granted: Sequence[Final],
    address: Address,
    code_hash: Hash32,
    artifact: Artifact,
) -> Contract:
    return Contract(
        currency=currency.code,
        address=address,
        block=BlockNumber(created.block),
        tx=created.tx,
        grants=tuple(grant.tx for grant in granted),
        code_hash=code_hash,
        masked_code_hash=artifact.masked_code_hash,
        admin=roles.admin,
        issuer=roles.issuer,
        pauser=roles.pauser,
        compliance=roles.compliance,
        compiler=artifact.compiler_version,
        settings=artifact.settings,
        source_hash=artifact.source_hash,
    )


def check_code(node: Node, cash: Cash, expected: Hash32 | None) -> Hash32:
    """The Keccak-256 of the code at ``cash.address``, after checking that it is our ``Cash`` of that currency.

    The code, and that of the office it hands calls to, must be the artefacts' byte for byte, with the immutables of
    this chain, address and currency; the ledger's must hash to ``expected`` where that is given. Raises ``WrongCode``
    otherwise.
    """
    office = office_of(cash.address)
    code = _checked_code(node, "Cash", cash, office)
    _checked_code(node, "Office", replace(cash, address=office), office)
    found = keccak256(code)
    if expected is not None and found != expected:
        raise WrongCode("Cash", checksum(cash.address), to_hex(expected), to_hex(found))
    return found


def _checked_code(node: Node, name: str, at: Cash, office: Address) -> bytes:
    artifact = load_artifact(name)
    wanted, found = artifact.code_with(words_of(at, office)), node.code(at.address)
    difference = first_difference(wanted, found, artifact.immutables)
    if difference is not None:
        where = f", the first other byte at {difference.offset}" if found else ""
        inside = f" in {difference.immutable}" if difference.immutable else ""
        told = f"{to_hex(keccak256(found)) if found else 'no code'}{where}{inside}"
        raise WrongCode(name, checksum(at.address), to_hex(keccak256(wanted)), told)
    return found


def known_manifest(node: Node, manifests: Path) -> Manifest:
    """The manifest of the chain that ``node`` serves; raises ``WrongChain`` where nothing is known to be deployed."""
    chain = chain_of(node)
    manifest = read_manifest(manifests, chain)
    if manifest is None or not manifest.contracts:
        known = sorted(path.stem for path in manifests.glob("*.json"))
        expected = f"one of the chains deployed to: {', '.join(known)}" if known else "a chain with a deployed Cash"
        raise WrongChain("chain", expected, f"{chain.chain_id}-{to_hex(chain.genesis)}")
    return manifest


def open_ledgers(node: Node, manifests: Path) -> dict[str, tuple[Cash, Contract]]:
    """Every ``Cash`` on the chain that ``node`` serves, by currency code, each one's code checked.

    Raises ``WrongChain`` where there is no manifest for this chain, and ``WrongCode`` as ``check_code`` does.
    """
    manifest = known_manifest(node, manifests)
    ledgers = {}
    for contract in manifest.contracts:
        cash = Cash(manifest.chain, contract.money_currency, contract.address)
        check_code(node, cash, contract.code_hash)
        ledgers[contract.currency] = (cash, contract)
    return ledgers


def open_cash(node: Node, manifests: Path, code: str | None) -> tuple[Cash, Contract]:
    """The ``Cash`` of currency ``code`` (None: the only one there is).

    Raises what ``open_ledgers`` raises, and ``BadValue`` where the currency is not deployed, or not named although
    there are several.
    """
    ledgers = open_ledgers(node, manifests)
    if code is None and len(ledgers) == 1:
        (code,) = ledgers
    found = ledgers.get(code.strip().upper()) if code is not None else None
    if found is None:
        raise BadValue("currency", code, f"one of the currencies deployed here: {', '.join(sorted(ledgers))}")
    return found
