"""Who calls: what stands behind a token, and what they may do."""

from dataclasses import dataclass

from chainwallet.accounts.tokens import API_KEY, SESSION, hashed, kind_of
from chainwallet.accounts.tools import Accounts
from chainwallet.errors import Forbidden, NotSignedIn
from chainwallet.rules.handle import Handle, shown
from chainwallet.rules.scope import Role, Scope, scopes_of
from chainwallet.store import accounts as account_rows
from chainwallet.store import api_keys, sessions
from chainwallet.store.accounts import Account
from chainwallet.store.api_keys import ApiKey
from chainwallet.store.database import Transaction
from chainwallet.store.sessions import Session

USE_NOTED_EVERY_S = 60
"""When a token was last used is stored at most so often."""


@dataclass(frozen=True)
class Caller:
    """Somebody who is signed in, by a session or by an API key."""

    account_id: int
    handle: Handle
    roles: frozenset[Role]
    scopes: frozenset[Scope]
    session_id: str | None
    key_id: str | None


def caller(accounts: Accounts, token: str) -> Caller:
    """Who stands behind ``token``. Raises ``NotSignedIn`` where nobody does, or not any more."""
    now_s, kind = accounts.now_s, kind_of(token)
    if kind not in (SESSION, API_KEY):
        raise NotSignedIn(f"a token is {SESSION} or {API_KEY} and 43 letters, digits, - or _")
    with accounts.database.read() as tx:
        found = sessions.by_token(tx, hashed(token)) if kind == SESSION else api_keys.by_token(tx, hashed(token))
    if found is None:
        raise NotSignedIn("there is no such session or API key")
    way, account = found
    if way.revoked_at_s is not None:
        raise NotSignedIn("it was revoked")
    if not way.is_good(now_s):
        raise NotSignedIn("its time is over")
    since_s = now_s - USE_NOTED_EVERY_S
    if way.last_used_at_s is None or way.last_used_at_s <= since_s:
        accounts.database.write(lambda tx: _note_use(tx, way, since_s, now_s))
    return _caller(way, account)


def own_account(accounts: Accounts, caller: Caller) -> Account:
    """The caller's account. Raises ``Forbidden`` without the scope ``account:read``."""
    require(caller, "account:read")
    with accounts.database.read() as tx:
        account = account_rows.by_id(tx, caller.account_id)
    assert account is not None  # noqa: S101 - accounts are never removed
    return account


def require(caller: Caller, scope: Scope) -> None:
    """Raises ``Forbidden`` unless ``caller`` has ``scope``."""
    if scope not in caller.scopes:
        raise Forbidden(_who(caller), f"scope {scope}")


def require_session(caller: Caller) -> str:
    """The session's id; raises ``Forbidden`` for an API key: some things people do themselves."""
    if caller.session_id is None:
        raise Forbidden(_who(caller), "session: this is done by whoever signed in with the password")
    return caller.session_id


def _note_use(tx: Transaction, way: Session | ApiKey, since_s: int, now_s: int) -> None:
    if isinstance(way, Session):
        sessions.use(tx, way.id, since_s, now_s)
    else:
        api_keys.use(tx, way.id, since_s, now_s)


def _caller(way: Session | ApiKey, account: Account) -> Caller:
    scopes = scopes_of(account.roles)
    if isinstance(way, Session):
        return Caller(account.id, account.handle, account.roles, scopes, way.id, None)
    return Caller(account.id, account.handle, account.roles, scopes & way.scopes, None, way.id)


def _who(caller: Caller) -> str:
    by = "" if caller.key_id is None else f" by API key {caller.key_id}"
    return shown(caller.handle) + by
