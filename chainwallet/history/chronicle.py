"""The chronicle: movements and balances of people, and of any address for auditors, from verified facts alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from chainwallet.evm import Address, Hash32
from chainwallet.history.standing import Standing, Witness, require_near, standing
from chainwallet.rules.cash import Cash
from chainwallet.rules.fact import Cause, Place
from chainwallet.store import movements
from chainwallet.store.database import Database, Transaction
from chainwallet.store.movements import Holding, Purpose, Seen

MOST_LINES = 200  # on a page

Names = Callable[[Transaction, Collection[Address]], Mapping[Address, str]]
"""By address, the handle of the account here whose it is; others are not there."""

Direction = Literal["in", "out", "self"]


@dataclass(frozen=True)
class Line:
    """One movement as one of its two sides sees it."""

    cash: Cash
    owner: Address
    direction: Direction
    counterparty: Address
    """The other side; the zero address where money was made or destroyed, the owner itself for ``self``."""
    handle: str | None
    """The counterparty's, where it is an account here and the reader may know it."""
    units: int
    """Token units, never negative."""
    cause: Cause | None
    place: Place
    ref: Hash32 | None
    purpose: Purpose | None
    """What the owner promised and noted, where the owner is its payer and the reader its owner."""
    is_final: bool


@dataclass(frozen=True)
class Wanted:
    """At most ``limit`` movements of ``owners``, one person's addresses, before the place ``before``.

    ``currency`` None: of all ledgers.
    """

    owners: Sequence[Address]
    before: tuple[int, int] | None
    limit: int
    currency: str | None = None


@dataclass(frozen=True)
class Page:
    """Some movements, the newest first; ``next`` is the place below which there are more, None where there are none."""

    lines: tuple[Line, ...]
    next: tuple[int, int] | None
    standing: Standing


@dataclass(frozen=True)
class Balances:
    """What some owners have of each ledger, at one block."""

    holdings: tuple[tuple[Cash, Holding], ...]
    standing: Standing


