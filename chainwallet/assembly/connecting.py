"""An open home at work on a chain: the configured node's, or the home's own."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from shlex import split

from chainwallet import anvil, deployment
from chainwallet.anvil.directory import ChainDirectory
from chainwallet.assembly.opening import SENDERS, OpenHome, carriers
from chainwallet.config import GAS_MONEY_WEI, Config, Limits
from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address, ChainName
from chainwallet.history import Chronicle, Witness
from chainwallet.home import Home
from chainwallet.indexer import Indexer, Source
from chainwallet.keys.external import ExternalSigner
from chainwallet.keys.keystore import open_keystore
from chainwallet.keys.signer import LocalSigner, TransactionSigner
from chainwallet.manifest import Contract
from chainwallet.notifier import Notifier, Reminders
from chainwallet.payments import Desk, cancel_forgotten
from chainwallet.relayer import Relayer, Tools
from chainwallet.relayer.tools import DEFAULT_CONFIRMATIONS
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.store import account_wallets, attempts
from chainwallet.worker import Worker

MINE_ON_DEMAND = ("anvil", "hardhat", "ganache")  # chains for development: their heads do not move by themselves


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
        return Worker(self.tools, self.relayer, cache(self.indexer), self.notifier, reminders=self.reminders)

    @cached_property
    def notifier(self) -> Notifier:
        """Tells this home's accounts what happens on this chain."""
        database = self.opened.database
        return Notifier(database, self.chain.key, self.confirmations, account_wallets.accounts_of, time.time)

    @cached_property
    def reminders(self) -> Reminders:
        """Reminds this home's accounts of what they are asked for."""
        return Reminders(self.opened.database, time.time)

    def chronicle(self, asking: Node) -> Chronicle:
        """The verified history of all ledgers; ``asking`` is a way to the node on which nobody waits long."""
        witness = Witness(asking, time.monotonic)
        ledgers = tuple(self.ledgers(None))
        return Chronicle(self.opened.database, ledgers, self.confirmations, witness, account_wallets.handles_of)

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
def connect(opened: OpenHome, *, deploys: bool = False, carries: bool = True) -> Iterator[Connection]:
    """The configured node, or the home's local chain, which is run for as long as needed if nobody runs it.

    The deployer's key is asked for only where the caller ``deploys``. Who neither deploys nor ``carries`` leaves a
    local chain as it is. Raises ``NodeUnreachable``, ``NotFound`` where the home has no local chain, and what starting
    one raises.
    """
    with ExitStack() as stack:
        if opened.config.rpc is not None:
            node = stack.enter_context(Node(opened.config.rpc))
            chain = deployment.chain_of(node)
            is_local = (deploys or carries) and _is_local(opened.home, chain)
            connection = connection_on(opened, node, chain, is_local=is_local, deploys=deploys)
            stack.callback(connection.close)
            yield connection
            return
        if ChainDirectory(opened.home.chain).identity() is None:
            hint = "start one with `chainwallet chain up`, or give --rpc"
            raise NotFound("local chain", str(opened.home.chain), hint)
        binary = anvil.find_anvil(opened.config.anvil)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node))
        node = stack.enter_context(Node(running.url))
        chain = deployment.chain_of(node)
        connection = connection_on(opened, node, chain, is_local=deploys or carries, deploys=deploys)
        stack.callback(connection.close)
        yield connection
        running.save()


def _is_local(home: Home, chain: ChainName) -> bool:
    identity = ChainDirectory(home.chain).identity()
    return identity is not None and (identity.chain_id, identity.genesis) == (chain.chain_id, chain.genesis.hex())


def connection_on(opened: OpenHome, node: Node, chain: ChainName, *, is_local: bool, deploys: bool) -> Connection:
    """``opened`` at work through ``node``; on a local chain its services get ETH, and what it forgot is sent again."""
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
