"""Puts everything together: builds what a verb works with, as the settings say.

The only module that sees all others, and the only one that makes edges: nodes, databases, keys, local chains.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from shlex import split

from chainwallet import anvil, demo, deployment
from chainwallet.anvil.directory import ChainDirectory
from chainwallet.config import GAS_MONEY_WEI, HOME_LOCK_WAIT_S, Config, Limits
from chainwallet.errors import BadValue, HomeInUse, NodeUnreachable, NotFound
from chainwallet.evm import Address, ChainName
from chainwallet.home import Home
from chainwallet.indexer import Indexer, Source
from chainwallet.keys.external import ExternalSigner
from chainwallet.keys.kek import HomeKeks, RememberingKey
from chainwallet.keys.keystore import open_keystore
from chainwallet.keys.kms import KmsClient, KmsKey, client_of
from chainwallet.keys.sealed import SealedKeys, no_key_service
from chainwallet.keys.signer import LocalSigner, TransactionSigner
from chainwallet.manifest import Contract, read_every_manifest
from chainwallet.payments import Desk, cancel_forgotten
from chainwallet.relayer import Relayer, Tools
from chainwallet.relayer.tools import DEFAULT_CONFIRMATIONS
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.store import attempts
from chainwallet.store.database import Database
from chainwallet.store.wallets import Wallet
from chainwallet.wallets import SERVICE_NAMES, Wallets
from chainwallet.worker import Worker

SERVICES = ("deployer", "issuer", "pauser", "compliance", "relayer")
SENDERS = ("deployer", "issuer", "relayer")  # the services that send transactions and need ETH
MINE_ON_DEMAND = ("anvil", "hardhat", "ganache")  # chains for development: their heads do not move by themselves


# ------------------------------------------------------------------------------------------------ a home, opened


@dataclass(frozen=True)
class Rotation:
    """A rotation: by key-encryption key, how many data keys were under it before and are now; how many changed."""

    before: dict[str, int]
    after: dict[str, int]
    changed: int


class OpenHome:
    """One home, held by this process: its database, keys and wallets."""

    def __init__(self, config: Config, home: Home) -> None:
        self.config = config
        self.home = home

    @cached_property
    def database(self) -> Database:
        """The configured database, or the home's own, migrated to this version."""
        return Database.open(self.config.database or self.home.database)

    @cached_property
    def keys(self) -> SealedKeys:
        """The home's sealed keys; the key that seals them is made at first use.

        Where that key is missing and others wait for it, what needs it raises ``NotFound``.
        """
        return SealedKeys(self.home.keys, self.keks, lambda: self.kms)

    @cached_property
    def keks(self) -> HomeKeks:
        """The key-encryption keys: the file's, and the key service's."""
        wanted = self.config.kek_kms_key
        return HomeKeks(
            self.config.kek_file or self.home.keys / "kek",
            self._service_key,
            None if wanted is None else HomeKeks.SERVICE_PREFIX + wanted,
            may_create=not any(self.home.keys.glob("0x*.json")),
        )

    @cached_property
    def kms(self) -> KmsClient:
        """The configured key service; raises ``BadValue`` where none is."""
        return no_key_service() if self.config.kms is None else client_of(self.config.kms)

    def rotate(self, away_from: str | None) -> Rotation:
        """Puts all data keys under a new key-encryption key: a new file, or the configured key service's key.

        ``away_from`` is the id of the key that must not be used any more: where none is under it, nothing is changed.
        An interrupted rotation is finished by the next.
        """
        before = self.keys.key_ids()
        if away_from is not None and away_from not in before and not self.keks.is_rotating:
            return Rotation(before, before, 0)
        changed = self.keys.rotate(self.keks, self.keks.begin)
        self.keks.finish()
        return Rotation(before, self.keys.key_ids(), changed)

    def _service_key(self, key_id: str) -> RememberingKey:
        key = KmsKey(self.kms, key_id.removeprefix(HomeKeks.SERVICE_PREFIX))
        return RememberingKey(key, time.monotonic)

    @cached_property
    def wallets(self) -> Wallets:
        """The home's wallets."""
        return Wallets(self.database, self.keys)

    def service(self, name: str) -> Wallet:
        """The service wallet called ``name``, made at first use."""
        return self.wallets.find_or_create(SERVICE_NAMES + name, now_s(), "service")

    def close(self) -> None:
        """Closes the database, if it was opened."""
        if "database" in self.__dict__:
            self.database.close()


