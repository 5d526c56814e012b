"""Promises: the documents that payers sign. A promise owns one nonce for life, stored before anybody sees it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Row, Select, bindparam, func, insert, select, tuple_, update

from chainwallet.evm import Address, BlockNumber, Hash32, from_hex, to_hex
from chainwallet.rules.packing import Waiting
from chainwallet.rules.promise import (
    Canceled,
    Canceling,
    Carried,
    Executed,
    Execution,
    Expired,
    Final,
    Happening,
    Offered,
    Queued,
    Stage,
    WasReturned,
    WasSigned,
    WasTakenUp,
    after,
    stage_name,
)
from chainwallet.rules.story import told_of_promise
from chainwallet.rules.window import NONCE_END
from chainwallet.store import happenings, undone
from chainwallet.store.bulk import asked_later, insert_many, next_numbers, rows_asked
from chainwallet.store.database import Transaction
from chainwallet.store.locks import free_rows, held_rows
from chainwallet.store.schema import carriages, promises
from chainwallet.store.words import address_or_none, hex_or_none, word

Kind = Literal["payment", "consent"]
Key = tuple[str, Address, Kind, str]

OPEN = ("offered", "queued", "carried", "canceling")
LIVE = (*OPEN, "executed")
_FIRST_WIDE = word(NONCE_END)


@dataclass(frozen=True)
class Promise:
    """One document of ``payer`` on ``token`` (``<chain>/<address>``).

    ``id`` is the client's, scoped to token, payer and kind; ``content_hash`` stands for what was promised, so that the
    same id with other content is noticed; ``document`` is the typed data as JSON, which pays ``value`` token units (to
    ``payee``, where it is a payment; 0 for a consent that nobody can carry out any more) until ``valid_before``, and
    whose reference on the chain is ``ref``. ``signature``
    is None until it is made. No event of the promise is older than ``made_at_block``, the head when it was made.
    ``reason`` is why it waits or ended, for a person; it is not taken up before ``due_at_s``.
    """

    token: str
    payer: Address
    kind: Kind
    id: str
    nonce: int
    content_hash: Hash32
    document: str
    signature: bytes | None
    memo: str | None
    payee: Address | None
    value: int
    ref: Hash32
    valid_before: int
    made_at_block: BlockNumber
    created_at_s: int
    stage: Stage = Offered()  # noqa: RUF009 - frozen and without fields
    reason: str = ""
    submission_id: int | None = None
    """The submission that took it up last."""
    due_at_s: int = 0
    setbacks: int = 0
    withdrawn_at_s: int | None = None
    was_executed: bool = False
    """Whether the facts have ever shown it carried out, also where a reorg undid that."""
    adopted_at_s: int | None = None
    """When it was found on the chain: then its nonce was not handed out here."""
    number: int = 0
    """The store's own, given when it is added."""

    @property
    def chain(self) -> str:
        """The chain of its token."""
        return self.token.partition("/")[0]


# ------------------------------------------------------------------------------------------------ finding


def by_id(tx: Transaction, token: str, payer: Address, kind: Kind, promise_id: str) -> Promise | None:
    """The promise of ``kind`` with ``promise_id``."""
    return _one(tx, _is((token, payer, kind, promise_id)))


def by_ids(
    tx: Transaction, token: str, kind: Kind, some: Collection[tuple[Address, str]]
) -> dict[tuple[Address, str], Promise]:
    """The promises of ``kind`` with these payers and ids, by both."""
    keys = sorted(set(some))
    asking = rows_asked(tx, payer=[to_hex(payer) for payer, _ in keys], id=[promise_id for _, promise_id in keys])
    found = _many(tx, _with_ids(tx.dialect.name), {"token": token, "kind": kind, **asking})
    return {(one.payer, one.id): one for one in found}


