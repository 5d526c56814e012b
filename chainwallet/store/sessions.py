"""Sessions: who is signed in. Of a session's token only the SHA-256 is stored."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, or_, select, update

from chainwallet.store import accounts as account_rows
from chainwallet.store.account_schema import account_roles, accounts, sessions
from chainwallet.store.accounts import Account
from chainwallet.store.database import Transaction

_BY_TOKENS = (
    select(sessions, *account_rows.COLUMNS)
    .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
    .outerjoin(account_roles, account_roles.c.account_id == accounts.c.id)
    .where(sessions.c.token_hash.in_(bindparam("tokens", expanding=True)))
)  # asked at every request, so made once


@dataclass(frozen=True)
class Session:
    """A sign-in of the account ``account_id`` from ``place``; good until ``expires_at_s`` unless it was revoked."""

    id: str
    account_id: int
    place: str
    created_at_s: int
    last_used_at_s: int
    expires_at_s: int
    revoked_at_s: int | None = None

    def is_good(self, now_s: int) -> bool:
        """Whether it signs anybody in."""
        return self.revoked_at_s is None and now_s < self.expires_at_s


def add(tx: Transaction, session: Session, token_hash: str) -> None:
    """Stores a new session."""
    row = {
        "id": session.id,
        "account_id": session.account_id,
        "token_hash": token_hash,
        "place": session.place,
        "created_at_s": session.created_at_s,
        "last_used_at_s": session.last_used_at_s,
        "expires_at_s": session.expires_at_s,
    }
    tx.execute(insert(sessions).values(row))


def by_tokens(tx: Transaction, token_hashes: Collection[str]) -> dict[str, tuple[Session, Account]]:
    """By its token's hash, each session with one of these tokens, good or not, and whose it is."""
    rows: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(_BY_TOKENS, {"tokens": list(token_hashes)}).all():
        rows.setdefault(row.token_hash, []).append(row)
    return {token: (_session(some[0]), account_rows.joined(some)[0]) for token, some in rows.items()}


def good_ones(tx: Transaction, account_id: int, now_s: int) -> tuple[Session, ...]:
    """The sessions of an account that sign somebody in, the latest used first."""
    is_good = sessions.c.revoked_at_s.is_(None) & (sessions.c.expires_at_s > now_s)
    query = select(sessions).where(sessions.c.account_id == account_id, is_good)
    return tuple(map(_session, tx.execute(query.order_by(sessions.c.last_used_at_s.desc(), sessions.c.id))))


def is_of(tx: Transaction, account_id: int, token_hash: str) -> bool:
    """Whether an account ever had a session with this token, and nobody revoked it."""
    is_it = (sessions.c.token_hash == token_hash) & (sessions.c.account_id == account_id)
    query = select(sessions.c.id).where(is_it, sessions.c.revoked_at_s.is_(None))
    return tx.execute(query).first() is not None


def use(tx: Transaction, session_id: str, since_s: int, now_s: int) -> None:
    """Notes that a session was used now, unless that was noted later than ``since_s``."""
    is_it = (sessions.c.id == session_id) & (sessions.c.last_used_at_s <= since_s)
    tx.execute(update(sessions).where(is_it).values(last_used_at_s=now_s))


def revoke(tx: Transaction, account_id: int, session_id: str, now_s: int) -> bool:
    """Ends a session of an account; whether there is one with this id that was not revoked."""
    is_it = (sessions.c.id == session_id) & (sessions.c.account_id == account_id) & sessions.c.revoked_at_s.is_(None)
    return tx.execute(update(sessions).where(is_it).values(revoked_at_s=now_s)).rowcount == 1


def revoke_others(tx: Transaction, account_id: int, kept: str, now_s: int) -> None:
    """Ends all sessions of an account but ``kept``."""
    is_other = (sessions.c.account_id == account_id) & (sessions.c.id != kept) & sessions.c.revoked_at_s.is_(None)
    tx.execute(update(sessions).where(is_other).values(revoked_at_s=now_s))


def forget(tx: Transaction, account_id: int, ended_before_s: int, revoked_before_s: int) -> None:
    """Removes an account's sessions that were over before the one time, or revoked before the other."""
    is_old = or_(sessions.c.expires_at_s < ended_before_s, sessions.c.revoked_at_s < revoked_before_s)
    tx.execute(delete(sessions).where(sessions.c.account_id == account_id, is_old))


def _session(row: Row[Any]) -> Session:
    return Session(
        row.id,
        row.account_id,
        row.place,
        row.created_at_s,
        row.last_used_at_s,
        row.expires_at_s,
        row.revoked_at_s,
    )