@contextmanager
def open_home(config: Config, *, alone: bool = True) -> Iterator[OpenHome]:
    """The configured home, locked against other processes. Raises ``HomeInUse``.

    Not ``alone``, it is not locked: for those who do nothing there but in its database.
    """
    home = Home(config.home)
    if not alone:
        home.create()
    with home.locked(HOME_LOCK_WAIT_S) if alone else nullcontext():
        opened = OpenHome(config, home)
        try:
            yield opened
        finally:
            opened.close()


def now_s() -> int:
    """Seconds since 1970."""
    return int(time.time())


def carriers(config: Config) -> tuple[str, ...]:
    """The names of the services that carry payments, one for each lane."""
    return ("relayer", *(f"relayer {number}" for number in range(2, config.relayers + 1)))


# ------------------------------------------------------------------------------------------------ a chain, connected


@dataclass(frozen=True)
class Connection:
    """An open home at work on one chain."""

    opened: OpenHome
    node: Node
    chain: ChainName
    deployer: TransactionSigner | None

    @cached_property
    def tools(self) -> Tools:
        """What the relayer works with: the keys of this home's services, the deployer's, and its people's."""
        opened = self.opened
        services = {name: opened.service(name) for name in (*SENDERS, *carriers(opened.config)[1:])}
        signers: dict[Address, TransactionSigner] = {
            wallet.address: opened.wallets.signer(wallet) for wallet in services.values()
        }
        if self.deployer is not None:
            signers[self.deployer.address] = self.deployer
        return Tools(
            database=opened.database,
            node=self.node,
            chain=self.chain,
            senders=signers,
            carriers=frozenset(services[name].address for name in carriers(opened.config)),
            own=frozenset(wallet.address for wallet in services.values()),
            payers=opened.wallets.signer_of,
            managed=opened.wallets.managed,
            limits=self.limits,
            clock_s=time.time,
            monotonic_s=time.monotonic,
            sleep_s=time.sleep,
        )

    @cached_property
    def limits(self) -> Limits:
        """The configured limits; how deep is final depends on the chain where no setting says it."""
        limits = self.opened.config.limits
        if limits.confirmations is not None:
            return limits
        version = self.node.client_version().lower()
        mines_on_demand = version.startswith(MINE_ON_DEMAND)
        return replace(limits, confirmations=1 if mines_on_demand else DEFAULT_CONFIRMATIONS)

    @cached_property
    def relayer(self) -> Relayer:
        """Carries this home's submissions on this chain."""
        return Relayer(self.tools)

    @cached_property
    def worker(self) -> Worker:
        """Carries payments and follows the chain; it knows the ledgers that were deployed before its first step."""
        return Worker(self.tools, self.relayer, cache(self.indexer))

    @property
    def confirmations(self) -> int:
        """How deep is final on this chain."""
        return self.limits.confirmations or DEFAULT_CONFIRMATIONS

    def desk(self, cash: Cash) -> Desk:
        """Where payments on ``cash`` are accepted."""
        return Desk(self.opened.database, cash, self.confirmations, self.limits.lifetime_s)

    def cancel_all_forgotten(self, now_s: int) -> int:
        """Makes every nonce useless that this home's wallets may have signed and the database forgot; how many wallets.

        Raises ``BadValue`` where wallets of owners who sign elsewhere may have signed something too.
        """
        relayer = self.opened.service("relayer").address
        external = [wallet.name for wallet in self.opened.wallets.every() if wallet.custody == "external"]
        if external:
            expected = "only wallets whose keys this home holds; what others may have signed is waited out"
            raise BadValue("wallets", ", ".join(external), expected)
        return cancel_forgotten(self.tools, self.relayer.deliver, self.ledgers(None), relayer, now_s)

    def close(self) -> None:
        """Lets go of what other processes may want."""
        if "relayer" in self.__dict__:
            self.relayer.close()

    def indexer(self) -> Indexer:
        """Follows every ledger that is deployed on this chain, each one's code checked."""
        ledgers = deployment.open_ledgers(self.node, self.opened.home.manifests).values()
        sources = [Source(cash.token, cash.address, contract.block) for cash, contract in ledgers]
        return Indexer(self.opened.database, Blocks(self.node), self.chain, sources, time.time, time.monotonic)

    @property
    def roles(self) -> deployment.Roles:
        """Who gets which role on a contract deployed now. Raises ``BadValue`` where no deployer's key is given."""
        if self.deployer is None:
            expected = "a keystore file (--keystore), CHAINWALLET_DEPLOYER_KEY, or an external signer (--signer)"
            raise BadValue("deployer's key", "none", expected)
        services = {name: self.opened.service(name).address for name in ("issuer", "pauser", "compliance")}
        return deployment.Roles(admin=self.deployer.address, **services)

    def cash(self, currency: str | None) -> tuple[Cash, Contract]:
        """The deployed ``Cash`` of ``currency`` (None: the only one), its code checked."""
        return deployment.open_cash(self.node, self.opened.home.manifests, currency)

    def ledgers(self, currency: str | None) -> list[Cash]:
        """All deployed ledgers, or only that of ``currency``."""
        if currency is not None:
            return [self.cash(currency)[0]]
        return [cash for cash, _ in deployment.open_ledgers(self.node, self.opened.home.manifests).values()]


