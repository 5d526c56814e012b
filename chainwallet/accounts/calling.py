"""Who calls: what stands behind a token, and what they may do."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from chainwallet.accounts.tokens import API_KEY, SESSION, hashed, kind_of
from chainwallet.accounts.tools import Accounts
from chainwallet.errors import Forbidden, NotSignedIn, StoreTrouble
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

Way = Session | ApiKey
"""What a token signs somebody in by."""


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
    (found,) = callers(accounts, [token])
    if isinstance(found, NotSignedIn):
        raise found
    return found


def callers(accounts: Accounts, tokens: Sequence[str]) -> list[Caller | NotSignedIn]:
    """Who stands behind each of ``tokens``, in their order; ``NotSignedIn`` where nobody does, or not any more."""
    now_s = accounts.now_s
    found, used = _looked_up(accounts, tokens, now_s)
    if used:
        _note_use(accounts, used, now_s)
    return found


class Callers:
    """As ``callers``, for many threads: that tokens are used is noted beside it, so that a read waits for no writer."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._beside = ThreadPoolExecutor(1, "uses of tokens")
        self._is_noting = threading.Lock()

    def __call__(self, tokens: Sequence[str]) -> list[Caller | NotSignedIn]:
        """Who stands behind each of ``tokens``."""
        now_s = self._accounts.now_s
        found, used = _looked_up(self._accounts, tokens, now_s)
        if used and self._is_noting.acquire(blocking=False):  # else it is noted at the next use
            self._beside.submit(self._note, used, now_s)
        return found

    def close(self) -> None:
        """Notes what is to be noted, and ends the thread."""
        self._beside.shutdown()

    def _note(self, used: Sequence[Way], now_s: int) -> None:
        try:
            with suppress(StoreTrouble):  # as above
                _note_use(self._accounts, used, now_s)
        finally:
            self._is_noting.release()


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


def _looked_up(accounts: Accounts, tokens: Sequence[str], now_s: int) -> tuple[list[Caller | NotSignedIn], list[Way]]:
    """Who stands behind each of ``tokens``, and what of it has been used without that being noted lately."""
    kinds = {token: kind_of(token) for token in tokens}
    hashes = {token: hashed(token) for token, kind in kinds.items() if kind is not None}
    session_hashes = [one for token, one in hashes.items() if kinds[token] == SESSION]
    key_hashes = [one for token, one in hashes.items() if kinds[token] == API_KEY]
    found: dict[str, tuple[Way, Account]] = {}
    with accounts.database.read() as tx:
        if session_hashes:
            found |= sessions.by_tokens(tx, session_hashes)
        if key_hashes:
            found |= api_keys.by_tokens(tx, key_hashes)
    since_s = now_s - USE_NOTED_EVERY_S
    used = [way for way, _ in found.values() if way.is_good(now_s) and (way.last_used_at_s or 0) <= since_s]
    return [_caller(token, found.get(hashes.get(token, "")), now_s) for token in tokens], used


def _note_use(accounts: Accounts, used: Sequence[Way], now_s: int) -> None:
    def note(tx: Transaction) -> None:
        for way in used:
            if isinstance(way, Session):
                sessions.use(tx, way.id, now_s - USE_NOTED_EVERY_S, now_s)
            else:
                api_keys.use(tx, way.id, now_s - USE_NOTED_EVERY_S, now_s)

    accounts.database.write(note)


def _caller(token: str, found: tuple[Way, Account] | None, now_s: int) -> Caller | NotSignedIn:
    if kind_of(token) is None:
        return NotSignedIn(f"a token is {SESSION} or {API_KEY} and 43 letters, digits, - or _")
    if found is None:
        return NotSignedIn("there is no such session or API key")
    way, account = found
    if way.revoked_at_s is not None:
        return NotSignedIn("it was revoked")
    if not way.is_good(now_s):
        return NotSignedIn("its time is over")
    scopes = scopes_of(account.roles)
    if isinstance(way, Session):
        return Caller(account.id, account.handle, account.roles, scopes, way.id, None)
    return Caller(account.id, account.handle, account.roles, scopes & way.scopes, None, way.id)


def _who(caller: Caller) -> str:
    by = "" if caller.key_id is None else f" by API key {caller.key_id}"
    return shown(caller.handle) + by
