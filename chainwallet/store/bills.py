"""Bills of groups, their versions with everyone's line, and what their people said to each version."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, insert, select, tuple_, update

from chainwallet.store.bulk import asked
from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import bill_answers, bill_lines, bill_versions, bills

AnswerKind = Literal["accepted", "rejected", "proposed", "withdrawn"]
StoredState = Literal["open", "disputed", "accepted"]
ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class Bill:
    """A lineage of versions of which ``version`` is the current one.

    ``state`` is what the latest answers to it come to; ``lineage`` breaks the ties of its shares wherever it goes.
    """

    id: str
    group_id: str
    lineage: str
    created_by: str
    created_at_s: int
    version: int = 1
    state: StoredState = "open"
    reverses: str | None = None
    import_id: str | None = None
    deleted_at_s: int | None = None

    @property
    def is_deleted(self) -> bool:
        """It has a tombstone."""
        return self.deleted_at_s is not None


@dataclass(frozen=True)
class Line:
    """A member's share of a version and what they paid of it, in minor units."""

    member_id: str
    share_minor: int
    paid_minor: int

    @property
    def net_minor(self) -> int:
        """What they are owed; below 0 what they owe."""
        return self.paid_minor - self.share_minor


@dataclass(frozen=True)
class Version:
    """One version of a bill: ``document`` is its terms as canonical JSON, ``hash`` (hex) the Keccak-256 of that."""

    bill_id: str
    version: int
    hash: str
    document: str
    title: str
    currency: str
    total_minor: int
    made_by: str
    made_at_s: int
    lines: tuple[Line, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Said:
    """What a member said to a version; ``proposal`` is a split as a document, carried over is an earlier acceptance."""

    bill_id: str
    version: int
    member_id: str
    answer: AnswerKind
    at_s: int
    reason: str | None = None
    proposal: str | None = None
    is_carried_over: bool = False
    id: int = 0
    """0 until it is stored."""


@dataclass(frozen=True)
class Wanted:
    """Which bills of a group are listed; None asks for no more than the group's."""

    state: Literal["open", "disputed", "accepted", "deleted"] | None = None
    """None: all but deleted ones."""
    currency: str | None = None
    member_id: str | None = None
    """Has a line in it."""
    asks: str | None = None
    """This member is charged and has not accepted."""
    import_id: str | None = None


# ------------------------------------------------------------------------------------------------ writing


def add_all(tx: Transaction, new: Sequence[tuple[Bill, Version]]) -> None:
    """Stores new bills, each with its first version."""
    _insert(tx, insert(bills), [_bill_values(bill) for bill, _ in new])
    _add_versions(tx, [version for _, version in new])


def add_whole(tx: Transaction, some: Sequence[tuple[Bill, Sequence[Version]]]) -> None:
    """Stores bills that have several versions already; one that reverses another comes after it."""
    _insert(tx, insert(bills), [_bill_values(bill) for bill, _ in some])
    _add_versions(tx, [version for _, versions in some for version in versions])


def add_version(tx: Transaction, version: Version) -> bool:
    """Stores the version after the current one; False, and nothing is changed, where it is not that."""
    before = (bills.c.id == version.bill_id) & (bills.c.version == version.version - 1)
    if tx.execute(update(bills).where(before).values(version=version.version)).rowcount != 1:
        return False
    _add_versions(tx, [version])
    return True


def set_state(tx: Transaction, bill_id: str, state: StoredState) -> None:
    """Stores what the answers to the current version come to."""
    tx.execute(update(bills).where(bills.c.id == bill_id).values(state=state))


def set_deleted(tx: Transaction, bill_ids: Collection[str], at_s: int | None) -> None:
    """Gives bills their tombstones, or takes them away (None)."""
    among = bills.c.id.in_(select(asked(tx, id=sorted(bill_ids)).c.id))
    tx.execute(update(bills).where(among).values(deleted_at_s=at_s))


def say_all(tx: Transaction, some: Sequence[Said]) -> None:
    """Stores what was said."""
    values = [
        {
            "bill_id": one.bill_id,
            "version": one.version,
            "member_id": one.member_id,
            "answer": one.answer,
            "reason": one.reason,
            "proposal": one.proposal,
            "is_carried_over": one.is_carried_over,
            "at_s": one.at_s,
        }
        for one in some
    ]
    _insert(tx, insert(bill_answers), values)


# ------------------------------------------------------------------------------------------------ finding


def by_id(tx: Transaction, group_id: str, bill_id: str) -> Bill | None:
    """The bill of the group with this id, also a deleted one."""
    query = select(bills).where(bills.c.id == bill_id, bills.c.group_id == group_id)
    row = tx.execute(query).one_or_none()
    return _bill(row) if row else None


def reversals_of(tx: Transaction, bill_id: str) -> tuple[Bill, ...]:
    """The bills that reverse a bill, in the order of their making."""
    query = select(bills).where(bills.c.reverses == bill_id).order_by(bills.c.created_at_s, bills.c.id)
    return tuple(map(_bill, tx.execute(query)))


def versions(tx: Transaction, bill_id: str) -> tuple[Version, ...]:
    """All versions of a bill, the first one first."""
    return _versions(tx, bill_versions.c.bill_id == bill_id)


def every_version(tx: Transaction, group_id: str) -> dict[str, tuple[Version, ...]]:
    """All versions of all bills of a group, the first one first, by the bill's id."""
    found: dict[str, list[Version]] = {}
    for one in _versions(tx, bill_versions.c.bill_id.in_(_ids_of(group_id))):
        found.setdefault(one.bill_id, []).append(one)
    return {bill_id: tuple(some) for bill_id, some in found.items()}


def current_versions(tx: Transaction, some: Collection[Bill]) -> dict[str, Version]:
    """The current version of each of ``some``, by the bill's id."""
    return {one.bill_id: one for one in _versions(tx, _is_current(tx, bill_versions, some))}


def hashes(tx: Transaction, some: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The hashes of versions, by bill and number."""
    wanted = set(some)
    among = bill_versions.c.bill_id.in_(select(asked(tx, id=sorted({bill_id for bill_id, _ in wanted})).c.id))
    rows = tx.execute(select(bill_versions.c.bill_id, bill_versions.c.version, bill_versions.c.hash).where(among))
    return {(row.bill_id, row.version): row.hash for row in rows if (row.bill_id, row.version) in wanted}


def said_of(tx: Transaction, bill_id: str) -> tuple[Said, ...]:
    """All that was ever said to any version of a bill, in the order in which it was."""
    query = select(bill_answers).where(bill_answers.c.bill_id == bill_id).order_by(bill_answers.c.id)
    return tuple(map(_said, tx.execute(query)))


def every_said(tx: Transaction, group_id: str) -> dict[str, tuple[Said, ...]]:
    """All that was ever said to the bills of a group, in the order in which it was, by the bill's id."""
    found: dict[str, list[Said]] = {}
    query = select(bill_answers).where(bill_answers.c.bill_id.in_(_ids_of(group_id))).order_by(bill_answers.c.id)
    for said in map(_said, tx.execute(query)):
        found.setdefault(said.bill_id, []).append(said)
    return {bill_id: tuple(some) for bill_id, some in found.items()}


def latest_said(tx: Transaction, some: Collection[Bill]) -> dict[str, dict[str, Said]]:
    """The latest answers to the current version of each of ``some``, by the bill's id and the member's."""
    found: dict[str, dict[str, Said]] = {one.id: {} for one in some}
    query = select(bill_answers).where(_is_current(tx, bill_answers, some)).order_by(bill_answers.c.id)
    for said in map(_said, tx.execute(query)):
        found[said.bill_id][said.member_id] = said
    return found


def count(tx: Transaction, group_id: str) -> int:
    """How many bills a group has, deleted ones among them."""
    return int(tx.execute(select(func.count()).where(bills.c.group_id == group_id)).scalar_one())


def every(tx: Transaction, group_id: str) -> tuple[Bill, ...]:
    """All bills of a group, also deleted ones, the oldest first."""
    query = select(bills).where(bills.c.group_id == group_id).order_by(bills.c.created_at_s, bills.c.id)
    return tuple(map(_bill, tx.execute(query)))


def with_ids(tx: Transaction, ids: Collection[str]) -> dict[str, Bill]:
    """The bills with these ids."""
    among = bills.c.id.in_(select(asked(tx, id=sorted(ids)).c.id))
    return {row.id: _bill(row) for row in tx.execute(select(bills).where(among))}


def listed(
    tx: Transaction, group_id: str, wanted: Wanted, after: tuple[int, str] | None, limit: int
) -> tuple[Bill, ...]:
    """The latest ``limit`` of the bills that are ``wanted``, the newest first, after that made at a time with an id."""
    query = _narrowed(select(bills).where(bills.c.group_id == group_id), wanted)
    if after is not None:
        at_s, bill_id = after
        earlier = (bills.c.created_at_s < at_s) | ((bills.c.created_at_s == at_s) & (bills.c.id < bill_id))
        query = query.where(earlier)
    return tuple(map(_bill, tx.execute(query.order_by(bills.c.created_at_s.desc(), bills.c.id.desc()).limit(limit))))


def waiting_for(tx: Transaction, group_id: str, member_id: str) -> tuple[Bill, ...]:
    """The bills that ``member_id`` is asked about and has said nothing to yet, the oldest first."""
    query = select(bills).where(bills.c.group_id == group_id, bills.c.deleted_at_s.is_(None))
    latest = _latest_answer(member_id)
    unsaid = func.coalesce(latest, "withdrawn") == "withdrawn"
    query = query.where(_charges(member_id), unsaid).order_by(bills.c.created_at_s, bills.c.id)
    return tuple(map(_bill, tx.execute(query)))


def titles(tx: Transaction, group_id: str, ids: Collection[str]) -> dict[str, str]:
    """What those of a group's bills with these ids are called now."""
    query = (
        select(bills.c.id, bill_versions.c.title)
        .join_from(bills, bill_versions, _joined(bill_versions))
        .where(bills.c.group_id == group_id)
    )
    wanted = set(ids)
    return {row.id: row.title for row in tx.execute(query) if row.id in wanted}


# ------------------------------------------------------------------------------------------------ rows


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.state == "deleted":
        query = query.where(bills.c.deleted_at_s.is_not(None))
    else:
        query = query.where(bills.c.deleted_at_s.is_(None))
        if wanted.state is not None:
            query = query.where(bills.c.state == wanted.state)
    if wanted.currency is not None:
        query = query.where(exists().where(_joined(bill_versions), bill_versions.c.currency == wanted.currency))
    if wanted.member_id is not None:
        query = query.where(exists().where(_joined(bill_lines), bill_lines.c.member_id == wanted.member_id))
    if wanted.asks is not None:
        accepted = func.coalesce(_latest_answer(wanted.asks), "withdrawn") == "accepted"
        query = query.where(_charges(wanted.asks), ~accepted)
    if wanted.import_id is not None:
        query = query.where(bills.c.import_id == wanted.import_id)
    return query


def _ids_of(group_id: str) -> Select[tuple[str]]:
    return select(bills.c.id).where(bills.c.group_id == group_id)


def _joined(table: Any) -> ColumnElement[bool]:
    """Rows of ``table`` that are of a bill's current version."""
    return and_(table.c.bill_id == bills.c.id, table.c.version == bills.c.version)


def _charges(member_id: str) -> ColumnElement[bool]:
    mine = (bill_lines.c.member_id == member_id) & (bill_lines.c.paid_minor < bill_lines.c.share_minor)
    return exists().where(_joined(bill_lines), mine)


def _latest_answer(member_id: str) -> ColumnElement[str | None]:
    theirs = select(bill_answers.c.answer).where(_joined(bill_answers), bill_answers.c.member_id == member_id)
    return theirs.order_by(bill_answers.c.id.desc()).limit(1).correlate(bills).scalar_subquery()


def _is_current(tx: Transaction, table: Any, some: Collection[Bill]) -> ColumnElement[bool]:
    ids = asked(tx, id=sorted(one.id for one in some))
    current = select(bills.c.id, bills.c.version).where(bills.c.id.in_(select(ids.c.id)))
    return tuple_(table.c.bill_id, table.c.version).in_(current)


def _versions(tx: Transaction, which: ColumnElement[bool]) -> tuple[Version, ...]:
    lines: dict[tuple[str, int], list[Line]] = {}
    of_which = tuple_(bill_lines.c.bill_id, bill_lines.c.version).in_(
        select(bill_versions.c.bill_id, bill_versions.c.version).where(which)
    )
    query = select(bill_lines).where(of_which).order_by(bill_lines.c.member_id)
    for row in tx.execute(query):
        line = Line(row.member_id, row.share_minor, row.paid_minor)
        lines.setdefault((row.bill_id, row.version), []).append(line)
    rows = tx.execute(select(bill_versions).where(which).order_by(bill_versions.c.bill_id, bill_versions.c.version))
    return tuple(_version(row, tuple(lines.get((row.bill_id, row.version), ()))) for row in rows)


def _add_versions(tx: Transaction, some: Sequence[Version]) -> None:
    _insert(tx, insert(bill_versions), [_version_values(one) for one in some])
    lines = [
        {
            "bill_id": one.bill_id,
            "version": one.version,
            "member_id": line.member_id,
            "share_minor": line.share_minor,
            "paid_minor": line.paid_minor,
        }
        for one in some
        for line in one.lines
    ]
    _insert(tx, insert(bill_lines), lines)


def _insert(tx: Transaction, statement: Any, values: Sequence[Mapping[str, object]]) -> None:
    for start in range(0, len(values), ROWS_AT_ONCE):
        tx.execute(statement, list(values[start : start + ROWS_AT_ONCE]))


def _bill_values(bill: Bill) -> dict[str, object]:
    return {
        "id": bill.id,
        "group_id": bill.group_id,
        "lineage": bill.lineage,
        "version": bill.version,
        "state": bill.state,
        "reverses": bill.reverses,
        "import_id": bill.import_id,
        "created_by": bill.created_by,
        "created_at_s": bill.created_at_s,
        "deleted_at_s": bill.deleted_at_s,
    }


def _version_values(version: Version) -> dict[str, object]:
    return {
        "bill_id": version.bill_id,
        "version": version.version,
        "hash": version.hash,
        "document": version.document,
        "title": version.title,
        "currency": version.currency,
        "total_minor": version.total_minor,
        "made_by": version.made_by,
        "made_at_s": version.made_at_s,
        "reason": version.reason,
    }


def _bill(row: Row[Any]) -> Bill:
    return Bill(
        id=row.id,
        group_id=row.group_id,
        lineage=row.lineage,
        created_by=row.created_by,
        created_at_s=row.created_at_s,
        version=row.version,
        state=row.state,
        reverses=row.reverses,
        import_id=row.import_id,
        deleted_at_s=row.deleted_at_s,
    )


def _version(row: Row[Any], lines: tuple[Line, ...]) -> Version:
    return Version(
        bill_id=row.bill_id,
        version=row.version,
        hash=row.hash,
        document=row.document,
        title=row.title,
        currency=row.currency,
        total_minor=row.total_minor,
        made_by=row.made_by,
        made_at_s=row.made_at_s,
        lines=lines,
        reason=row.reason,
    )


def _said(row: Row[Any]) -> Said:
    return Said(
        bill_id=row.bill_id,
        version=row.version,
        member_id=row.member_id,
        answer=row.answer,
        at_s=row.at_s,
        reason=row.reason,
        proposal=row.proposal,
        is_carried_over=row.is_carried_over,
        id=row.id,
    )