@contextmanager
def connect(opened: OpenHome, *, deploys: bool = False) -> Iterator[Connection]:
    """The configured node, or the home's local chain, which is run for as long as needed if nobody runs it.

    The deployer's key is asked for only where the caller ``deploys``. Raises ``NodeUnreachable``, ``NotFound`` where
    the home has no local chain, and what starting one raises.
    """
    with ExitStack() as stack:
        if opened.config.rpc is not None:
            node = stack.enter_context(Node(opened.config.rpc))
            chain = deployment.chain_of(node)
            is_local = _is_local(opened.home, chain)
            connection = _connection(opened, node, chain, is_local=is_local, deploys=deploys)
            stack.callback(connection.close)
            yield connection
            return
        if ChainDirectory(opened.home.chain).identity() is None:
            hint = "start one with `chainwallet chain up`, or give --rpc"
            raise NotFound("local chain", str(opened.home.chain), hint)
        binary = anvil.find_anvil(opened.config.anvil)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node))
        node = stack.enter_context(Node(running.url))
        connection = _connection(opened, node, deployment.chain_of(node), is_local=True, deploys=deploys)
        stack.callback(connection.close)
        yield connection
        running.save()


@dataclass(frozen=True)
class Books:
    """What the database and the manifests of a home say of one chain; reading them needs no node."""

    chain: str
    ledgers: tuple[Cash, ...]
    confirmations: int


def books(opened: OpenHome) -> Books:
    """The books of the chain that the node serves; while it cannot be reached, of the only chain with a manifest.

    Raises what ``connect`` raises where that does not say which chain is meant.
    """
    try:
        with connect(opened) as connection:
            return Books(connection.chain.key, tuple(connection.ledgers(None)), connection.confirmations)
    except NodeUnreachable:
        known = read_every_manifest(opened.home.manifests)
        if len(known) != 1:
            raise
        (manifest,) = known
    ledgers = [Cash(manifest.chain, contract.money_currency, contract.address) for contract in manifest.contracts]
    return Books(manifest.chain.key, tuple(ledgers), opened.config.limits.confirmations or DEFAULT_CONFIRMATIONS)


@contextmanager
def reading_node(config: Config) -> Iterator[Node]:
    """A node to read from: the configured one, for which no home is opened or made, or the home's local chain.

    Raises what ``connect`` and ``open_home`` raise.
    """
    if config.rpc is not None:
        with Node(config.rpc) as node:
            yield node
        return
    with open_home(config) as opened, connect(opened) as connection:
        yield connection.node


def _is_local(home: Home, chain: ChainName) -> bool:
    identity = ChainDirectory(home.chain).identity()
    return identity is not None and (identity.chain_id, identity.genesis) == (chain.chain_id, chain.genesis.hex())


def _connection(opened: OpenHome, node: Node, chain: ChainName, *, is_local: bool, deploys: bool) -> Connection:
    deployer = _deployer(opened.config) if deploys else None
    if is_local:
        if deploys and deployer is None:
            deployer = opened.wallets.signer(opened.service("deployer"))
        senders = {opened.service(name).address for name in (*SENDERS, *carriers(opened.config)[1:])}
        _restore(opened, node, chain, senders | ({deployer.address} if deployer else set()))
    return Connection(opened, node, chain, deployer)


def _restore(opened: OpenHome, node: Node, chain: ChainName, senders: set[Address]) -> None:
    """Gives ``senders`` ETH, and sends again, byte by byte, what a local chain forgot because it was killed."""
    with opened.database.transaction() as tx:
        senders = senders.union(attempts.senders(tx, chain.key))
    for sender in senders:
        if node.balance_wei(sender) < GAS_MONEY_WEI // 2:
            node.set_balance(sender, GAS_MONEY_WEI)
    counts = {sender: node.transaction_count(sender) for sender in senders}
    with opened.database.transaction() as tx:
        forgotten = attempts.unseen(tx, chain.key, counts)
    for raw in forgotten:
        node.send_raw(raw)


