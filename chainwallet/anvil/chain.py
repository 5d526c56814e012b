"""A local chain running as our child: begun or reloaded, saved crash-safely, and put down with its state kept."""

import os
import secrets
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from chainwallet.anvil import child as children
from chainwallet.anvil.child import Child, Connect, Genesis, LocalNode
from chainwallet.anvil.directory import ChainDirectory, Identity, Purpose, RunningNote, now_text
from chainwallet.errors import BadValue, DamagedHome, LocalChainDied, NodeTrouble, NodeUnreachable
from chainwallet.evm import Hash32

SMALLEST_CHAIN_ID = 1_000_000
LARGEST_CHAIN_ID = 4_503_599_627_370_475  # MetaMask's limit is one above
USAGE_ERROR = 2
"""Anvil's exit status when it does not take an argument; the only one that can be wrong is the state."""
DEATH_S = 1.0
"""How long an Anvil that does not answer is given to be found dead: its many threads end one by one."""
SAVE_TIMEOUT_S = 120.0
HISTORY_TIMEOUT_S = 3.0
HISTORY_BLOCKS = 500
"""Old states are saved for chains up to this long: each block adds a copy of every account."""


def draw_chain_id() -> int:
    """A chain id that no other chain has, so that no signature is good on two chains."""
    return SMALLEST_CHAIN_ID + secrets.randbelow(LARGEST_CHAIN_ID - SMALLEST_CHAIN_ID + 1)


class OpenChain(Protocol):
    """A local chain that answers at ``url``, whoever runs it."""

    @property
    def url(self) -> str:
        """Where it answers JSON-RPC."""

    @property
    def chain_id(self) -> int:
        """Its EIP-155 chain id."""

    @property
    def supervised(self) -> bool:
        """Whether a supervisor runs it, or this process does."""

    def check_alive(self) -> None:
        """Raise ``LocalChainDied`` when it has ended by itself."""

    def save(self) -> None:
        """Have everything mined until now survive a crash; for a supervised chain, its supervisor does within 1 s."""


