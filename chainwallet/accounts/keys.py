"""API keys: for apps that act in somebody's name, with no more rights than they need."""

import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass

from chainwallet.accounts.calling import Caller, require
from chainwallet.accounts.tokens import API_KEY, hashed, new_token
from chainwallet.accounts.tools import Accounts
from chainwallet.errors import BadValue, Forbidden, NotFound
from chainwallet.rules.handle import shown
from chainwallet.rules.scope import parse_scopes
from chainwallet.store import api_keys
from chainwallet.store.api_keys import ApiKey
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns

MAX_NAME_CHARS = 64
MOST_KEYS = 100  # of one account, those that are over not counted
REMEMBERED_S = 86_400  # how long a key that is over can still be told from one that never was
LONGEST_LIFE_S = 10 * 366 * 86_400

_UNSEEN = {"Cc", "Cs", "Cf", "Zl", "Zp"}  # Unicode categories that a list cannot show


@dataclass(frozen=True)
class MadeKey:
    """A new API key, and its token, which is shown this once."""

    token: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"MadeKey({self.key!r}, ...)"


def new_key(
    accounts: Accounts, caller: Caller, name: str, scopes: Collection[str], expires_at_s: int | None
) -> Callable[[Transaction], MadeKey]:
    """What makes, in a transaction, a key called ``name`` with ``scopes`` that ends at ``expires_at_s`` (None: never).

    Between them they raise ``Forbidden`` where the caller may make no keys or lacks one of ``scopes``, and ``BadValue``
    for an empty name, an unknown scope, a time that is over, a key above ``MOST_KEYS``, and one that would outlive its
    maker.
    """
    require(caller, "keys:write")
    wanted = parse_scopes(scopes)
    for scope in sorted(wanted):
        require(caller, scope)
    now_s = accounts.now_s
    if expires_at_s is not None and not now_s < expires_at_s <= now_s + LONGEST_LIFE_S:
        raise BadValue("expires_at", expires_at_s, f"a time after {now_s} and within ten years")
    token = new_token(API_KEY, accounts.random)
    key = ApiKey(accounts.new_id(), caller.account_id, _checked_name(name), wanted, now_s, expires_at_s)
    return lambda tx: _add(tx, caller, MadeKey(token, key), now_s)


def list_keys(accounts: Accounts, caller: Caller) -> tuple[ApiKey, ...]:
    """The caller's keys that are good, the newest first. Raises ``Forbidden`` where they may not be seen."""
    require(caller, "keys:write")
    with accounts.database.read() as tx:
        return api_keys.good_ones(tx, caller.account_id, accounts.now_s)


def revoke_key(accounts: Accounts, caller: Caller, key_id: str) -> None:
    """Ends one of the caller's keys, at once and for good.

    Raises ``Forbidden``, and ``NotFound`` where the caller has no such key, or it was revoked.
    """
    require(caller, "keys:write")
    now_s = accounts.now_s
    if not accounts.database.write(lambda tx: api_keys.revoke(tx, caller.account_id, key_id, now_s)):
        raise NotFound("API key", key_id, "the list of your keys names those there are")


def _add(tx: Transaction, caller: Caller, made: MadeKey, now_s: int) -> MadeKey:
    take_turns(tx, "keys of", str(caller.account_id))
    api_keys.forget(tx, caller.account_id, now_s - REMEMBERED_S)
    if len(api_keys.good_ones(tx, caller.account_id, now_s)) >= MOST_KEYS:
        raise BadValue("keys", MOST_KEYS, f"at most {MOST_KEYS} at a time; revoke one first")
    if caller.key_id is not None:
        _require_outlived(tx, caller, caller.key_id, made.key.expires_at_s, now_s)
    api_keys.add(tx, made.key, hashed(made.token))
    return made


def _require_outlived(tx: Transaction, caller: Caller, key_id: str, expires_at_s: int | None, now_s: int) -> None:
    """Raises where a key made by the key ``key_id`` would be good for longer than that."""
    own = api_keys.by_id(tx, caller.account_id, key_id)
    if own is None or not own.is_good(now_s):
        raise Forbidden(shown(caller.handle), f"API key {key_id} any more")
    if own.expires_at_s is not None and (expires_at_s is None or expires_at_s > own.expires_at_s):
        raise BadValue("expires_at", expires_at_s, f"at most {own.expires_at_s}, when the key that asks for it ends")


def _checked_name(name: str) -> str:
    clean = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(clean) <= MAX_NAME_CHARS:
        raise BadValue("name", name[: MAX_NAME_CHARS + 1], f"1 to {MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) in _UNSEEN for char in clean):
        raise BadValue("name", name, "characters that can be seen")
    return clean