def _deployer(config: Config) -> TransactionSigner | None:
    if config.keystore is not None:
        return open_keystore(config.keystore, _passphrase(config))
    if config.signer_command is not None:
        try:
            return ExternalSigner(split(config.signer_command))
        except ValueError as error:
            expected = f"a program and its arguments, quoted as for a shell ({error})"
            raise BadValue("signer_command", config.signer_command, expected) from None
    if config.deployer_key is not None:
        return LocalSigner.from_hex(config.deployer_key, "CHAINWALLET_DEPLOYER_KEY")
    return None


def _passphrase(config: Config) -> str:
    if config.passphrase is None:
        expected = "one in --passphrase-file, in CHAINWALLET_PASSPHRASE, or typed at the terminal"
        raise BadValue("passphrase", "none", expected)
    return config.passphrase


# ------------------------------------------------------------------------------------------------ the demo


@contextmanager
def demo_tools(config: Config) -> Iterator[tuple[demo.Tools, bool]]:
    """A fresh local chain with its tools; whether they stay in the configured home afterwards.

    They do unless that home has a chain of its own, a database elsewhere, or is at work: then the demo runs in a
    directory that is removed.
    """
    binary = anvil.find_anvil(config.anvil)
    with ExitStack() as stack:
        opened, stays = _demo_home(config, stack)
        stack.callback(opened.close)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node, purpose="demo"))
        node = stack.enter_context(Node(running.url))
        connection = _connection(opened, node, deployment.chain_of(node), is_local=True, deploys=True)
        stack.callback(connection.close)
        yield (
            demo.Tools(
                node=node,
                database=opened.database,
                wallets=opened.wallets,
                home=opened.home,
                deliver=connection.relayer.deliver,
                roles=connection.roles,
                relayer=opened.service("relayer").address,
                now_s=now_s,
            ),
            stays,
        )


def _demo_home(config: Config, stack: ExitStack) -> tuple[OpenHome, bool]:
    home = Home(config.home)
    try:
        held = ExitStack()
        held.enter_context(home.locked(wait_s=0))
    except HomeInUse:
        return _throwaway_home(config, stack), False
    if config.database is not None or not _is_free_for_demo(home):
        held.close()
        return _throwaway_home(config, stack), False
    stack.push(held)
    _remove_chain(home)
    return OpenHome(replace(config, rpc=None, keystore=None, signer_command=None, deployer_key=None), home), True


def _remove_chain(home: Home) -> None:
    """Makes room for a fresh chain; an interruption leaves either the old one or none."""
    directory = ChainDirectory(home.chain)
    identity = directory.identity()
    if identity is None:
        return
    directory.state.unlink()
    shutil.rmtree(home.chain)
    for manifest in home.manifests.glob(f"{identity.chain_id}-*.json"):
        manifest.unlink()


def _is_free_for_demo(home: Home) -> bool:
    directory = ChainDirectory(home.chain)
    identity = directory.identity()
    return directory.owner_pid() is None and (identity is None or identity.purpose == "demo")


def _throwaway_home(config: Config, stack: ExitStack, database: str | None = None) -> OpenHome:
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chainwallet-")))
    return OpenHome(Config(home=path, anvil=config.anvil, database=database), Home(path))


@contextmanager
def throwaway_chain(config: Config, database: str | None = None) -> Iterator[tuple[Connection, str]]:
    """A fresh local chain at work, with a home of its own, and where it answers; all is removed afterwards.

    Only what it writes into ``database``, where one is given, stays.
    """
    binary = anvil.find_anvil(config.anvil)
    with ExitStack() as stack:
        opened = _throwaway_home(config, stack, database)
        stack.callback(opened.close)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node))
        node = stack.enter_context(Node(running.url))
        connection = _connection(opened, node, deployment.chain_of(node), is_local=True, deploys=True)
        stack.callback(connection.close)
        yield connection, running.url


def own_command(home: Path, *words: str) -> list[str]:
    """The command that has another process of ours do something in ``home``."""
    return [sys.executable, "-P", "-m", "chainwallet", "--home", str(home), *words]


def supervisor_command(config: Config) -> list[str]:
    """The command that runs the home's local chain until it is told to stop."""
    command = own_command(config.home, "chain", "up", "--foreground")
    return [*command, "--anvil", str(config.anvil)] if config.anvil else command
