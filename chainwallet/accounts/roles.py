"""What the operator does: sees accounts, grants and takes roles, opens a handle to strangers again."""

from collections.abc import Iterator

from chainwallet.errors import NotFound
from chainwallet.rules.handle import Handle, parse_handle, shown
from chainwallet.rules.scope import Role
from chainwallet.store import accounts as account_rows
from chainwallet.store import sign_ins
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database, Transaction

LISTED_AT_ONCE = 500


def list_accounts(database: Database) -> Iterator[Account]:
    """All accounts, by handle."""
    after = ""
    while True:
        with database.read() as tx:
            some = account_rows.listed(tx, after, LISTED_AT_ONCE)
        yield from some
        if len(some) < LISTED_AT_ONCE:
            return
        after = some[-1].handle


def change_role(database: Database, handle: str, role: Role, now_s: int, *, granted: bool) -> Account:
    """The account after ``role`` was granted to it or taken from it; nothing where that is so already.

    What the account's sessions and API keys may do follows at once. Raises ``NotFound`` and ``BadValue``.
    """
    wanted = parse_handle(handle)

    def change(tx: Transaction) -> Account:
        account = _find(tx, wanted)
        if granted:
            account_rows.grant(tx, account, role, now_s)
        else:
            account_rows.revoke(tx, account, role)
        return _find(tx, wanted)

    return database.write(change)


def reopen(database: Database, handle: str) -> Account:
    """Forgets the wrong passwords for ``handle``: new places may try again. Raises ``NotFound`` and ``BadValue``."""
    wanted = parse_handle(handle)

    def forget(tx: Transaction) -> Account:
        account = _find(tx, wanted)
        sign_ins.forget(tx, wanted)
        return account

    return database.write(forget)


def _find(tx: Transaction, handle: Handle) -> Account:
    account = account_rows.by_handle(tx, handle)
    if account is None:
        raise NotFound("account", shown(handle), "see `chainwallet account list`")
    return account