@lru_cache
def _with_ids(engine: str) -> Select[Any]:
    """Asked for all payments, so made once for each kind of database."""
    them = asked_later(engine, "payer", "id")
    ours = (promises.c.token == bindparam("token")) & (promises.c.kind == bindparam("kind"))
    return select(promises).where(ours, tuple_(promises.c.payer, promises.c.id).in_(select(them.c.payer, them.c.id)))


def by_number(tx: Transaction, number: int) -> Promise | None:
    """The promise with this number."""
    return _one(tx, promises.c.number == number)


def with_id(tx: Transaction, chain: str, promise_id: str) -> tuple[Promise, ...]:
    """All promises on ``chain`` with this id, whoever's they are."""
    return _many(
        tx, select(promises).where(promises.c.chain == chain, promises.c.id == promise_id).order_by(promises.c.number)
    )


def listed(
    tx: Transaction, chain: str, *, stages: Collection[str] = (), payer: Address | None = None, limit: int
) -> tuple[Promise, ...]:
    """The latest ``limit`` promises on ``chain``, the newest first; of ``stages`` and of ``payer`` where named."""
    query = select(promises).where(promises.c.chain == chain)
    if stages:
        query = query.where(promises.c.stage.in_(stages))
    if payer is not None:
        query = query.where(promises.c.payer == to_hex(payer))
    return _many(tx, query.order_by(promises.c.number.desc()).limit(limit))


def of_submission(tx: Transaction, submission_id: int) -> tuple[Promise, ...]:
    """The promises that the submission carries now, in the order in which it took them up."""
    carried = (promises.c.submission_id == submission_id) & (promises.c.stage == "carried")
    return _many(tx, select(promises).where(carried).order_by(promises.c.number))


def held_of_submission(tx: Transaction, submission_id: int) -> tuple[Promise, ...]:
    """As ``of_submission``; ``tx`` holds them until it ends."""
    carried = (promises.c.submission_id == submission_id) & (promises.c.stage == "carried")
    return _many(tx, held_rows(select(promises).where(carried).order_by(promises.c.number), promises))


def carried_by(tx: Transaction, submission_id: int) -> dict[int, bytes | None]:
    """The signatures of the promises that the submission carries now, by number; ``tx`` holds them until it ends."""
    carried = (promises.c.submission_id == submission_id) & (promises.c.stage == "carried")
    query = select(promises.c.number, promises.c.signature).where(carried).order_by(promises.c.number)
    return dict(tuple(row) for row in tx.execute(held_rows(query, promises)))


def every(tx: Transaction, numbers: Collection[int]) -> tuple[Promise, ...]:
    """The promises with these numbers, in their order."""
    return _many(tx, select(promises).where(promises.c.number.in_(list(numbers))).order_by(promises.c.number))


def held(tx: Transaction, numbers: Collection[int]) -> tuple[Promise, ...]:
    """As ``every``; ``tx`` holds them until it ends."""
    query = select(promises).where(promises.c.number.in_(list(numbers))).order_by(promises.c.number)
    return _many(tx, held_rows(query, promises))


def undone_and_unsigned(tx: Transaction, chain: str, limit: int) -> tuple[Promise, ...]:
    """Payments that were on the chain once, and whose document was made again since without being signed."""
    offered = (promises.c.chain == chain) & (promises.c.stage == "offered") & (promises.c.kind == "payment")
    query = select(promises).where(offered, promises.c.executed_block.is_not(None), promises.c.signature.is_(None))
    return _many(tx, query.order_by(promises.c.number).limit(limit))


def ever_in_submission(tx: Transaction, submission_id: int) -> tuple[Promise, ...]:
    """The promises that the submission ever took up, wherever they are now."""
    among = select(carriages.c.promise).where(carriages.c.submission_id == submission_id)
    return _many(tx, select(promises).where(promises.c.number.in_(among)).order_by(promises.c.number))


def is_any_due(tx: Transaction, chain: str, now_s: int) -> bool:
    """Whether a queued payment may be taken up now."""
    return tx.execute(_due(select(promises.c.number), chain, now_s).limit(1)).first() is not None


