"""A person's sessions: theirs to see and to end."""

from chainwallet.accounts.calling import Caller, require_session
from chainwallet.accounts.tools import Accounts
from chainwallet.errors import NotFound
from chainwallet.store import sessions
from chainwallet.store.sessions import Session


def list_sessions(accounts: Accounts, caller: Caller) -> tuple[Session, ...]:
    """The caller's sessions that are good, the latest used first. Raises ``Forbidden`` for an API key."""
    require_session(caller)
    with accounts.database.read() as tx:
        return sessions.good_ones(tx, caller.account_id, accounts.now_s)


def revoke_session(accounts: Accounts, caller: Caller, session_id: str) -> None:
    """Ends one of the caller's sessions, at once and for good; also the one that asks.

    Raises ``Forbidden`` for an API key, and ``NotFound`` where the caller has no such session, or it was revoked.
    """
    require_session(caller)
    now_s = accounts.now_s
    if not accounts.database.write(lambda tx: sessions.revoke(tx, caller.account_id, session_id, now_s)):
        raise NotFound("session", session_id, "the list of your sessions names those there are")
