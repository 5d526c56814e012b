"""What answers about groups and what their people share, for the service over it."""

import secrets

from chainwallet.assembly.opening import OpenHome, now_s
from chainwallet.bills import Bills
from chainwallet.groups import Groups
from chainwallet.payments import Teller


def groups(opened: OpenHome) -> Groups:
    """The groups of an open home's database."""
    return Groups(opened.database, now_s, secrets.token_bytes)


def bills(opened: OpenHome, teller: Teller) -> Bills:
    """The bills of these groups, whose shares ``teller`` takes payments of."""
    return Bills(opened.database, teller, now_s, secrets.token_bytes)
