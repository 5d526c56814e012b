"""What the facts prove about promises, for many of them at once: the only place where the two meet.

Facts are written by the indexer and promises by everybody else; here both are read, and nothing is written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, func, literal_column, select, true

from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.rules.promise import (
    Canceled,
    Canceling,
    Carried,
    Evidence,
    Executed,
    Execution,
    Offered,
    Queued,
    Stage,
)
from chainwallet.rules.window import NONCE_END, Dead, Free, NonceFate, Used, dies_by_use_of, is_window
from chainwallet.store import facts as history
from chainwallet.store.bulk import asked_later, rows_asked
from chainwallet.store.database import Transaction
from chainwallet.store.locks import held_rows
from chainwallet.store.promises import LIVE, Promise
from chainwallet.store.schema import facts, promises
from chainwallet.store.verified import kept_up_to
from chainwallet.store.words import word

AT_ONCE = 400  # bound values in one statement stay far below SQLite's 32,766

_FREEZES = facts.c.kind.in_((literal_column("'Frozen'"), literal_column("'Unfrozen'")))
"""Written out, not bound: so SQLite knows that the index of freezes holds all that is asked for. The sum in the order
keeps it from the index of canonical facts, along which it would read a token's whole history."""


@dataclass(frozen=True)
class Horizon:
    """How far the facts of one token go, and up to which block they are as deep as was asked for.

    ``final_block`` is -1, and its time 0, while no block is that deep.
    """

    number: BlockNumber
    hash: Hash32
    timestamp_s: int
    final_block: BlockNumber
    final_timestamp_s: int


def horizon(tx: Transaction, token: str, confirmations: int) -> Horizon | None:
    """That of ``token``; None before its first verified block."""
    followed = history.followed(tx, token)
    if followed is None:
        return None
    final = kept_up_to(tx, token.partition("/")[0], followed.number - confirmations + 1)
    number, timestamp_s = (final.number, final.timestamp_s) if final else (-1, 0)
    return Horizon(followed.number, followed.hash, followed.timestamp_s, BlockNumber(number), timestamp_s)


def of_promises(tx: Transaction, token: str, some: Sequence[Promise], at: Horizon) -> dict[int, Evidence]:
    """By its number, what the facts say about each of ``some``, promises on ``token``."""
    executions = {**_payments(tx, token, some), **_settlements(tx, token, some)}
    left = [promise for promise in some if promise.number not in executions]
    gone = {promise.number: _how(tx, token, promise, at.final_block) for promise in _deprived(tx, token, left, at)}
    return {
        promise.number: Evidence(
            executions.get(promise.number), gone.get(promise.number, ""), at.final_block, at.final_timestamp_s
        )
        for promise in some
    }


def first_unused_nonces(tx: Transaction, token: str, payers: Collection[Address]) -> dict[Address, int]:
    """By payer, the lowest window nonce above all that the facts show used or cancelled.

    Read from the ends of two indexes, however long the history is.
    """
    return {
        Address(from_hex(payer)): max(int(last, 16) + 1 if last else 0, int(bound, 16) if bound else 0)
        for payer, last, bound in _ends_of_windows(tx, token, payers, history.ABOVE_ALL)
    }


def _ends_of_windows(
    tx: Transaction, token: str, payers: Collection[Address], up_to: int
) -> list[tuple[str, str | None, str | None]]:
    """Each payer's highest window nonce that was used by block ``up_to``, and below which all were cancelled."""
    asking = {"token": token, "up_to": up_to, **rows_asked(tx, payer=sorted(set(map(to_hex, payers))))}
    return [(payer, used, cancelled) for payer, used, cancelled in tx.execute(_ends(tx.dialect.name), asking)]


def frozen(tx: Transaction, token: str, accounts: Collection[Address]) -> frozenset[Address]:
    """Which of ``accounts`` are frozen: the last fact about their freezing says so."""
    asking = rows_asked(tx, payer=sorted(set(map(to_hex, accounts))))
    last = dict(tuple(row) for row in tx.execute(_freezing(tx.dialect.name), {"token": token, **asking}))
    return frozenset(Address(from_hex(payer)) for payer, kind in last.items() if kind == "Frozen")