class RunningChain:
    """A local chain that this process runs; a context manager that saves and stops it.

    Made by ``RunningChain.start``. Everything mined survives ``stop``; everything mined until the last ``save``
    survives a crash. States of old blocks (for ``eth_call`` and ``eth_getBalance`` at them) are kept only by ``stop``,
    and only for chains of at most ``HISTORY_BLOCKS`` blocks; blocks, receipts and logs are always kept.
    """

    supervised: bool

    def __init__(self, directory: ChainDirectory, identity: Identity, child: Child, url: str, node: LocalNode) -> None:
        self.url = url
        self.identity = identity
        self.save_took_s = 0.0
        self.supervised = False
        self._directory = directory
        self._child = child
        self._node = node
        self._saved_head: Hash32 | None = None
        self._stopped = False

    @classmethod
    def start(
        cls,
        chain_dir: Path,
        anvil: Path,
        connect: Connect,
        *,
        chain_id: int | None = None,
        purpose: Purpose = "own",
        supervised: bool = False,
    ) -> Self:
        """Own ``chain_dir``, reload its saved chain or begin a new one, and wait until it answers.

        A new chain gets ``chain_id``, or a random one; it is saved at once, so that its id stands from then on.
        Raises ``BadValue`` of field ``chain_id`` when the saved chain has another or it is out of bounds,
        ``HomeInUse``, ``DamagedHome`` (a state is never begun anew by itself), ``HomeNotWritable``, ``MissingTool``,
        ``LocalChainDied`` and ``NodeUnreachable``.
        """
        directory = ChainDirectory(chain_dir)
        directory.make()
        directory.acquire()
        try:
            saved = directory.identity()
            genesis = Genesis(_agreed_id(chain_id, saved), saved.created_at_s if saved else int(time.time()))
            child, url, node = children.start(
                anvil, genesis, directory.unpack_state(), directory.anvil_home, directory.anvil_log, connect
            )
        except LocalChainDied as died:
            directory.release()
            if saved is not None and died.exit_status == USAGE_ERROR:
                raise DamagedHome(str(directory.state), f"a chain that Anvil loads ({died})") from died
            raise
        except BaseException:
            directory.release()
            raise
        identity = saved or Identity(genesis.chain_id, "", genesis.timestamp_s, purpose)
        chain = cls(directory, identity, child, url, node)
        try:
            chain._settle_in(is_new=saved is None, supervised=supervised)
        except BaseException:
            chain._end()
            raise
        return chain

    @property
    def chain_id(self) -> int:
        """The EIP-155 chain id."""
        return self.identity.chain_id

    @property
    def anvil_pid(self) -> int:
        """The process id of Anvil itself."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if error is None or isinstance(error, NodeTrouble):
                self._child.check_alive(DEATH_S if isinstance(error, NodeUnreachable) else 0.0)
        finally:
            self.stop()

    def check_alive(self) -> None:
        """Raise ``LocalChainDied`` with the end of Anvil's log when it has ended by itself."""
        self._child.check_alive()

    def bound_log(self) -> None:
        """Keep Anvil's log small."""
        self._child.bound_log()

    def save(self) -> None:
        """Save the chain if its head has changed since the last save (ETH given without a block waits for ``stop``).

        Raises ``HomeNotWritable``, ``LocalChainDied``, ``NodeUnreachable`` and ``NodeRefused``; the last save stays
        good then.
        """
        try:
            if self._node.block("latest").hash != self._saved_head:
                self._dump(history=False, timeout_s=SAVE_TIMEOUT_S)
        except NodeUnreachable:
            self._child.check_alive(DEATH_S)
            raise

    def stop(self) -> None:
        """Save, end Anvil and let the directory go. A second stop does nothing; a dead chain stays as last saved.

        Raises what ``save`` raises, after Anvil has ended.
        """
        if self._stopped:
            return
        try:
            if self._child.exit_status() is None:
                self._save_for_good()
        finally:
            self._end()

    def _save_for_good(self) -> None:
        self._saved_head = None
        self.save()
        try:
            if self._node.block("latest").number <= HISTORY_BLOCKS:
                self._dump(history=True, timeout_s=HISTORY_TIMEOUT_S)
        except NodeTrouble:
            pass  # the save without old states stands

    def _dump(self, *, history: bool, timeout_s: float) -> None:
        began = time.monotonic()
        head = self._node.block("latest").hash  # before the dump: a block mined meanwhile is saved again
        self._directory.write_state(self._node.dump_state(history=history, timeout_s=timeout_s))
        self._saved_head = head
        self.save_took_s = time.monotonic() - began

    def _settle_in(self, *, is_new: bool, supervised: bool) -> None:
        self._node.set_time(max(int(time.time()), self._node.block("latest").timestamp_s))
        genesis = self._node.genesis_hash().hex()
        (self._directory.anvil_home / "state.json").unlink(missing_ok=True)
        if is_new:
            self.identity = replace(self.identity, genesis=genesis)
            self._directory.write_identity(self.identity)
            self.save()
        elif genesis != self.identity.genesis:
            raise DamagedHome(str(self._directory.state), f"the chain whose genesis is 0x{self.identity.genesis}")
        else:
            self._saved_head = self._node.block("latest").hash
        self.supervised = supervised
        note = RunningNote(self.url, self.chain_id, os.getpid(), self._child.pid, supervised, now_text())
        self._directory.note_running(note)

    def _end(self) -> None:
        self._stopped = True
        self._node.close()
        self._child.stop()
        children.empty(self._directory.anvil_home)
        self._directory.forget_running()
        self._directory.release()


def _agreed_id(wanted: int | None, saved: Identity | None) -> int:
    if saved is not None:
        if wanted not in (None, saved.chain_id):
            raise BadValue("chain_id", wanted, f"{saved.chain_id}, the id of the saved chain")
        return saved.chain_id
    if wanted is not None and not SMALLEST_CHAIN_ID <= wanted <= LARGEST_CHAIN_ID:
        raise BadValue("chain_id", wanted, f"a number from {SMALLEST_CHAIN_ID} to {LARGEST_CHAIN_ID}")
    return draw_chain_id() if wanted is None else wanted