def due(tx: Transaction, chain: str, now_s: int, limit: int) -> tuple[Waiting, ...]:
    """The first ``limit`` queued payments that may be taken up now; ``tx`` holds them, and leaves others' alone.

    Not those whose nonce would kill that of a payment which a reorg undid: it goes first, whatever lane it is in.
    """
    names = ("number", "token", "payer", "nonce", "created_at_s", "due_at_s", "setbacks")
    query = _due(select(*(promises.c[name] for name in names)), chain, now_s)
    in_order = query.order_by(promises.c.due_at_s, promises.c.number).limit(limit)
    bounds = undone.outrun_from(tx, chain, now_s)
    return tuple(
        Waiting(number, token, nonce >= _FIRST_WIDE, max(created_at_s, due_at_s), setbacks)
        for number, token, payer, nonce, created_at_s, due_at_s, setbacks in tx.execute(free_rows(in_order, promises))
        if nonce >= _FIRST_WIDE or nonce < bounds.get((token, payer), _FIRST_WIDE)
    )


def _due(query: Select[Any], chain: str, now_s: int) -> Select[Any]:
    waiting = (promises.c.stage == "queued") & (promises.c.kind == "payment") & (promises.c.due_at_s <= now_s)
    return query.where(promises.c.chain == chain, waiting, promises.c.signature.is_not(None))


def live(tx: Transaction, token: str, above: int, limit: int) -> tuple[Promise, ...]:
    """The first ``limit`` promises on ``token``, numbered above ``above``, that the chain has not ended for good."""
    query = select(promises).where(promises.c.token == token, promises.c.stage.in_(LIVE), promises.c.number > above)
    return _many(tx, query.order_by(promises.c.number).limit(limit))


def count_live(tx: Transaction, token: str) -> int:
    """How many promises on ``token`` the chain has not ended for good."""
    query = select(func.count()).where(promises.c.token == token, promises.c.stage.in_(LIVE))
    return int(tx.execute(query).scalar_one())


# ------------------------------------------------------------------------------------------------ storing


def add(tx: Transaction, promise: Promise, memo_salt: bytes | None = None) -> Promise:
    """Stores a new promise with its nonce, before its document leaves the house."""
    (added,) = add_all(tx, [(promise, memo_salt)])
    return added


def add_all(tx: Transaction, some: Sequence[tuple[Promise, bytes | None]]) -> list[Promise]:
    """As ``add`` for each of ``some``, promises and the salts of their memos; what is signed already is queued."""
    numbers = next_numbers(tx, promises.c.number, len(some))
    added = [replace(promise, number=number) for (promise, _), number in zip(some, numbers, strict=True)]
    rows, lines = [], []
    for promise, (_, memo_salt) in zip(added, some, strict=True):
        columns = {"number": promise.number, **_columns(promise), "memo_salt": memo_salt}
        rows.append(tuple(map(columns.get, _NAMES)))
        lines += _first_lines(promise)
    insert_many(tx, promises, _NAMES, rows)
    happenings.note(tx, lines)
    return added


def _first_lines(promise: Promise) -> list[dict[str, object]]:
    line: dict[str, object] = {"at_s": promise.created_at_s, "chain": promise.chain, "promise": promise.number}
    lasts_s = promise.valid_before - promise.created_at_s
    words = f"accepted: {promise.kind} with nonce {promise.nonce}, good for {lasts_s} s"
    if promise.adopted_at_s is not None:
        words = "found on the chain: it was carried out before this database knew of it"
    lines = [{**line, "name": "WasAccepted", "words": words}]
    if promise.signature is not None:
        lines.append({**line, "name": WasSigned.__name__, "words": told_of_promise(WasSigned())})
    return lines