# Asked for all payments, so made once for each kind of database.
@lru_cache
def _ends(engine: str) -> Select[Any]:
    them = asked_later(engine, "payer")
    canonical = (facts.c.block <= bindparam("up_to")) & facts.c.orphaned_at_s.is_(None)
    theirs = (facts.c.token == bindparam("token")) & (facts.c.payer == them.c.payer) & canonical
    used, cancelled = (
        select(facts.c.nonce).where(theirs, which).order_by(facts.c.nonce.desc()).limit(1).correlate(them)
        for which in (
            facts.c.kind.in_(history.USING) & facts.c.nonce.is_not(None) & (facts.c.nonce < word(NONCE_END)),
            facts.c.kind == literal_column("'NoncesCanceled'"),
        )
    )
    return select(them.c.payer, used.scalar_subquery(), cancelled.scalar_subquery())


@lru_cache
def _freezing(engine: str) -> Select[Any]:
    theirs = (facts.c.token == bindparam("token")) & facts.c.payer.in_(select(asked_later(engine, "payer").c.payer))
    query = select(facts.c.payer, facts.c.kind).where(theirs, _FREEZES, facts.c.orphaned_at_s.is_(None))
    return query.order_by(facts.c.block + 0, facts.c.log_index)


def unknown_documents(tx: Transaction, token: str, payers: Iterable[Address], above: int) -> Mapping[Address, int]:
    """Which of ``payers`` have documents on the chain, above block ``above``, that no promise here stands for.

    By payer, the highest block with one.
    """
    found: dict[Address, int] = {}
    texts = sorted(map(to_hex, payers))
    for start in range(0, len(texts), AT_ONCE):
        same = (promises.c.token == facts.c.token) & (promises.c.payer == facts.c.payer)
        ours = select(promises.c.number).where(same, promises.c.nonce == facts.c.nonce)
        made_here, adopted = promises.c.adopted_at_s.is_(None), promises.c.adopted_at_s.is_not(None)  # an index each
        query = select(facts.c.payer, func.max(facts.c.block)).where(
            facts.c.token == token,
            facts.c.payer.in_(texts[start : start + AT_ONCE]),
            facts.c.kind.in_(("Paid", "Consented")),
            facts.c.block > above,
            facts.c.orphaned_at_s.is_(None),
            ~ours.where(made_here).exists(),
            ~ours.where(adopted).exists(),
        )
        found |= {Address(from_hex(payer)): block for payer, block in tx.execute(query.group_by(facts.c.payer))}
    return found


# ------------------------------------------------------------------------------------------------ executions


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that the facts show carried out by ``execution``; where it stands by now, and until when it is good."""

    number: int
    stage: Stage
    valid_before: int
    execution: Execution


def paid(tx: Transaction, numbers: Collection[int]) -> list[Paid]:
    """Those of the payments with these numbers that the facts show carried out, if that is not all that they become.

    As ``of_promises``, but what it needs of each is read in one statement. ``tx`` holds them until it ends.
    """
    found = []
    places: dict[tuple[str, int, str], Execution] = {}

    def place(*of: Any) -> Execution:
        if of not in places:
            tx_hash, block, block_hash = of
            places[of] = Execution(Hash32(from_hex(tx_hash)), BlockNumber(block), Hash32(from_hex(block_hash)))
        return places[of]

    for row in tx.execute(_paid(tx.dialect.name), {"numbers": list(numbers)}):
        number, name, valid_before, submission_id, own_tx, own_block, own_hash, *its = row
        match name:
            case "executed":
                stage: Stage = Executed(place(own_tx, own_block, own_hash))
            case "carried":
                stage = Carried(submission_id)
            case _:
                stage = _STAGES[name]
        found.append(Paid(number, stage, valid_before, place(*its)))
    return found


_STAGES: Mapping[str, Stage] = {"offered": Offered(), "queued": Queued(), "canceling": Canceling()}
_ITS_OWN = ("number", "stage", "valid_before", "submission_id", "executed_tx", "executed_block", "executed_block_hash")
_TERMS = ("token", "ref", "payer", "payee", "value", "nonce")


@lru_cache
def _paid(engine: str) -> Select[Any]:
    same = and_(*(facts.c[name] == promises.c[name] for name in _TERMS))
    executed = same & (facts.c.kind == "Paid") & facts.c.orphaned_at_s.is_(None)
    some = promises.c.number.in_(bindparam("numbers", expanding=True))
    owed = some & (promises.c.kind == "payment") & promises.c.stage.in_(LIVE)
    columns = [promises.c[name] for name in _ITS_OWN]
    if engine == "postgresql":  # for each promise its fact: without statistics it would read all of its payer's
        its = select(facts.c.tx, facts.c.block, facts.c.block_hash).where(executed).limit(1).lateral("its")
        query = select(*columns, its.c.tx, its.c.block, its.c.block_hash).join(its, true())
    else:
        query = select(*columns, facts.c.tx, facts.c.block, facts.c.block_hash).join(facts, executed)
    return held_rows(query.where(owed).order_by(promises.c.number), promises)


def _payments(tx: Transaction, token: str, some: Sequence[Promise]) -> dict[int, Execution]:
    wanted = [promise for promise in some if promise.kind == "payment"]
    paid = history.executions(tx, token, {promise.ref for promise in wanted})
    found = {}
    for promise in wanted:
        terms = (promise.payer, promise.payee, promise.value, promise.nonce)
        for one in paid.get(promise.ref, ()):
            if (one.fact.payer, one.fact.payee, one.fact.value, one.fact.nonce) == terms:
                found[promise.number] = Execution(one.tx, one.block, one.block_hash)
    return found


def _settlements(tx: Transaction, token: str, some: Sequence[Promise]) -> dict[int, Execution]:
    """A consent is carried out where its settlement was, with the consent's own nonce."""
    found = {}
    for promise in some:
        if promise.kind != "consent":
            continue
        settled = history.settlement(tx, token, promise.ref)
        fate = history.nonce_fate(tx, token, promise.payer, promise.nonce, settled.block) if settled else Free()
        if settled is not None and isinstance(fate, Used) and fate.by.ref == promise.ref:
            found[promise.number] = Execution(settled.tx, settled.block, settled.block_hash)
    return found


