"""What answers about groups and what their people share, for the service over it."""

import secrets
import time

from chainwallet import clearing
from chainwallet.assembly.connecting import Connection
from chainwallet.assembly.opening import OpenHome, now_s
from chainwallet.bills import Bills
from chainwallet.clearing import Clearings
from chainwallet.groups import Groups
from chainwallet.payments import Teller

ID_BYTES = 8


def groups(opened: OpenHome) -> Groups:
    """The groups of an open home's database."""
    return Groups(opened.database, now_s, secrets.token_bytes)


def bills(opened: OpenHome, teller: Teller) -> Bills:
    """The bills of these groups, whose shares ``teller`` takes payments of."""
    return Bills(opened.database, teller, now_s, secrets.token_bytes)


def clearings(connection: Connection) -> Clearings:
    """Settling up on all ledgers of the connected chain that are deployed by now."""
    opened = connection.opened
    return Clearings(
        clearing.Tools(
            database=opened.database,
            desks={cash.currency.code: connection.desk(cash) for cash in connection.ledgers(None)},
            relayer=opened.service("relayer").address,
            signer_of=opened.wallets.signer_of,
            new_id=lambda: secrets.token_hex(ID_BYTES),
            clock_s=time.time,
        )
    )
