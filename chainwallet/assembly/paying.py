"""What takes payments, top-ups and withdrawals on a chain, for the service over it."""

import secrets
from collections.abc import Callable

from chainwallet import payments
from chainwallet.assembly.connecting import Connection
from chainwallet.assembly.opening import now_s
from chainwallet.errors import BadValue
from chainwallet.evm import checksum
from chainwallet.issuing import Counter, Office
from chainwallet.keys.signer import Signer
from chainwallet.payments import Accept, AcceptSoon, AccountDirectory, Desk, Gatherer, Order, Teller
from chainwallet.requests import Requests
from chainwallet.rules.money import Currency
from chainwallet.store.promises import Promise

SALT_BYTES = 32


def accept_one(desk: Desk, order: Order, signer: Signer) -> Promise:
    """Accepts one order in a transaction of its own. Raises as ``payments.accept``."""
    return payments.accept(desk, order, signer, salt(), now_s())


def gatherer() -> Gatherer:
    """Accepts together what many threads ask for at the same time; whoever makes it closes it."""
    return Gatherer(salt, now_s)


def salt() -> bytes:
    """What hides a memo in its commitment."""
    return secrets.token_bytes(SALT_BYTES)


def teller(connection: Connection, accept: Accept = accept_one, accept_soon: AcceptSoon | None = None) -> Teller:
    """Takes payments on all ledgers of the connected chain; ``accept`` is how one is accepted."""
    opened = connection.opened
    return Teller(
        database=opened.database,
        node=connection.node,
        chain=connection.chain.key,
        desks={cash.currency.code: connection.desk(cash) for cash in connection.ledgers(None)},
        directory=AccountDirectory(opened.database, opened.service("issuer").address),
        accept=accept,
        signer_of=opened.wallets.signer_of,
        relayer=opened.service("relayer").address,
        salt=salt,
        now_s=now_s,
        service_fee_minor=opened.config.service_fee_minor,
        accept_soon=accept_soon,
    )


def requests(connection: Connection, taking: Teller, url: str) -> Requests:
    """Asks for money that ``taking`` takes; people reach the service at ``url``."""
    return Requests(connection.opened.database, taking, url, secrets.token_bytes, now_s)


def office(connection: Connection, accept: Accept = accept_one) -> Office:
    """Issues on all ledgers of the connected chain; ``accept`` is how the issuer's own payments are accepted."""
    opened, issuer = connection.opened, connection.opened.service("issuer")
    counters = {
        cash.currency.code: Counter(opened.database, cash, issuer.address, connection.confirmations)
        for cash in connection.ledgers(None)
    }
    return Office(
        counters=counters,
        node=connection.node,
        directory=AccountDirectory(opened.database, issuer.address),
        accept=_by_issuer(connection, accept),
        now_s=now_s,
    )


def _by_issuer(connection: Connection, accept: Accept) -> Callable[[Currency, Order], Promise]:
    desks = {cash.currency.code: connection.desk(cash) for cash in connection.ledgers(None)}

    def pay(currency: Currency, order: Order) -> Promise:
        signer = connection.opened.wallets.signer_of(order.payer)
        if signer is None:
            raise BadValue("issuer", checksum(order.payer), "a wallet whose key this home holds")
        return payments.accept_or_retry(desks[currency.code], accept, order, signer, now_s())

    return pay
