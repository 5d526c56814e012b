"""Signing up and signing in by handle and password.

A handle that nobody has costs as much as a wrong password, and is answered with the same words.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import assert_never

from chainwallet.accounts.calling import Caller, require_session
from chainwallet.accounts.hashing import SALT_BYTES
from chainwallet.accounts.tokens import SESSION, hashed, kind_of, new_token
from chainwallet.accounts.tools import SERVICE_NAMES, Accounts
from chainwallet.errors import AlreadyExists, ClosedToStrangers, TooManyTries, WrongPassword
from chainwallet.evm import Address
from chainwallet.rules.handle import Handle, new_handle, parse_handle, shown
from chainwallet.rules.password import new_password, normal_form
from chainwallet.rules.throttle import DAY_S, MOST_IN_A_ROW, IsClosed, MayTry, MustWait, judge, place_of
from chainwallet.store import account_wallets, sessions, sign_ins, wallets
from chainwallet.store import accounts as account_rows
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.accounts import Account, Credentials
from chainwallet.store.database import Transaction
from chainwallet.store.sessions import Session
from chainwallet.store.wallets import Wallet

SESSION_LIFETIME_S = 30 * DAY_S  # SP 800-63B-4, 2.1.3: at AAL1 somebody signs in anew at least every 30 days
REMEMBERED_S = 365 * DAY_S  # how long after its end a session still shows where its owner signed in before
MOST_SESSIONS = 50  # of one account; one more ends the one that was not used for longest


@dataclass(frozen=True)
class SignedIn:
    """A new session, and its token, which is shown this once."""

    token: str
    session: Session

    def __repr__(self) -> str:
        return f"SignedIn({self.session!r}, ...)"


def sign_up(
    accounts: Accounts, handle: str, password: str, client_address: str, new_key: Callable[[], Address]
) -> Account:
    """A new account with a managed wallet, called as its handle is shown; ``new_key`` makes the wallet's key.

    Raises ``BadValue`` naming ``handle`` or ``password`` where it cannot be had, ``AlreadyExists`` for a handle that is
    taken, and what the hasher and ``new_key`` raise. Then there is no account; the key may have been made.
    """
    wanted = new_handle(handle)
    chosen = new_password(password, (wanted, *SERVICE_NAMES), accounts.blocklist)
    with accounts.database.read() as tx:
        if account_rows.credentials(tx, wanted) is not None or wallets.by_name(tx, shown(wanted)) is not None:
            raise AlreadyExists("account", shown(wanted))
    password_hash = accounts.hasher.hash(chosen, accounts.random(SALT_BYTES))
    wallet = Wallet(shown(wanted), new_key(), "managed", "person")
    now_s, place = accounts.now_s, place_of(client_address)

    def open_account(tx: Transaction) -> Account:
        account = account_rows.add(tx, wanted, password_hash, now_s)
        wallets.add(tx, wallet, now_s)
        account_wallets.add(tx, OwnWallet(wallet, account.id, is_default=True, added_at_s=now_s))
        sign_ins.remember(tx, account.id, place, now_s)
        return account

    return accounts.database.write(open_account)


def sign_in(
    accounts: Accounts, handle: str, password: str, client_address: str, earlier_token: str | None = None
) -> SignedIn:
    """A new session. ``earlier_token`` is one that the client had before, whether or not it is good any more.

    Its tries are counted apart from others at the same address, so that nobody beside its owner can lock them out.
    Raises ``WrongPassword``, also where nobody has the handle; ``TooManyTries`` where there were too many for this
    handle from there, or from there; ``ClosedToStrangers`` where the handle had too many from everywhere, and its owner
    has signed in neither from there nor with ``earlier_token``; ``BadValue`` for a text that can be no handle or
    password. What is refused before the password was looked at changes nothing.
    """
    wanted, given = parse_handle(handle), normal_form(password)
    place = place_of(client_address)
    spot, found = accounts.database.write(lambda tx: _begin(tx, accounts, wanted, place, earlier_token))
    with _no_try_without_a_turn(accounts, wanted, spot):
        known = _whose_password_is(accounts, wanted, found, given)
        outdated = accounts.hasher.is_outdated(known.password_hash)
        renewed = accounts.hasher.hash(given, accounts.random(SALT_BYTES)) if outdated else None
    token, session_id = new_token(SESSION, accounts.random), accounts.new_id()
    now_s = accounts.now_s
    session = Session(session_id, known.account_id, place, now_s, now_s, now_s + SESSION_LIFETIME_S)

    def open_session(tx: Transaction) -> SignedIn:
        if not account_rows.replace_password_hash(tx, known, renewed or known.password_hash):
            raise WrongPassword(shown(wanted))  # it was changed meanwhile
        sign_ins.forget(tx, wanted, spot)
        sign_ins.remember(tx, known.account_id, place, now_s)
        _make_room(tx, known.account_id, now_s)
        sessions.add(tx, session, hashed(token))
        return SignedIn(token, session)

    return accounts.database.write(open_session)


def change_password(accounts: Accounts, caller: Caller, password: str, wanted: str) -> None:
    """Takes ``wanted`` instead of ``password``, and ends all sessions of the account but the caller's.

    Raises ``Forbidden`` for an API key, ``WrongPassword``, ``BadValue`` for one that cannot be had, and as ``sign_in``
    where there were too many wrong ones.
    """
    session_id = require_session(caller)
    given = normal_form(password)
    chosen = new_password(wanted, (caller.handle, *SERVICE_NAMES), accounts.blocklist)
    spot = f"session {session_id}"
    found = accounts.database.write(lambda tx: _count_try(tx, accounts, caller.handle, spot, is_familiar=True))
    with _no_try_without_a_turn(accounts, caller.handle, spot):
        known = _whose_password_is(accounts, caller.handle, found, given)
        password_hash = accounts.hasher.hash(chosen, accounts.random(SALT_BYTES))

    def change(tx: Transaction) -> None:
        if not account_rows.replace_password_hash(tx, known, password_hash):
            raise WrongPassword(shown(caller.handle))
        sign_ins.forget(tx, caller.handle, spot)
        sessions.revoke_others(tx, caller.account_id, session_id, accounts.now_s)

    accounts.database.write(change)


def _begin(
    tx: Transaction, accounts: Accounts, handle: Handle, place: str, earlier_token: str | None
) -> tuple[str, Credentials | None]:
    """Counts a try that may be made now: where it counts, and what its password is to be compared with."""
    known = account_rows.credentials(tx, handle)
    device = None if known is None else _device(tx, known.account_id, earlier_token)
    is_familiar = device is not None or (known is not None and sign_ins.is_familiar(tx, known.account_id, place))
    spot = device or place
    return spot, _count_try(tx, accounts, handle, spot, is_familiar=is_familiar)


def _count_try(
    tx: Transaction, accounts: Accounts, handle: Handle, spot: str, *, is_familiar: bool
) -> Credentials | None:
    """Counts a try from ``spot``, a place or a device, that may be made now; what it is to be compared with."""
    counts, now_s = sign_ins.before(tx, handle, spot), accounts.now_s
    verdict = judge(counts, now_s, is_familiar=is_familiar)
    match verdict:
        case MustWait(wait_s):
            raise TooManyTries(f"sign-in to {shown(handle)} from here", wait_s)
        case IsClosed():
            raise ClosedToStrangers(shown(handle), MOST_IN_A_ROW)
        case MayTry():
            sign_ins.count(tx, handle, spot, counts.after_try(now_s), now_s)
            return account_rows.credentials(tx, handle)
        case _:
            assert_never(verdict)


@contextmanager
def _no_try_without_a_turn(accounts: Accounts, handle: Handle, spot: str) -> Iterator[None]:
    """Takes the try that was counted back where the hasher has no turn for it: it could not come to an end."""
    try:
        yield
    except TooManyTries:
        accounts.database.write(lambda tx: sign_ins.take_back(tx, handle, spot))
        raise


def _whose_password_is(accounts: Accounts, handle: Handle, found: Credentials | None, password: str) -> Credentials:
    """``found``, where ``password`` is theirs; raises ``WrongPassword``, after the same work where nobody was found."""
    is_theirs = accounts.hasher.is_of(found.password_hash if found else None, password)
    if found is None or not is_theirs:
        raise WrongPassword(shown(handle))
    return found


def _device(tx: Transaction, account_id: int, earlier_token: str | None) -> str | None:
    """What stands for the device that had ``earlier_token``, where that was the account's and nobody revoked it."""
    if earlier_token is None or kind_of(earlier_token) != SESSION:
        return None
    token_hash = hashed(earlier_token)
    return f"device {token_hash}" if sessions.is_of(tx, account_id, token_hash) else None


def _make_room(tx: Transaction, account_id: int, now_s: int) -> None:
    sessions.forget(tx, account_id, now_s - REMEMBERED_S, now_s - DAY_S)
    for session in sessions.good_ones(tx, account_id, now_s)[MOST_SESSIONS - 1 :]:
        sessions.revoke(tx, account_id, session.id, now_s)
