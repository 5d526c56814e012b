"""Groups and who is in them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from chainwallet.errors import AlreadyExists
from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import groups, invitations, members

GroupKind = Literal["group", "pair"]
MemberRole = Literal["owner", "member", "viewer"]


@dataclass(frozen=True)
class Group:
    """People who share bills; a ``pair`` is two friends."""

    id: str
    name: str
    kind: GroupKind
    created_at_s: int


@dataclass(frozen=True)
class Member:
    """Somebody in a group, for good under this id; a guest has no account."""

    id: str
    group_id: str
    account_id: int | None
    name: str
    role: MemberRole
    joined_at_s: int
    left_at_s: int | None = None

    @property
    def is_here(self) -> bool:
        """They have not left."""
        return self.left_at_s is None


def add_group(tx: Transaction, group: Group) -> None:
    """Stores a new group."""
    row = {"id": group.id, "name": group.name, "kind": group.kind, "created_at_s": group.created_at_s}
    tx.execute(insert(groups).values(row))


def group_by_id(tx: Transaction, group_id: str) -> Group | None:
    """The group with this id."""
    row = tx.execute(select(groups).where(groups.c.id == group_id)).one_or_none()
    return Group(row.id, row.name, row.kind, row.created_at_s) if row else None


def groups_with_ids(tx: Transaction, ids: Collection[str]) -> dict[str, Group]:
    """The groups with these ids."""
    rows = tx.execute(select(groups).where(groups.c.id.in_(list(ids))))
    return {row.id: Group(row.id, row.name, row.kind, row.created_at_s) for row in rows}


def groups_of(tx: Transaction, account_id: int) -> tuple[tuple[Group, Member], ...]:
    """The groups that an account is in, the newest first, each with who it is there."""
    query = (
        select(members, groups.c.name.label("group_name"), groups.c.kind, groups.c.created_at_s)
        .join_from(members, groups, groups.c.id == members.c.group_id)
        .where(members.c.account_id == account_id, members.c.left_at_s.is_(None))
        .order_by(groups.c.created_at_s.desc(), groups.c.id)
    )
    return tuple(
        (Group(row.group_id, row.group_name, row.kind, row.created_at_s), _member(row)) for row in tx.execute(query)
    )


def alone_in_pair(tx: Transaction, account_id: int, invited: int) -> tuple[Group, Member] | None:
    """The pair in which an account is alone, having invited ``invited``, and who it is there."""
    other = members.alias("other")
    query = (
        select(members, groups.c.name.label("group_name"), groups.c.kind, groups.c.created_at_s)
        .join_from(members, groups, groups.c.id == members.c.group_id)
        .where(
            members.c.account_id == account_id,
            members.c.left_at_s.is_(None),
            groups.c.kind == "pair",
            ~select(other.c.id).where(other.c.group_id == groups.c.id, other.c.id != members.c.id).exists(),
            select(invitations.c.id)
            .where(invitations.c.group_id == groups.c.id, invitations.c.invited == invited)
            .exists(),
        )
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return (Group(row.group_id, row.group_name, row.kind, row.created_at_s), _member(row)) if row else None


def rename_group(tx: Transaction, group_id: str, name: str) -> None:
    """Gives a group another name."""
    tx.execute(update(groups).where(groups.c.id == group_id).values(name=name))


def add(tx: Transaction, member: Member) -> None:
    """Stores a new member; raises ``AlreadyExists`` where the group has somebody of this name or account."""
    row = {
        "id": member.id,
        "group_id": member.group_id,
        "account_id": member.account_id,
        "name": member.name,
        "role": member.role,
        "joined_at_s": member.joined_at_s,
        "left_at_s": member.left_at_s,
    }
    try:
        with tx.begin_nested():
            tx.execute(insert(members).values(row))
    except IntegrityError:
        raise AlreadyExists("member", member.name) from None


def change(tx: Transaction, member: Member) -> None:
    """Stores account, name, role and leave of a member as they are now; raises as ``add``."""
    now = {
        "account_id": member.account_id,
        "name": member.name,
        "role": member.role,
        "left_at_s": member.left_at_s,
    }
    try:
        with tx.begin_nested():
            tx.execute(update(members).where(members.c.id == member.id).values(now))
    except IntegrityError:
        raise AlreadyExists("member", member.name) from None


def of_group(tx: Transaction, group_id: str) -> tuple[Member, ...]:
    """All members of a group, also those who left, as they joined."""
    query = select(members).where(members.c.group_id == group_id).order_by(members.c.joined_at_s, members.c.id)
    return tuple(map(_member, tx.execute(query)))


def of_groups(tx: Transaction, group_ids: Collection[str]) -> tuple[Member, ...]:
    """All members of some groups, also those who left."""
    query = select(members).where(members.c.group_id.in_(list(group_ids))).order_by(members.c.joined_at_s, members.c.id)
    return tuple(map(_member, tx.execute(query)))


def accounts_in(tx: Transaction, group_ids: Collection[str]) -> dict[str, list[int]]:
    """The accounts that are in some groups now, by group."""
    query = select(members.c.group_id, members.c.account_id).where(
        members.c.group_id.in_(list(group_ids)), members.c.account_id.is_not(None), members.c.left_at_s.is_(None)
    )
    found: dict[str, list[int]] = {}
    for row in tx.execute(query.order_by(members.c.account_id)):
        found.setdefault(row.group_id, []).append(row.account_id)
    return found


def of_account(tx: Transaction, group_id: str, account_id: int) -> Member | None:
    """Who an account is in a group, also where it left."""
    query = select(members).where(members.c.group_id == group_id, members.c.account_id == account_id)
    row = tx.execute(query).one_or_none()
    return _member(row) if row else None


def with_ids(tx: Transaction, ids: Collection[str]) -> dict[str, Member]:
    """The members with these ids."""
    rows = tx.execute(select(members).where(members.c.id.in_(list(ids))))
    return {row.id: _member(row) for row in rows}


def _member(row: Row[Any]) -> Member:
    return Member(row.id, row.group_id, row.account_id, row.name, row.role, row.joined_at_s, row.left_at_s)
