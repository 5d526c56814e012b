"""Accounts: who may ask for things here, and how they show that it is them.

``tools`` is what all parts work with; ``signing_in`` opens accounts and sessions by handle and password; ``calling``
says who stands behind a token and what they may do; ``sessions`` and ``keys`` are a person's own to list and revoke;
``addresses`` adds an address whose owner signed for it; ``roles`` is the operator's. ``hashing``, ``blocklist`` and
``tokens`` are their instruments.
"""

from chainwallet.accounts.addresses import Asked, ask_for_address, own_wallets, take_address, use_address
from chainwallet.accounts.blocklist import load_blocklist
from chainwallet.accounts.calling import Caller, Callers, caller, callers, own_account, require, require_session
from chainwallet.accounts.hashing import Argon2id
from chainwallet.accounts.keys import MadeKey, list_keys, new_key, revoke_key
from chainwallet.accounts.roles import change_role, list_accounts, reopen
from chainwallet.accounts.sessions import list_sessions, revoke_session
from chainwallet.accounts.signing_in import SignedIn, change_password, sign_in, sign_up
from chainwallet.accounts.tools import Accounts

__all__ = [
    "Accounts",
    "Argon2id",
    "Asked",
    "Caller",
    "Callers",
    "MadeKey",
    "SignedIn",
    "ask_for_address",
    "caller",
    "callers",
    "change_password",
    "change_role",
    "list_accounts",
    "list_keys",
    "list_sessions",
    "load_blocklist",
    "new_key",
    "own_account",
    "own_wallets",
    "reopen",
    "require",
    "require_session",
    "revoke_key",
    "revoke_session",
    "sign_in",
    "sign_up",
    "take_address",
    "use_address",
]
