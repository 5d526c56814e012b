"""What the routes work with, built once and handed to ``make_app``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chainwallet.accounts import Accounts, Caller
from chainwallet.api.callers import CallersOf
from chainwallet.bills import Bills
from chainwallet.clearing import Clearings
from chainwallet.errors import NotSignedIn
from chainwallet.evm import Address
from chainwallet.groups import Groups
from chainwallet.history import Audit, Chronicle
from chainwallet.interchange import Interchange
from chainwallet.issuing import Office
from chainwallet.manifest import Manifest
from chainwallet.notifier import Streams
from chainwallet.payments import Teller
from chainwallet.requests import Requests
from chainwallet.rpc import Node
from chainwallet.rules.sign_in_message import Site
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database

OpenAccount = Callable[[str, str, str], Account]
"""A new account with a wallet for handle, password and client address; raises what ``accounts.sign_up`` raises."""


@dataclass(frozen=True)
class Parts:
    """All that a route may call."""

    database: Database
    node: Node
    manifest: Manifest
    """The ledgers of the chain that ``node`` serves."""
    confirmations: int
    """How deep is final."""
    carriers: tuple[Address, ...]
    """The senders that carry payments and need gas money."""
    callers_of: CallersOf
    """Who is meant by bearer tokens."""
    accounts: Accounts
    """Who may ask for things here."""
    open_account: OpenAccount
    """Signs somebody up; the wallet's key is made where the service keeps its keys."""
    site: Site
    """As which service it asks for signatures that add addresses."""
    chronicle: Chronicle
    """Movements and balances from verified facts."""
    audit: Audit
    """What auditors ask."""
    streams: Streams
    """Who listens for events."""
    clock_s: Callable[[], float]
    """Seconds since 1970."""
    teller: Teller
    """Takes payments; its ``accept`` is the one seam through which they are accepted."""
    office: Office
    """Tops up and withdraws."""
    groups: Groups
    """Who shares bills with whom."""
    bills: Bills
    """What groups spent, and who owes whom for it."""
    interchange: Interchange
    """Groups in and out as files."""
    clearings: Clearings
    """How groups settle up."""
    requests: Requests
    """Asks for money."""

    def caller_of(self, token: str) -> Caller:
        """Who is meant by a bearer token; raises ``NotSignedIn``."""
        (found,) = self.callers_of([token])
        if isinstance(found, NotSignedIn):
            raise found
        return found


async def _parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts_of)]
"""The type of a route's parameter that is the parts."""
