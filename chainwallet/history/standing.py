"""Where an answer stands: the last verified block, how deep is final, and whether the node's chain still has it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chainwallet.errors import HistoryBehind, NodeTrouble
from chainwallet.evm import BlockNumber, Hash32, to_hex
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.cash import Cash
from chainwallet.store import facts
from chainwallet.store.database import Transaction

GOOD_FOR_S = 1.0  # how long the node's word that the verified block is on its chain is not asked for again
AGAIN_AFTER_S = 0.2  # and its word that it is not
SILENT_AFTER_S = 5.0  # an older word counts as none
MOST_BEHIND_BLOCKS = 32  # between the verified block and the node's head; beyond, nothing is said of "now"


@dataclass(frozen=True)
class Standing:
    """The block that an answer stands on: all up to it is verified, and what is said is true just after it."""

    block: BlockNumber
    hash: Hash32
    timestamp_s: int
    confirmations: int
    """How deep is final."""
    head: BlockNumber | None = None
    """The node's head when it was asked last; None where it does not answer."""
    waits_because: str | None = None
    """Why the history goes no further now, if for a reason."""

    @property
    def final_block(self) -> int:
        """The last block that is final; below 0 where none is."""
        return self.block - self.confirmations + 1


def standing(tx: Transaction, ledgers: Sequence[Cash], confirmations: int) -> Standing:
    """The block up to which all of ``ledgers`` are verified.

    Raises ``HistoryBehind`` where one is not followed yet, or not as far as the others.
    """
    found = facts.each_followed(tx, [cash.token for cash in ledgers])
    for cash in ledgers:
        if cash.token not in found:
            raise HistoryBehind(f"no block of the ledger of {cash.currency} is verified yet")
    at = {(one.number, one.hash): one for one in found.values()}
    if len(at) != 1:
        numbers = sorted(number for number, _ in at)
        raise HistoryBehind(f"a ledger is verified up to block {numbers[0]} only, others up to {numbers[-1]}")
    (followed,) = at.values()
    return Standing(
        followed.number, followed.hash, followed.timestamp_s, confirmations, waits_because=followed.waits_because
    )


# ------------------------------------------------------------------------------------------------ the node's word


@dataclass(frozen=True)
class _Word:
    at_s: float
    """By the monotonic clock."""
    head: BlockNumber | None
    """None where the node did not answer."""
    contradicts: str
    """How the node's chain differs from what is verified; empty where it does not."""

    def is_old(self, now_s: float) -> bool:
        return now_s - self.at_s > (AGAIN_AFTER_S if self.contradicts else GOOD_FOR_S)


class Witness:
    """Asks the node whether the last verified block is on its chain; one question a second, however many want to know.

    While a question is under way others go by the word before it.
    """

    def __init__(self, node: Node, monotonic_s: Callable[[], float]) -> None:
        self._node = node
        self._monotonic_s = monotonic_s
        self._asking = threading.Lock()
        self._word: _Word | None = None

    def head_above(self, block: BlockNumber, block_hash: Hash32) -> BlockNumber | None:
        """The node's head, on whose chain the verified block stands; None where the node does not answer.

        Raises ``HistoryBehind`` where its chain has another block there, or none: a reorg that is not taken in yet, or
        a chain that went back. Raises ``WrongChain`` where the node serves another chain.
        """
        word = self._latest_word(block, block_hash)
        if word.contradicts:
            raise HistoryBehind(word.contradicts)
        if self._monotonic_s() - word.at_s > SILENT_AFTER_S:
            return None
        return word.head

    def _latest_word(self, block: BlockNumber, block_hash: Hash32) -> _Word:
        word = self._word
        if word is not None and not word.is_old(self._monotonic_s()):
            return word
        if not self._asking.acquire(blocking=word is None):
            assert word is not None  # noqa: S101 - without one we have waited for our turn
            return word
        try:
            if self._word is not word and self._word is not None:
                return self._word
            self._word = self._ask(block, block_hash)
            return self._word
        finally:
            self._asking.release()

    def _ask(self, block: BlockNumber, block_hash: Hash32) -> _Word:
        try:
            head = self._node.block_number()
            found = Blocks(self._node).hashes([block])[block]
        except NodeTrouble:
            return _Word(self._monotonic_s(), None, "")
        contradicts = ""
        if found is None:
            contradicts = f"the node has no block {block}, which was verified: its chain went back, to block {head}"
        elif found != block_hash:
            contradicts = (
                f"block {block} was verified as {to_hex(block_hash)} and is now {to_hex(found)}: a reorg is being "
                "taken in"
            )
        return _Word(self._monotonic_s(), head, contradicts)


def require_near(standing_at: Standing, head: BlockNumber | None) -> None:
    """Raises ``HistoryBehind`` where the node's head is so far above that what is verified is not what is now."""
    if head is not None and head - standing_at.block > MOST_BEHIND_BLOCKS:
        raise HistoryBehind(f"verified up to block {standing_at.block}, the chain's head is block {head}")
