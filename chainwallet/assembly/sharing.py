"""What answers about groups and what their people share, for the service over it."""

import secrets

from chainwallet.assembly.opening import OpenHome, now_s
from chainwallet.groups import Groups


def groups(opened: OpenHome) -> Groups:
    """The groups of an open home's database."""
    return Groups(opened.database, now_s, secrets.token_bytes)