# ------------------------------------------------------------------------------------------------ nonces that are gone


def _deprived(tx: Transaction, token: str, some: Sequence[Promise], at: Horizon) -> list[Promise]:
    """Those whose nonce is gone by the final block; asked for all of them together."""
    if not some:
        return []
    payers = {promise.payer for promise in some}
    ends = _ends_of_windows(tx, token, payers, at.final_block)
    windows = {payer: [int(end, 16) if end else -1 for end in its] for payer, *its in ends}
    pairs = sorted({(to_hex(promise.payer), word(promise.nonce)) for promise in some})
    asking = rows_asked(tx, payer=[payer for payer, _ in pairs], nonce=[nonce for _, nonce in pairs])
    used = {
        tuple(row) for row in tx.execute(_used(tx.dialect.name), {"token": token, "up_to": at.final_block, **asking})
    }
    deprived: list[Promise] = []
    for promise in some:
        payer, nonce = to_hex(promise.payer), promise.nonce
        highest, bound = windows[payer]
        is_dead = is_window(nonce) and (highest >= dies_by_use_of(nonce) or bound > nonce)
        if is_dead or (payer, word(nonce)) in used:
            deprived.append(promise)
    return deprived


@lru_cache
def _used(engine: str) -> Select[Any]:
    """Which of the payers' nonces that are asked for were used or cancelled by a block."""
    them = asked_later(engine, "payer", "nonce")
    theirs = (facts.c.token == bindparam("token")) & (facts.c.payer == them.c.payer)
    theirs &= (facts.c.nonce == them.c.nonce) & facts.c.kind.in_(history.USING)
    by_then = (facts.c.block + 0 <= bindparam("up_to")) & facts.c.orphaned_at_s.is_(None)  # not by the index of blocks
    use = select(facts.c.id).where(theirs, by_then).correlate(them)
    return select(them.c.payer, them.c.nonce).where(use.exists())


def _how(tx: Transaction, token: str, promise: Promise, up_to: int) -> str:
    """In words, by what. Of a canceled one that was said when it ended, and its words stay."""
    if isinstance(promise.stage, Canceled) and promise.reason:
        return promise.reason
    fate: NonceFate = history.nonce_fate(tx, token, promise.payer, promise.nonce, up_to)
    match fate:
        case Free():
            return ""
        case Used(by) if by.kind == "AuthorizationCanceled":
            return f"its nonce {promise.nonce} was cancelled by the payer in block {by.place.block}"
        case Used(by):
            return f"its nonce {promise.nonce} was used for something else in block {by.place.block}; use a new id"
        case Dead(by) if by.kind == "NoncesCanceled":
            return f"all nonces below {by.nonce} were cancelled by the payer in block {by.place.block}"
        case Dead(by):
            lowest = dies_by_use_of(promise.nonce)
            return f"its nonce {promise.nonce} died in block {by.place.block}, where one from {lowest} on was used"