def set_document(
    tx: Transaction, promise: Promise, document: str, valid_before: int, signature: bytes | None, ref: Hash32
) -> None:
    """Stores the promise's document, the same promise under the same nonce, and its payer's signature over it."""
    values = {"document": document, "valid_before": valid_before, "signature": signature, "ref": to_hex(ref)}
    tx.execute(update(promises).where(_same(promise)).values(**values))


def set_value(tx: Transaction, some: Collection[int], value: int) -> None:
    """Stores how many token units the documents of these promises may still take."""
    tx.execute(update(promises).where(promises.c.number.in_(list(some))).values(value=word(value)))


def hold(tx: Transaction, promise: Promise) -> Promise | None:
    """The promise as it is now, held by ``tx`` until it ends."""
    row = tx.execute(held_rows(select(promises).where(_same(promise)), promises)).one_or_none()
    return _promise(row) if row else None


def move(tx: Transaction, promise: Promise, happening: Happening, now_s: int, due_at_s: int | None = None) -> Promise:
    """Stores what happened to ``promise``, which ``tx`` holds; the promise after it.

    Raises ``BadValue`` where that cannot happen in its stage.
    """
    (moved,) = move_all(tx, [(promise, happening)], now_s, due_at_s)
    return moved


def move_all(
    tx: Transaction, moves: Sequence[tuple[Promise, Happening]], now_s: int, due_at_s: int | None = None
) -> tuple[Promise, ...]:
    """As ``move``, for several promises."""
    moved, lines, taken = [], [], []
    for promise, happening in moves:
        words = told_of_promise(happening)
        stage = after(promise.stage, happening)
        was_executed = promise.was_executed or isinstance(stage, Executed)
        now = replace(promise, stage=stage, reason=_reason(happening, words), was_executed=was_executed)
        match happening:
            case WasTakenUp(submission_id):
                now = replace(now, submission_id=submission_id)
                taken.append({"submission_id": submission_id, "promise": promise.number, "since_s": now_s})
            case WasReturned():
                now = replace(now, setbacks=promise.setbacks + 1, due_at_s=due_at_s or now_s)
        moved.append(now)
        line = {"at_s": now_s, "chain": promise.chain, "promise": promise.number}
        lines.append({**line, "name": type(happening).__name__, "words": words})
    _store(tx, moved)
    _note_carriages(tx, taken)
    happenings.note(tx, lines)
    return tuple(moved)


def _note_carriages(tx: Transaction, taken: Sequence[dict[str, int]]) -> None:
    ids = {row["submission_id"] for row in taken}
    known = select(carriages.c.submission_id, carriages.c.promise).where(carriages.c.submission_id.in_(ids))
    before = {tuple(row) for row in tx.execute(known)} if ids else set()
    news = [row for row in taken if (row["submission_id"], row["promise"]) not in before]
    if news:
        tx.execute(insert(carriages), news)


def _store(tx: Transaction, moved: Sequence[Promise]) -> None:
    kinds: defaultdict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
    for promise in moved:
        columns = _changing(promise)
        kinds[tuple(columns)].append({**columns, "its_number": promise.number})
    for names, rows in kinds.items():
        values: dict[str, Any] = {name: bindparam(name) for name in names}
        tx.execute(update(promises).where(promises.c.number == bindparam("its_number")).values(**values), rows)


def withdraw(tx: Transaction, promise: Promise, now_s: int) -> None:
    """Notes that the payer asked for a cancel, for life: should a reorg undo its end, it is not delivered again."""
    tx.execute(update(promises).where(_same(promise)).values(withdrawn_at_s=now_s))


def hurry(tx: Transaction, promise: Promise) -> Promise:
    """Lets a promise, which ``tx`` holds, be taken up at once, whatever held it up before; the promise after it."""
    tx.execute(update(promises).where(_same(promise)).values(due_at_s=0))
    return replace(promise, due_at_s=0)


def take_up(tx: Transaction, taken: Iterable[Promise], submission_id: int, now_s: int) -> None:
    """Notes that the submission carries these queued promises from now on."""
    moves = [(promise, WasTakenUp(submission_id)) for promise in taken]
    move_all(tx, moves, now_s)


