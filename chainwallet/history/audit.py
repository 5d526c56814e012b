"""What auditors ask: a balance at a block or a date, the supply, and whether the chain's state says the same."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chainwallet.abi.calls import call_data, uint_of
from chainwallet.errors import BadValue, NodeTrouble
from chainwallet.evm import ZERO_ADDRESS, Address, BlockNumber, Hash32, checksum
from chainwallet.history.chronicle import Chronicle
from chainwallet.history.standing import Standing, standing
from chainwallet.proofs.block import verify_header
from chainwallet.rpc import Node
from chainwallet.rules.cash import Cash
from chainwallet.rules.timestamp import time_text
from chainwallet.store import facts, movements, verified
from chainwallet.store.database import Transaction


@dataclass(frozen=True)
class Moment:
    """The block that a question about the past is answered for; what is said is true just after it.

    ``hash`` and ``timestamp_s`` are verified; they are None for a block without facts whose header was let go.
    """

    block: BlockNumber
    hash: Hash32 | None
    timestamp_s: int | None
    is_final: bool


@dataclass(frozen=True)
class Compared:
    """What the node's state at the same block holds, asked for by the block's hash."""

    block_hash: Hash32 | None
    units: int | None
    """None where the node could not tell."""
    why_not: str = ""


@dataclass(frozen=True)
class BalanceAt:
    """What an address held just after a block, by the facts up to it."""

    cash: Cash
    owner: Address
    units: int
    at: Moment
    compared: Compared | None
    standing: Standing

    @property
    def agrees(self) -> bool | None:
        """Whether the state says the same; None where it was not, or could not be, asked."""
        return None if self.compared is None or self.compared.units is None else self.compared.units == self.units


@dataclass(frozen=True)
class Supply:
    """All money of a ledger at the last verified block, three ways."""

    cash: Cash
    minted: int
    """Made and not destroyed, by facts."""
    held: int
    """The sum of all balances, by facts."""
    holders: int
    """How many addresses hold something."""
    compared: Compared
    standing: Standing

    @property
    def is_conserved(self) -> bool | None:
        """Whether all three are one; None where the node could not tell and the facts agree with themselves."""
        if self.minted != self.held:
            return False
        return None if self.compared.units is None else self.compared.units == self.minted


@dataclass
class Audit:
    """Answers auditors from ``chronicle``, and compares with the state that ``node`` has."""

    chronicle: Chronicle
    node: Node
    _supplies: dict[str, Supply] = field(default_factory=dict)
    """By token, the last answer: all balances are added up once for each block."""
    _adding: threading.Lock = field(default_factory=threading.Lock)

    def balance_at_block(self, cash: Cash, owner: Address, block: int | None, *, compare: bool = False) -> BalanceAt:
        """What ``owner`` held after ``block`` (None: the last verified one).

        Raises ``BadValue`` for a block before the ledger's first or above the last verified one, and for the address 0.
        """
        with self.chronicle.database.read() as tx:
            at, first = self._bounds(tx, cash)
            number = at.block if block is None else block
            if not first <= number <= at.block:
                expected = f"a block from {first}, the ledger's first, to {at.block}, the last that is verified"
                raise BadValue("block", block, expected)
            found = _balance(tx, cash, owner, BlockNumber(number), at, first)
        return self._attested(found, compare=compare)

    def balance_as_of(self, cash: Cash, owner: Address, time_s: int, now_s: int, *, compare: bool = False) -> BalanceAt:
        """What ``owner`` held after the last block that is not later than ``time_s``.

        Raises ``BadValue`` for a time before the ledger's first block or after ``now_s``, and for the address 0.
        """
        if time_s > now_s:
            raise BadValue("at", time_text(time_s), f"a time that has been; it is {time_text(now_s)}")
        with self.chronicle.database.read() as tx:
            at, first = self._bounds(tx, cash)
            kept = verified.kept_as_of(tx, cash.chain.key, first, at.block, time_s)
            if kept is None:
                begin = verified.kept_up_to(tx, cash.chain.key, first)
                since = f"a time from {time_text(begin.timestamp_s)} on, when" if begin else "a time after"
                raise BadValue("at", time_text(time_s), f"{since} the ledger began")
            found = _balance(tx, cash, owner, kept.number, at, first)
        return self._attested(found, compare=compare)

    def supply(self, cash: Cash) -> Supply:
        """All money of ``cash`` at the last verified block: by mints and burns, by balances, and by the state."""
        with self._adding:
            with self.chronicle.database.read() as tx:
                at = standing(tx, self.chronicle.ledgers, self.chronicle.confirmations)
                known = self._supplies.get(cash.token)
                is_known = known is not None and (known.standing.block, known.standing.hash) == (at.block, at.hash)
                if known is None or not is_known:
                    minted, held = facts.supply(tx, cash.token), facts.balances(tx, cash.token).values()
                    holders = sum(1 for units in held if units)
                    known = Supply(cash, minted, sum(held), holders, Compared(at.hash, None), at)
            if known.compared.units is None:
                known = replace(known, compared=self._state(cash, "totalSupply()", (), at.hash))
            self._supplies[cash.token] = known
        return replace(known, standing=self.chronicle.attested(at))

    def _bounds(self, tx: Transaction, cash: Cash) -> tuple[Standing, BlockNumber]:
        at = standing(tx, self.chronicle.ledgers, self.chronicle.confirmations)
        return at, verified.first_block(tx, cash.token)

    # ------------------------------------------------------------------------------------------------ the node

    def _attested(self, found: BalanceAt, *, compare: bool) -> BalanceAt:
        at = self.chronicle.attested(found.standing, is_about_now=False)
        if not compare:
            return replace(found, standing=at)
        block_hash = found.at.hash or self._hash_of(found.at.block)
        state = self._state(found.cash, "balanceOf(address)", (found.owner,), block_hash)
        return replace(found, standing=at, compared=state)

    def _hash_of(self, block: BlockNumber) -> Hash32 | None:
        """The hash of the node's block, to which its header hashes; None where it has none."""
        try:
            told = self.node.told_block(block)
            verify_header(told)
        except NodeTrouble:
            return None
        return told.hash if told.header.number == block else None

    def _state(self, cash: Cash, signature: str, values: Sequence[object], block_hash: Hash32 | None) -> Compared:
        if block_hash is None:
            return Compared(None, None, "the node does not have the block")
        try:
            (answer,) = self.node.call_many(cash.address, [call_data(signature, *values)], block_hash)
            return Compared(block_hash, uint_of(answer))
        except NodeTrouble as trouble:
            return Compared(block_hash, None, str(trouble))


def _balance(
    tx: Transaction, cash: Cash, owner: Address, block: BlockNumber, at: Standing, first: BlockNumber
) -> BalanceAt:
    if owner == ZERO_ADDRESS:
        raise BadValue("address", checksum(owner), "an account; what it made and destroyed is the supply")
    if block - first < at.block - block:
        units = movements.net(tx, cash.token, owner, first, block)
    else:  # going back from now there are fewer movements, most likely
        units = facts.balance(tx, cash.token, owner) - movements.net(tx, cash.token, owner, block + 1, at.block)
    kept = verified.kept_up_to(tx, cash.chain.key, block)
    if kept is None or kept.number != block:
        return BalanceAt(cash, owner, units, Moment(block, None, None, block <= at.final_block), None, at)
    moment = Moment(block, kept.hash, kept.timestamp_s, block <= at.final_block)
    return BalanceAt(cash, owner, units, moment, None, at)