@dataclass(frozen=True)
class Chronicle:
    """Answers from the verified history of ``ledgers``, all on one chain.

    Every answer is one state of the database, says on which block it stands, and is only given while the node's chain
    has that block: else ``HistoryBehind`` is raised, as it is before the first verified block.
    """

    database: Database
    ledgers: tuple[Cash, ...]
    confirmations: int
    """How deep is final."""
    witness: Witness
    names: Names

    def statement(
        self, owners: Sequence[Address], before: tuple[int, int] | None, limit: int, *, currency: str | None = None
    ) -> Page:
        """The movements of ``owners``, one person's addresses, before the place ``before``, with their memos."""
        (page,) = self.statements([Wanted(owners, before, limit, currency)])
        return page

    def statements(self, some: Sequence[Wanted]) -> list[Page]:
        """As ``statement`` for each of ``some``, all from one state of the database."""
        with self.database.read() as tx:
            at = standing(tx, self.ledgers, self.confirmations)
            found = [self._latest(tx, one) for one in some]
            shown = [line for lines, _ in found for line in lines]
            purposes = _purposes(tx, shown)
            others = {_counterparty(one) for one in shown}
            names = self.names(tx, others) if others else {}
        attested = self.attested(at)
        return [self._page(*one, names, purposes, attested) for one in found]

    def movements_of(
        self, address: Address, before: tuple[int, int] | None, limit: int, *, currency: str | None = None
    ) -> Page:
        """The movements of any address as the chain shows them to everybody: without names and memos."""
        with self.database.read() as tx:
            at = standing(tx, self.ledgers, self.confirmations)
            shown, is_more = self._latest(tx, Wanted([address], before, limit, currency))
        return self._page(shown, is_more, {}, {}, self.attested(at))

    def balances(self, owners: Sequence[Address]) -> Balances:
        """What ``owners`` have of each ledger: held by facts, kept back for open promises, available."""
        (found,) = self.balances_of_each([owners])
        return found

    def balances_of_each(self, some: Sequence[Sequence[Address]]) -> list[Balances]:
        """As ``balances`` for the owners in each of ``some``, all from one state of the database."""
        by_token = {cash.token: cash for cash in self.ledgers}
        everybody = list({owner: None for owners in some for owner in owners})
        with self.database.read() as tx:
            at = standing(tx, self.ledgers, self.confirmations)
            found = {(one.token, one.owner): one for one in movements.holdings_of(tx, list(by_token), everybody)}
        attested = self.attested(at)
        return [
            Balances(
                tuple((cash, found[token, owner]) for token, cash in by_token.items() for owner in owners), attested
            )
            for owners in some
        ]

    def attested(self, at: Standing, *, is_about_now: bool = True) -> Standing:
        """``at`` with the node's head, which stands on it; raises ``HistoryBehind`` where it does not."""
        head = self.witness.head_above(at.block, at.hash)
        if is_about_now:
            require_near(at, head)
        return replace(at, head=head)

    def ledgers_of(self, currency: str | None) -> tuple[Cash, ...]:
        """The ledger of ``currency``, or all; none for a currency that has none."""
        return tuple(cash for cash in self.ledgers if currency in (None, cash.currency.code))

    # ------------------------------------------------------------------------------------------------ pages

    def _latest(self, tx: Transaction, one: Wanted) -> tuple[list[Seen], bool]:
        assert 1 <= one.limit <= MOST_LINES  # noqa: S101 - the edge checks what it was given
        tokens = [cash.token for cash in self.ledgers_of(one.currency)]
        return movements.latest(tx, tokens, one.owners, one.before, one.limit)

    def _page(
        self,
        shown: Sequence[Seen],
        is_more: bool,
        names: Mapping[Address, str],
        purposes: "_Purposes",
        at: Standing,
    ) -> Page:
        by_token = {cash.token: cash for cash in self.ledgers}
        lines = tuple(_line(by_token[one.token], one, names, purposes, at.final_block) for one in shown)
        return Page(lines, shown[-1].movement.at if is_more else None, at)


_Purposes = Mapping[tuple[str, Address, Hash32], Purpose]


def _purposes(tx: Transaction, shown: Sequence[Seen]) -> _Purposes:
    """By token, payer and reference, what the payers among the owners know of these movements."""
    found: dict[tuple[str, Address, Hash32], Purpose] = {}
    for token in {one.token for one in shown}:
        paid = [
            (one.owner, ref)
            for one in shown
            if one.token == token and (ref := one.movement.fact.ref) is not None and _is_payer(one)
        ]
        known = movements.purposes(tx, token, {owner for owner, _ in paid}, {ref for _, ref in paid})
        found |= {(token, payer, ref): purpose for (payer, ref), purpose in known.items()}
    return found


def _is_payer(one: Seen) -> bool:
    return one.movement.fact.payer == one.owner


def _counterparty(one: Seen) -> Address:
    payer, payee = one.movement.fact.payer, one.movement.fact.payee
    assert payer is not None and payee is not None  # noqa: S101, PT018 - a Transfer has both
    return payee if payer == one.owner else payer


def _line(cash: Cash, one: Seen, names: Mapping[Address, str], purposes: _Purposes, final_block: int) -> Line:
    fact, owner = one.movement.fact, one.owner
    assert fact.value is not None  # noqa: S101 - a Transfer has one
    counterparty, is_payer = _counterparty(one), _is_payer(one)
    direction: Direction = "in"
    if is_payer:
        direction = "self" if counterparty == owner else "out"
    return Line(
        cash=cash,
        owner=owner,
        direction=direction,
        counterparty=counterparty,
        handle=names.get(counterparty),
        units=fact.value,
        cause=fact.cause,
        place=fact.place,
        ref=fact.ref,
        purpose=purposes.get((one.token, owner, fact.ref)) if is_payer and fact.ref is not None else None,
        is_final=fact.place.block <= final_block,
    )
