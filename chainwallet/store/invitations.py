"""Invitations to groups: each lets one account in, once, until it expires or is revoked."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, func, insert, select, update

from chainwallet.store.database import Transaction
from chainwallet.store.group_schema import groups, invitations, members

InvitedRole = Literal["member", "viewer"]


@dataclass(frozen=True)
class Invitation:
    """Lets in the account ``invited``, or, where that is None, whoever has its token.

    ``guest`` is the id of the member whom they become; None: a new one. ``made_by`` is a member's id.
    """

    id: str
    group_id: str
    role: InvitedRole
    guest: str | None
    invited: int | None
    made_by: str
    made_at_s: int
    expires_at_s: int
    used_at_s: int | None = None
    used_by: int | None = None
    revoked_at_s: int | None = None

    def is_good(self, now_s: int) -> bool:
        """Whether it can still be accepted."""
        return self.used_at_s is None and self.revoked_at_s is None and now_s < self.expires_at_s


def add(tx: Transaction, invitation: Invitation, token_hash: str) -> None:
    """Stores a new invitation and the hash of its token."""
    row = {
        "id": invitation.id,
        "group_id": invitation.group_id,
        "token_hash": token_hash,
        "role": invitation.role,
        "guest": invitation.guest,
        "invited": invitation.invited,
        "made_by": invitation.made_by,
        "made_at_s": invitation.made_at_s,
        "expires_at_s": invitation.expires_at_s,
    }
    tx.execute(insert(invitations).values(row))


def by_id(tx: Transaction, invitation_id: str) -> Invitation | None:
    """The invitation with this id."""
    return _one(tx, invitations.c.id == invitation_id)


def by_token(tx: Transaction, token_hash: str) -> Invitation | None:
    """The invitation whose token has this hash."""
    return _one(tx, invitations.c.token_hash == token_hash)


def good_of_group(tx: Transaction, group_id: str, now_s: int) -> tuple[Invitation, ...]:
    """The invitations of a group that can still be accepted, the newest first."""
    query = select(invitations).where(invitations.c.group_id == group_id, _is_good(now_s))
    return tuple(map(_invitation, tx.execute(query.order_by(invitations.c.made_at_s.desc(), invitations.c.id))))


def good_for(tx: Transaction, account_id: int, now_s: int) -> tuple[Invitation, ...]:
    """The invitations of an account that it can still accept, the newest first."""
    query = select(invitations).where(invitations.c.invited == account_id, _is_good(now_s))
    return tuple(map(_invitation, tx.execute(query.order_by(invitations.c.made_at_s.desc(), invitations.c.id))))


def friends_asked(tx: Transaction, account_id: int, now_s: int) -> tuple[Invitation, ...]:
    """The invitations to a friendship that an account made and that can still be accepted, the newest first."""
    query = (
        select(invitations)
        .join_from(invitations, members, members.c.id == invitations.c.made_by)
        .join(groups, groups.c.id == invitations.c.group_id)
        .where(members.c.account_id == account_id, groups.c.kind == "pair", _is_good(now_s))
    )
    return tuple(map(_invitation, tx.execute(query.order_by(invitations.c.made_at_s.desc(), invitations.c.id))))


def count_good(tx: Transaction, group_id: str, now_s: int) -> int:
    """How many invitations of a group can still be accepted."""
    query = select(func.count()).select_from(invitations).where(invitations.c.group_id == group_id, _is_good(now_s))
    return int(tx.execute(query).scalar_one())


def use(tx: Transaction, invitation: Invitation, account_id: int, now_s: int) -> bool:
    """Uses up an invitation; whether it was good until then. Of several who try at once, one is told so."""
    good = (invitations.c.id == invitation.id) & _is_good(now_s)
    return tx.execute(update(invitations).where(good).values(used_at_s=now_s, used_by=account_id)).rowcount == 1


def revoke(tx: Transaction, invitation: Invitation, now_s: int) -> bool:
    """Ends an invitation; whether it was good until then."""
    good = (invitations.c.id == invitation.id) & _is_good(now_s)
    return tx.execute(update(invitations).where(good).values(revoked_at_s=now_s)).rowcount == 1


def revoke_about(tx: Transaction, member_id: str, now_s: int) -> None:
    """Ends all invitations that a member made, and all to become them."""
    about = (invitations.c.made_by == member_id) | (invitations.c.guest == member_id)
    tx.execute(update(invitations).where(about, _is_good(now_s)).values(revoked_at_s=now_s))


def _is_good(now_s: int) -> ColumnElement[bool]:
    return (
        invitations.c.used_at_s.is_(None) & invitations.c.revoked_at_s.is_(None) & (invitations.c.expires_at_s > now_s)
    )


def _one(tx: Transaction, condition: Any) -> Invitation | None:
    row = tx.execute(select(invitations).where(condition)).one_or_none()
    return _invitation(row) if row else None


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        row.id,
        row.group_id,
        row.role,
        row.guest,
        row.invited,
        row.made_by,
        row.made_at_s,
        row.expires_at_s,
        row.used_at_s,
        row.used_by,
        row.revoked_at_s,
    )