# ------------------------------------------------------------------------------------------------ rows


def _reason(happening: Happening, words: str) -> str:
    return str(getattr(happening, "reason", "")) and words


def _same(promise: Promise) -> Any:
    return _is((promise.token, promise.payer, promise.kind, promise.id))


def _is(key: Key) -> Any:
    token, payer, kind, promise_id = key
    scope = (promises.c.token == token) & (promises.c.payer == to_hex(payer))
    return scope & (promises.c.kind == kind) & (promises.c.id == promise_id)


def _one(tx: Transaction, condition: Any) -> Promise | None:
    row = tx.execute(select(promises).where(condition)).one_or_none()
    return _promise(row) if row else None


def _many(tx: Transaction, query: Any, bound: Mapping[str, object] | None = None) -> tuple[Promise, ...]:
    return tuple(map(_promise, tx.execute(query, bound)))


def _columns(promise: Promise) -> dict[str, object]:
    return {
        "chain": promise.chain,
        "token": promise.token,
        "payer": to_hex(promise.payer),
        "kind": promise.kind,
        "id": promise.id,
        "nonce": word(promise.nonce),
        "content_hash": to_hex(promise.content_hash),
        "document": promise.document,
        "signature": promise.signature,
        "memo": promise.memo,
        "payee": hex_or_none(promise.payee),
        "value": word(promise.value),
        "ref": to_hex(promise.ref),
        "valid_before": promise.valid_before,
        "adopted_at_s": promise.adopted_at_s,
        "made_at_block": promise.made_at_block,
        "created_at_s": promise.created_at_s,
        **_changing(promise),
    }


_NAMES = [column.name for column in promises.c]


def _changing(promise: Promise) -> dict[str, object]:
    execution = promise.stage.execution if isinstance(promise.stage, Executed | Final) else None
    columns: dict[str, object] = {
        "stage": stage_name(type(promise.stage)),
        "reason": promise.reason,
        "submission_id": promise.submission_id,
        "due_at_s": promise.due_at_s,
        "setbacks": promise.setbacks,
        "withdrawn_at_s": promise.withdrawn_at_s,
    }
    if execution is not None:
        columns |= {"executed_tx": to_hex(execution.tx), "executed_block": execution.block}
        columns |= {"executed_block_hash": to_hex(execution.block_hash)}
    return columns


def _stage(row: Row[Any]) -> Stage:
    match row.stage:
        case "offered":
            return Offered()
        case "queued":
            return Queued()
        case "carried":
            return Carried(row.submission_id)
        case "canceling":
            return Canceling()
        case "canceled":
            return Canceled()
        case "expired":
            return Expired()
    tx, block_hash = Hash32(from_hex(row.executed_tx)), Hash32(from_hex(row.executed_block_hash))
    execution = Execution(tx, BlockNumber(row.executed_block), block_hash)
    return Executed(execution) if row.stage == "executed" else Final(execution)


def _promise(row: Row[Any]) -> Promise:
    return Promise(
        token=row.token,
        payer=Address(from_hex(row.payer)),
        kind=row.kind,
        id=row.id,
        nonce=int(row.nonce, 16),
        content_hash=Hash32(from_hex(row.content_hash)),
        document=row.document,
        signature=row.signature,
        memo=row.memo,
        payee=address_or_none(row.payee),
        value=int(row.value, 16),
        ref=Hash32(from_hex(row.ref)),
        valid_before=row.valid_before,
        made_at_block=BlockNumber(row.made_at_block),
        created_at_s=row.created_at_s,
        stage=_stage(row),
        reason=row.reason,
        submission_id=row.submission_id,
        due_at_s=row.due_at_s,
        setbacks=row.setbacks,
        withdrawn_at_s=row.withdrawn_at_s,
        was_executed=row.executed_block is not None,
        adopted_at_s=row.adopted_at_s,
        number=row.number,
    )
